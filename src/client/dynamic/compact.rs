//! What a client says of itself, as few bytes as will do: it is carried in the client's id.
//!
//! ```text
//! flags 1 | number of redirect URIs 1 | each: text | name: text | scope: text | keys | extras: tag 1, text | … | demands | of OpenID Connect    tags in rising order
//! ```
//!
//! A text is its length, in one byte below 128 and else in two, and its bytes. Flags: the way to authenticate (2 bits), refresh
//! tokens, a native application, whether there is a name, a scope, keys by value, keys by reference. There are keys where the client
//! authenticates by them, and nowhere else. One value has one form.

use smol_str::SmolStr;

#[cfg(feature = "proof")]
use super::declared::{DeclaredKeys, Source};
use super::demands::{self, Demands};
use super::metadata::{ApplicationType, ClientMetadata, Extra};
#[cfg(feature = "jwt")]
use super::openid::{self, OpenIdWishes};
use crate::client::AuthMethod;
use crate::grant::Scope;

const METHOD: u8 = 0b11;
const REFRESH_TOKEN: u8 = 1 << 2;
const NATIVE: u8 = 1 << 3;
const HAS_NAME: u8 = 1 << 4;
const HAS_SCOPE: u8 = 1 << 5;
#[cfg(feature = "proof")]
const KEYS: u8 = 1 << 6;
#[cfg(feature = "proof")]
const KEYS_ELSEWHERE: u8 = 1 << 7;
/// That nothing here is said by; with keys, each flag says something.
#[cfg(not(feature = "proof"))]
const UNKNOWN: u8 = 1 << 6 | 1 << 7;
const MAX_TEXT: usize = (1 << 15) - 1;

/// All but the contacts. `None` where a text is longer than any that is read.
pub fn encode_metadata(metadata: &ClientMetadata) -> Option<Vec<u8>> {
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    let method = AuthMethod::OF_REGISTRATION.iter().position(|method| *method == metadata.auth_method)?;
    let mut out = vec![
        u8::try_from(method).ok()?
            | flag(metadata.refresh_token, REFRESH_TOKEN)
            | flag(metadata.application_type == ApplicationType::Native, NATIVE)
            | flag(metadata.name.is_some(), HAS_NAME)
            | flag(metadata.scope.is_some(), HAS_SCOPE),
        u8::try_from(metadata.redirect_uris.len()).ok()?,
    ];
    let scope = metadata.scope.as_ref().map(Scope::as_str);
    for text in metadata.redirect_uris().chain(metadata.name()).chain(scope) {
        push(&mut out, text)?;
    }
    #[cfg(feature = "proof")]
    if let Some(keys) = &metadata.keys {
        out[0] |= if matches!(keys.source, Source::ByValue(_)) { KEYS } else { KEYS_ELSEWHERE };
        keys.encode(&mut out)?;
    }
    for extra in Extra::ALL {
        if let Some(text) = metadata.extra(extra) {
            out.push(extra as u8);
            push(&mut out, text)?;
        }
    }
    metadata.demands.encode(&mut out);
    #[cfg(feature = "jwt")]
    metadata.openid.encode(&mut out)?;
    Some(out)
}

/// Reads what [`encode_metadata`] wrote, and nothing else.
pub fn decode_metadata(bytes: &[u8]) -> Option<ClientMetadata> {
    let (&[flags, uris], mut rest) = bytes.split_first_chunk()?;
    let has = |flag: u8| flags & flag != 0;
    #[cfg(not(feature = "proof"))]
    if has(UNKNOWN) {
        return None;
    }
    if uris == 0 {
        return None;
    }
    let mut metadata = ClientMetadata {
        auth_method: *AuthMethod::OF_REGISTRATION.get(usize::from(flags & METHOD))?,
        refresh_token: has(REFRESH_TOKEN),
        application_type: if has(NATIVE) { ApplicationType::Native } else { ApplicationType::Web },
        redirect_uris: (0..uris).map(|_| take(&mut rest).map(SmolStr::new)).collect::<Option<_>>()?,
        name: if has(HAS_NAME) { Some(take(&mut rest)?.into()) } else { None },
        scope: if has(HAS_SCOPE) { Some(scope(take(&mut rest)?)?) } else { None },
        #[cfg(feature = "proof")]
        keys: match (has(KEYS), has(KEYS_ELSEWHERE)) {
            (false, false) => None,
            (true, true) => return None,
            (by_value, _) => Some(DeclaredKeys::decode(&mut rest, by_value)?),
        },
        contacts: Vec::new(),
        software_statement: None,
        is_statement_accepted: false,
        demands: Demands::default(),
        #[cfg(feature = "jwt")]
        openid: OpenIdWishes::default(),
        extras: [const { None }; Extra::ALL.len()],
    };
    #[cfg(feature = "proof")]
    if metadata.keys.is_some() != (metadata.auth_method == AuthMethod::PrivateKeyJwt) {
        return None;
    }
    let mut next = 0;
    while let Some((&tag, after)) = rest.split_first() {
        rest = after;
        #[cfg(feature = "jwt")]
        if tag == openid::TAG {
            metadata.openid = OpenIdWishes::decode(&mut rest)?;
            // It is the last.
            return rest.is_empty().then_some(metadata);
        }
        let tag = usize::from(tag);
        if tag < next {
            return None;
        }
        if tag == usize::from(demands::TAG) {
            metadata.demands = Demands::decode(&mut rest)?;
            next = tag + 1;
            continue;
        }
        *metadata.extras.get_mut(tag)? = Some(take(&mut rest)?.into());
        next = tag + 1;
    }
    Some(metadata)
}

fn scope(text: &str) -> Option<Scope> {
    Scope::parse(text).ok().filter(|scope| scope.as_str() == text)
}

pub(super) fn push(out: &mut Vec<u8>, text: &str) -> Option<()> {
    let length = u16::try_from(text.len()).ok().filter(|length| usize::from(*length) <= MAX_TEXT)?;
    match u8::try_from(length) {
        Ok(short) if short < 1 << 7 => out.push(short),
        _ => out.extend((length | 1 << 15).to_be_bytes()),
    }
    out.extend(text.as_bytes());
    Some(())
}

pub(super) fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let (&first, mut after) = rest.split_first()?;
    let mut length = usize::from(first);
    if first >= 1 << 7 {
        let (&second, behind) = after.split_first()?;
        (length, after) = (usize::from(first & 0x7f) << 8 | usize::from(second), behind);
        if length < 1 << 7 {
            return None;
        }
    }
    let (text, after) = after.split_at_checked(length)?;
    *rest = after;
    std::str::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> ClientMetadata {
        let json = r#"{
            "redirect_uris": ["https://app.example/cb", "http://127.0.0.1/cb"], "client_name": "Zoë", "scope": "read write",
            "grant_types": ["refresh_token", "authorization_code"], "token_endpoint_auth_method": "client_secret_post",
            "client_uri": "https://app.example", "logo_uri": "https://app.example/logo.png", "software_id": "4NRB1",
            "tos_uri": "https://app.example/tos", "policy_uri": "https://app.example/policy", "software_version": "2.2"
        }"#;
        json.parse().unwrap()
    }

    #[cfg(not(feature = "proof"))]
    fn keyed() -> Vec<ClientMetadata> {
        Vec::new()
    }

    /// Keys of each kind that fits, by value and by reference (RFC 7515 appendix A.3, RFC 8037 appendix A.2).
    #[cfg(feature = "proof")]
    fn keyed() -> Vec<ClientMetadata> {
        let p_256 = r#"{"kty":"EC","crv":"P-256","kid":"Zoë","alg":"ES256",
            "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
        let ed25519 = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let by_value = |keys: &str| format!(r#""jwks":{{"keys":[{keys}]}}"#);
        let elsewhere = r#""jwks_uri":"https://app.example/jwks","token_endpoint_auth_signing_alg":"Ed25519""#;
        let both = by_value(&format!("{p_256},{ed25519}"));
        [by_value(p_256), by_value(ed25519), both, elsewhere.to_owned()]
            .map(|keys| {
                let json = format!(
                    r#"{{"redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"private_key_jwt",
                    "software_id":"4NRB1",{keys}}}"#
                );
                json.parse().unwrap()
            })
            .into()
    }

    /// What clients ask to be held to: each alone, and all.
    #[cfg(feature = "mtls")]
    fn demanding() -> Vec<ClientMetadata> {
        let members = [
            r#""require_pushed_authorization_requests":true"#,
            r#""dpop_bound_access_tokens":true"#,
            r#""tls_client_certificate_bound_access_tokens":true"#,
            r#""authorization_signed_response_alg":"Ed25519""#,
        ];
        let json = |members: &str| {
            format!(r#"{{"redirect_uris":["https://app.example/cb"],"software_id":"4NRB1",{members}}}"#)
        };
        let each = members.into_iter().map(|member| json(member).parse().unwrap());
        let mut keyed = keyed().remove(0);
        keyed.demands = Demands {
            signed: true,
            request_algorithm: Some("ES256"),
            ..json(&members.join(",")).parse::<ClientMetadata>().unwrap().demands
        };
        each.chain([keyed]).collect()
    }

    /// What of OpenID Connect clients ask for: each alone, and all.
    #[cfg(feature = "jwt")]
    fn wishing() -> Vec<ClientMetadata> {
        let members = [
            r#""subject_type":"pairwise""#,
            r#""post_logout_redirect_uris":["https://app.example/out","com.example.app:/out"]"#,
            r#""backchannel_logout_uri":"https://app.example/logout""#,
            r#""sector_identifier_uri":"https://app.example/uris","backchannel_logout_session_required":true"#,
        ];
        let json = |members: &str| {
            format!(r#"{{"redirect_uris":["https://app.example/cb"],"software_id":"4NRB1",{members}}}"#)
        };
        let all = members.join(",");
        members.into_iter().chain([all.as_str()]).map(|member| json(member).parse().unwrap()).collect()
    }

    #[cfg(not(feature = "jwt"))]
    fn wishing() -> Vec<ClientMetadata> {
        Vec::new()
    }

    #[cfg(not(feature = "mtls"))]
    fn demanding() -> Vec<ClientMetadata> {
        Vec::new()
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let least: ClientMetadata = r#"{"redirect_uris":["https://app.example/cb"]}"#.parse().unwrap();
        let long = format!(r#"{{"redirect_uris":["https://app.example/{}"],"scope":""}}"#, "a".repeat(1_000));
        for metadata in
            [all(), least, long.parse().unwrap()].into_iter().chain(keyed()).chain(demanding()).chain(wishing())
        {
            let bytes = encode_metadata(&metadata).unwrap();
            assert_eq!(decode_metadata(&bytes), Some(metadata));
            for end in 0..bytes.len() {
                if let Some(shorter) = decode_metadata(&bytes[..end]) {
                    assert_eq!(encode_metadata(&shorter).unwrap(), bytes[..end], "one value, one form");
                }
            }
            // Whatever else the bytes become: refused, or the one form of another value.
            for at in 0..bytes.len() {
                for bit in 0..8 {
                    let mut other = bytes.clone();
                    other[at] ^= 1 << bit;
                    if let Some(metadata) = decode_metadata(&other) {
                        assert_eq!(encode_metadata(&metadata).as_ref(), Some(&other));
                    }
                }
            }
        }
    }

    #[test]
    fn each_departure_from_the_form_is_refused() {
        let bytes = encode_metadata(&all()).unwrap();
        let with = |at: usize, value: u8| {
            let mut other = bytes.clone();
            other[at] = value;
            decode_metadata(&other)
        };
        assert_eq!(with(0, bytes[0] | METHOD), None, "a fourth way to authenticate");
        assert_eq!(with(0, bytes[0] | 1 << 6), None, "an unknown flag");
        assert_eq!(with(1, 0), None, "no redirect URI");
        assert_eq!(with(3, 0xff), None, "no UTF-8");
        assert_eq!(decode_metadata(&[&bytes[..], &[0]].concat()), None, "a tag twice, or out of order");
        assert_eq!(decode_metadata(&[&bytes[..], &[7, 0]].concat()), None, "an unknown tag");
        assert_eq!(decode_metadata(&[0, 1, 0x80, 1, b'a']), None, "a short text with a long length");
        assert!(decode_metadata(&[0, 1, 1, b'a']).is_some());
        assert_eq!(
            decode_metadata(&[HAS_SCOPE, 1, 1, b'a', 3, b'b', b' ', b'b']),
            None,
            "a scope that is written in another way"
        );
    }
}
