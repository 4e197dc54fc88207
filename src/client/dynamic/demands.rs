//! What a client asks to be held to: how its authorization requests come (RFC 9126 section 6, RFC 9101 section 10.5), how its answers are
//! signed (JARM section 3), and what its tokens are bound to (RFC 9449 section 5.2, RFC 8705 section 3.4).
//!
//! ```text
//! tag 1 | switches 1 | of requests: algorithm 1 | of answers: algorithm 1
//! ```
//!
//! Switches: the four members that are true or false, and whether each algorithm is there. Ids of clients that ask for none of it do not
//! have this part.

use serde_json::{Map, Value, json};

use super::MetadataFault;
use super::members::Members;
use super::metadata::Extra;
use crate::client::ClientBuilder;

/// What a client asked to be held to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Demands {
    pub(crate) pushed: bool,
    pub(crate) signed: bool,
    pub(crate) dpop: bool,
    pub(crate) certificate: bool,
    pub(crate) request_algorithm: Option<&'static str>,
    pub(crate) answer_algorithm: Option<&'static str>,
}

/// Behind the tags of the extras.
#[expect(clippy::cast_possible_truncation, reason = "six")]
pub(super) const TAG: u8 = Extra::ALL.len() as u8;

const PUSHED: &str = "require_pushed_authorization_requests";
const SIGNED: &str = "require_signed_request_object";
const DPOP: &str = "dpop_bound_access_tokens";
const CERTIFICATE: &str = "tls_client_certificate_bound_access_tokens";
const REQUEST_ALGORITHM: &str = "request_object_signing_alg";
const ANSWER_ALGORITHM: &str = "authorization_signed_response_alg";

/// Ids have the place of an algorithm in it, so this order is for ever. None is `none`, and none is under a client's secret.
const ALGORITHMS: [&str; 5] = ["ES256", "PS256", "RS256", "EdDSA", "Ed25519"];

const HAS_REQUEST_ALGORITHM: u8 = 1 << 4;
const HAS_ANSWER_ALGORITHM: u8 = 1 << 5;

impl Demands {
    /// What a client says. `has_keys` is whether its keys are known: nobody else's requests can be signed. What would be no more than a
    /// wish is dropped where it cannot be had (RFC 7591 section 3.2.1); what the client counts on is refused.
    pub(super) fn read(members: &Members, has_keys: bool) -> Result<Self, MetadataFault> {
        let algorithm = |name: &str, fault: MetadataFault| match members.text(name)? {
            None => Ok(None),
            Some(said) => ALGORITHMS.into_iter().find(|known| *known == said).map(Some).ok_or(fault),
        };
        let request_algorithm = algorithm(REQUEST_ALGORITHM, MetadataFault::RequestSigningAlgorithm)?;
        let answer_algorithm = algorithm(ANSWER_ALGORITHM, MetadataFault::ResponseSigningAlgorithm)?;
        let demands = Self {
            pushed: members.switch(PUSHED)?,
            signed: members.switch(SIGNED)?,
            dpop: members.switch(DPOP)?,
            certificate: members.switch(CERTIFICATE)?,
            request_algorithm: request_algorithm.filter(|_| has_keys),
            answer_algorithm: answer_algorithm.filter(|_| cfg!(feature = "jwt")),
        };
        demands.check_build()?;
        if demands.signed && !has_keys { Err(MetadataFault::NoKeyForRequests) } else { Ok(demands) }
    }

    /// What this build does not do at all.
    fn check_build(self) -> Result<(), MetadataFault> {
        let has = |is_asked: bool, is_there: bool, fault| if is_asked && !is_there { Err(fault) } else { Ok(()) };
        has(self.pushed, cfg!(feature = "root-secret"), MetadataFault::PushedRequestsNotServed)?;
        has(self.signed, cfg!(feature = "proof"), MetadataFault::SignedRequestsNotServed)?;
        has(self.dpop, cfg!(feature = "proof"), MetadataFault::DpopNotServed)?;
        has(self.certificate, cfg!(feature = "mtls"), MetadataFault::CertificatesNotServed)
    }

    /// The members that say it. One that is not there is false, so those alone that are true.
    pub(super) fn say(self, members: &mut Map<String, Value>) {
        for (name, is_asked) in self.switches() {
            if is_asked {
                members.insert(name.to_owned(), json!(true));
            }
        }
        for (name, algorithm) in
            [(REQUEST_ALGORITHM, self.request_algorithm), (ANSWER_ALGORITHM, self.answer_algorithm)]
        {
            if let Some(algorithm) = algorithm {
                members.insert(name.to_owned(), json!(algorithm));
            }
        }
    }

    /// Each means what the builder's method of that name means.
    pub(super) fn describe(self, builder: ClientBuilder) -> ClientBuilder {
        let builder = builder.require_pushed_authorization_requests(self.pushed);
        #[cfg(feature = "proof")]
        let builder = {
            let algorithm = self.request_algorithm.and_then(crate::proof::JwsAlgorithm::from_name);
            let builder = builder
                .require_signed_request_object(self.signed)
                .require_dpop(self.dpop)
                .certificate_bound_tokens(self.certificate);
            algorithm.into_iter().fold(builder, ClientBuilder::request_object_algorithm)
        };
        #[cfg(feature = "jwt")]
        let builder = self.answer_algorithm.into_iter().fold(builder, ClientBuilder::authorization_signed_response_alg);
        builder
    }

    /// In the order of their bits.
    const fn switches(self) -> [(&'static str, bool); 4] {
        [(PUSHED, self.pushed), (SIGNED, self.signed), (DPOP, self.dpop), (CERTIFICATE, self.certificate)]
    }

    pub(super) fn encode(self, out: &mut Vec<u8>) {
        if self == Self::default() {
            return;
        }
        let mut switches = 0;
        for (bit, (_, is_asked)) in self.switches().into_iter().enumerate() {
            switches |= u8::from(is_asked) << bit;
        }
        let place = |algorithm: Option<&str>| ALGORITHMS.iter().position(|known| Some(*known) == algorithm);
        let places = [place(self.request_algorithm), place(self.answer_algorithm)];
        for (place, flag) in places.iter().zip([HAS_REQUEST_ALGORITHM, HAS_ANSWER_ALGORITHM]) {
            switches |= if place.is_some() { flag } else { 0 };
        }
        out.extend([TAG, switches]);
        out.extend(places.into_iter().flatten().filter_map(|place| u8::try_from(place).ok()));
    }

    /// Reads what [`encode`](Self::encode) wrote, behind the tag. A demand that this build cannot keep is not passed by: it is nobody's id
    /// then.
    pub(super) fn decode(rest: &mut &[u8]) -> Option<Self> {
        let mut next = || {
            let (&byte, after) = rest.split_first()?;
            *rest = after;
            Some(byte)
        };
        let switches = next()?;
        if switches == 0 || switches >= HAS_ANSWER_ALGORITHM << 1 {
            return None;
        }
        let mut algorithm = |flag: u8| {
            if switches & flag == 0 {
                return Some(None);
            }
            ALGORITHMS.get(usize::from(next()?)).copied().map(Some)
        };
        let (request_algorithm, answer_algorithm) =
            (algorithm(HAS_REQUEST_ALGORITHM)?, algorithm(HAS_ANSWER_ALGORITHM)?);
        let has = |bit: u8| switches & 1 << bit != 0;
        let demands = Self {
            pushed: has(0),
            signed: has(1),
            dpop: has(2),
            certificate: has(3),
            request_algorithm,
            answer_algorithm,
        };
        demands.check_build().ok().map(|()| demands)
    }
}
