//! What OpenID Connect has a client say of itself: OpenID Connect Registration 1.0 section 2, RP-Initiated Logout 1.0 section 3.1,
//! Back-Channel Logout 1.0 section 2.2.

use smol_str::SmolStr;

use super::builder::ClientBuilder;
use super::client::{Client, ClientError};
#[cfg(feature = "root-secret")]
use super::dynamic::ClientMetadata;
use super::redirect_uri::RedirectUri;
use crate::grant::Timestamp;
use crate::wire::{has_control, read_uri, web_host};

/// The longest URI.
const MAX_URI_BYTES: usize = 2_048;
/// The longest name of a sector, as of a host.
pub(super) const MAX_SECTOR_BYTES: usize = 255;

/// What most clients say nothing of.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenId {
    id_token_algorithm: Option<SmolStr>,
    post_logout_redirect_uris: Vec<SmolStr>,
    backchannel_logout_uri: Option<SmolStr>,
    backchannel_session: bool,
    /// Of a client that nobody made by hand: whether the host sends it any all the same.
    stranger_hears: bool,
    /// From when on its grants have pairwise subjects.
    pairwise_from: Option<Timestamp>,
    sector: SectorRule,
}

/// Where the sector of a client comes from.
#[derive(Clone, Debug, Default)]
enum SectorRule {
    /// From its redirect URIs.
    #[default]
    Redirects,
    /// Somebody has said it, or fetched it.
    Host(SmolStr),
    /// The client is its own: its redirect URIs may change, and nobody has vouched for them.
    Own,
}

impl SectorRule {
    fn host(&self) -> Option<&str> {
        match self {
            Self::Host(host) => Some(host),
            Self::Redirects | Self::Own => None,
        }
    }
}

/// Who sees the same pairwise subject.
#[cfg(feature = "root-secret")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sector<'c> {
    /// All clients of a host.
    Host(&'c str),
    /// The client alone.
    Client(&'c str),
}

impl ClientBuilder {
    fn openid(&mut self) -> &mut OpenId {
        self.client.openid.get_or_insert_default()
    }

    /// By what its ID tokens and logout tokens are signed (`id_token_signed_response_alg` of OpenID Connect Registration section 2):
    /// `HS256` by its [recoverable secret](Self::recoverable_secret), or the algorithm of one of the engine's keys, `RS256`, `ES256` or `EdDSA`. Of the
    /// engine's keys the one that signs goes first, then one that is [accepted](crate::EngineBuilder::accept_signing_key): accept it
    /// everywhere first. Where there is no such key, a login with `openid` is refused. Default: `HS256` where it has such a secret, else by the
    /// engine's signing key, whatever it is.
    ///
    /// ```
    /// # use regrant::Client;
    /// let app = Client::public("app").id_token_signed_response_alg("ES256").build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn id_token_signed_response_alg(mut self, algorithm: &str) -> Self {
        self.openid().id_token_algorithm = Some(algorithm.into());
        self
    }

    /// Adds a URI that a person may be sent back to after a logout that this client began (RP-Initiated Logout section 3.1). A request has to
    /// name it as it is here, to the character: no port is free. It is `https`, `http` to the same machine, or of a scheme of an
    /// app's own, without a fragment, and has at most 2,048 bytes.
    ///
    /// ```
    /// # use regrant::Client;
    /// let app = Client::public("app").post_logout_redirect_uri("https://app.example/signed-out").build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn post_logout_redirect_uri(mut self, uri: &str) -> Self {
        self.openid().post_logout_redirect_uris.push(uri.into());
        self
    }

    /// Where it wants to hear that a session has ended (`backchannel_logout_uri` of Back-Channel Logout section 2.2): an `https` URL, or `http` to
    /// the same machine or another that the host vouches for, without a fragment. `session`: whether it needs the claim `sid`
    /// (`backchannel_logout_session_required`); it gets it either way. A [stranger](Client::is_stranger)'s client hears nothing, since its URL
    /// may be anybody's, unless the host [says so](Self::danger_backchannel_logout_of_stranger). Default: none.
    ///
    /// ```
    /// # use regrant::Client;
    /// let app = Client::public("app").backchannel_logout_uri("https://app.example/logout", true).build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn backchannel_logout_uri(mut self, uri: &str, session: bool) -> Self {
        let openid = self.openid();
        openid.backchannel_logout_uri = Some(uri.into());
        openid.backchannel_session = session;
        self
    }

    /// Whether it hears of logouts though it is a [stranger](Client::is_stranger)'s client: at an `https` URL on the host of all its redirect URIs, or
    /// of its [sector](Self::sector_identifier), and nowhere else. The danger: its URL may be anybody's, an address of
    /// the host's own network among them, so post by what goes to public addresses alone, as `ReqwestFetch` does. Of one person 200 clients of
    /// strangers hear at most ([`Lifetimes::MOST_AT_STRANGERS`](crate::Lifetimes::MOST_AT_STRANGERS)), in all sessions together: a login
    /// at one more takes the place of the oldest. Default: no.
    ///
    /// ```
    /// # use regrant::Client;
    /// let app = Client::public("app-7301")
    ///     .stranger(true)
    ///     .redirect_uri("https://app.example/cb")
    ///     .backchannel_logout_uri("https://app.example/logout", true)
    ///     .danger_backchannel_logout_of_stranger(true)
    ///     .build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn danger_backchannel_logout_of_stranger(mut self, hears: bool) -> Self {
        if hears || self.client.openid.is_some() {
            self.openid().stranger_hears = hears;
        }
        self
    }

    /// Tells it people by pairwise subjects (OpenID Connect Core section 8.1): what it reads in ID tokens, at the userinfo endpoint, in
    /// logout tokens, by introspection and in its JWT access tokens is a name of the person that clients of other
    /// [sectors](Self::sector_identifier) do not know. Hooks, events and resources have the subject as ever. For a client that has had no logins yet; the
    /// engine needs a subject secret (`EngineBuilder::subject_secret`). Default: no.
    ///
    /// ```
    /// # use regrant::Client;
    /// let app = Client::public("app").pairwise_subjects().build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn pairwise_subjects(self) -> Self {
        self.danger_pairwise_subjects_from(Timestamp::EPOCH)
    }

    /// The same for a client that has had logins: those made before this time keep the subject that they have, so that it stays the same for the
    /// life of a login (section 12.2). The danger: at their next login all people are somebody new to the client, unless it is told who is
    /// who.
    ///
    /// ```
    /// # use regrant::{Client, Timestamp};
    /// let from = Timestamp::from_secs(1_800_000_000);
    /// let app = Client::public("app").danger_pairwise_subjects_from(from).build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn danger_pairwise_subjects_from(mut self, time: Timestamp) -> Self {
        self.openid().pairwise_from = Some(time);
        self
    }

    /// The sector of its pairwise subjects, a host name: clients of one sector know a person by the same name. Say it where redirect URIs are on
    /// several hosts; the host vouches for it, so nothing is fetched. Default: the host of all its redirect URIs where they are `https`
    /// and on one host (of a client that is known by a document, on that document's host); else the client is a sector of its own, since native
    /// apps would all share `localhost`.
    ///
    /// ```
    /// # use regrant::Client;
    /// let app = Client::public("app").pairwise_subjects().sector_identifier("bank.example").build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn sector_identifier(mut self, host: &str) -> Self {
        self.openid().sector = SectorRule::Host(host.to_ascii_lowercase().into());
        self
    }

    /// It is a sector of its own, whatever its redirect URIs are.
    pub(super) fn sector_of_its_own(mut self) -> Self {
        self.openid().sector = SectorRule::Own;
        self
    }
}

impl Client {
    pub(crate) fn id_token_algorithm(&self) -> Option<&str> {
        self.openid.as_deref()?.id_token_algorithm.as_deref()
    }

    /// Whether a person may be sent there after a logout. To the character (RP-Initiated Logout section 2).
    #[cfg(feature = "root-secret")]
    pub(crate) fn may_return_to(&self, uri: &str) -> bool {
        let openid = self.openid.as_deref();
        openid.is_some_and(|openid| openid.post_logout_redirect_uris.iter().any(|registered| registered == uri))
    }

    /// Where it hears of logouts. A client that nobody made by hand hears at its own host alone, which is that of its redirect URIs or of its
    /// sector: what is said there is what the client calls a person.
    pub(crate) fn hears_logouts_at(&self) -> Option<&str> {
        let openid = self.openid.as_deref()?;
        let uri = openid.backchannel_logout_uri.as_deref()?;
        let redirects = || one_https_host(self.redirect_uris.iter().map(RedirectUri::as_str));
        let hears = !self.stranger || openid.stranger_hears && is_at(uri, [openid.sector.host(), redirects()]);
        hears.then_some(uri)
    }

    /// Whether a grant of that time has a pairwise subject.
    pub(crate) fn is_pairwise_at(&self, created_at: Timestamp) -> bool {
        let from = self.openid.as_deref().and_then(|openid| openid.pairwise_from);
        from.is_some_and(|from| created_at >= from)
    }

    /// Whether any of its grants may have one.
    pub(crate) fn is_pairwise(&self) -> bool {
        self.openid.as_deref().is_some_and(|openid| openid.pairwise_from.is_some())
    }

    /// Whether one of the engine's keys is to sign for it, and not any.
    pub(super) fn wants_id_token_algorithm(&self) -> bool {
        self.id_token_algorithm().is_some_and(|algorithm| algorithm != "HS256")
    }

    /// Whether it hears of logouts, for the metadata.
    pub(super) fn hears_logouts(&self) -> bool {
        self.hears_logouts_at().is_some()
    }

    /// Who else knows people by the names that it knows.
    #[cfg(feature = "root-secret")]
    pub(crate) fn sector(&self) -> Sector<'_> {
        let host = match self.openid.as_deref().map(|openid| &openid.sector) {
            Some(SectorRule::Host(host)) => Some(host.as_str()),
            Some(SectorRule::Own) => None,
            Some(SectorRule::Redirects) | None => one_https_host(self.redirect_uris.iter().map(RedirectUri::as_str)),
        };
        host.map_or(Sector::Client(&self.id), Sector::Host)
    }

    /// Whether it would know people by the names that it knows them by once it says these metadata in the place of those that there were.
    /// By what is said of a sector where the host has not said one itself.
    #[cfg(feature = "root-secret")]
    pub(crate) fn keeps_sector(&self, before: &ClientMetadata, after: &ClientMetadata) -> bool {
        let is_by_host = self.is_pairwise() && !before.pairwise_subjects();
        if !after.pairwise_subjects() && !is_by_host {
            return true;
        }
        // Whether there were logins yet nobody here can tell.
        if !self.is_pairwise() {
            return false;
        }
        let said = self.openid.as_deref().and_then(|openid| openid.sector.host());
        if said.is_some_and(|said| before.sector_host().as_deref() != Some(said)) {
            return true;
        }
        let listed = after.sector_host();
        match (self.sector(), listed.as_deref().or_else(|| one_https_host(after.redirect_uris()))) {
            (Sector::Host(now), Some(then)) => now.eq_ignore_ascii_case(then),
            (Sector::Client(_), None) => true,
            _ => false,
        }
    }
}

/// The host of all of these, where they are `https` and on one.
pub(super) fn one_https_host<'u>(uris: impl IntoIterator<Item = &'u str>) -> Option<&'u str> {
    let mut hosts = uris.into_iter().map(https_host);
    let first = hosts.next()??;
    hosts.all(|other| other.is_some_and(|other| other.eq_ignore_ascii_case(first))).then_some(first)
}

/// Whether it is `https` on one of these hosts.
pub(super) fn is_at(uri: &str, hosts: [Option<&str>; 2]) -> bool {
    https_host(uri).is_some_and(|host| hosts.into_iter().flatten().any(|own| own.eq_ignore_ascii_case(host)))
}

/// The host of a URI that was looked at, which has no user before it; of `https` alone.
fn https_host(uri: &str) -> Option<&str> {
    let rest = uri.strip_prefix("https://")?;
    let end = if rest.starts_with('[') { rest.find(']').map(|at| at + 1) } else { rest.find([':', '/', '?']) };
    rest.get(..end.unwrap_or(rest.len())).filter(|host| !host.is_empty())
}

/// Whether what is said makes sense.
pub(super) fn check(client: &Client) -> Result<(), ClientError> {
    let Some(openid) = client.openid.as_deref() else { return Ok(()) };
    let is_web = |uri: &str| {
        uri.len() <= MAX_URI_BYTES && read_uri(uri).is_some_and(|uri| web_host(&uri).is_some() && !uri.has_fragment())
    };
    if !openid.backchannel_logout_uri.as_deref().is_none_or(is_web) {
        return Err(ClientError::BackchannelLogoutUri);
    }
    // As redirect URIs are: a browser is sent there.
    let native = super::NativeRedirects::new();
    for uri in &openid.post_logout_redirect_uris {
        RedirectUri::parse(uri, &native).map_err(ClientError::RedirectUri)?;
    }
    let is_sector = |sector: &str| (1..=MAX_SECTOR_BYTES).contains(&sector.len()) && !has_control(sector);
    if !openid.sector.host().is_none_or(is_sector) {
        return Err(ClientError::Sector);
    }
    match openid.id_token_algorithm.as_deref() {
        Some("HS256") if client.id_token_secret.is_none() => Err(ClientError::SecretNotKept),
        _ => Ok(()),
    }
}
