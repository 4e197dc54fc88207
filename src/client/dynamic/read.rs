//! From JSON to what a client says of itself: RFC 7591 section 2, and OpenID Connect Dynamic Client Registration section 2.

use std::str::FromStr;

use serde_json::Value;
use smol_str::SmolStr;
use zeroize::Zeroizing;

use super::MetadataFault;
#[cfg(feature = "proof")]
use super::declared::DeclaredKeys;
use super::demands::Demands;
use super::members::Members;
use super::metadata::{ApplicationType, ClientMetadata, Extra};
#[cfg(feature = "jwt")]
use super::openid::OpenIdWishes;
use super::words::{is_link, is_place, is_plain_text};
use crate::client::redirect_uri::RedirectUri;
use crate::client::{AUTHORIZATION_CODE, AuthMethod, NativeRedirects, REFRESH_TOKEN};
use crate::grant::Scope;
use crate::wire::{read_uri, web_host};

/// What an update must not have (RFC 7592 section 2.2).
const SERVERS: [&str; 4] =
    ["registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"];

/// What a document must not have: whoever reads it has the secret.
const SECRETS: [&str; 2] = ["client_secret", "client_secret_expires_at"];

impl ClientMetadata {
    /// Reads what a client sends. Members that are not understood are passed by, and grant and response types that
    /// are not open to it are dropped (RFC 7591 section 3.2.1); what is left has to make sense. What it asks to be held to, and this build
    /// does not do (bound tokens, pushed or signed requests), is refused: it would count on it.
    ///
    /// # Errors
    ///
    /// [`MetadataFault`].
    pub fn from_json(json: &[u8]) -> Result<Self, MetadataFault> {
        Self::from_json_with(json, &NativeRedirects::new())
    }

    /// The same where redirect URIs may be more than RFC 8252 has for native apps.
    ///
    /// # Errors
    ///
    /// [`MetadataFault`].
    ///
    /// ```
    /// use regrant::client::{ClientMetadata, NativeRedirects};
    /// let json = br#"{"redirect_uris":["vscode://vendor.extension/cb"],"token_endpoint_auth_method":"none"}"#;
    /// assert!(ClientMetadata::from_json(json).is_err());
    /// assert!(ClientMetadata::from_json_with(json, &NativeRedirects::new().with_schemes(["vscode"])).is_ok());
    /// ```
    pub fn from_json_with(json: &[u8], native: &NativeRedirects) -> Result<Self, MetadataFault> {
        if json.len() > Self::MAX_JSON_BYTES {
            return Err(MetadataFault::TooLong);
        }
        let members = Members::read(json)?;
        Self::of(&members, auth_method(&members)?, native)
    }

    /// Reads an update of a registration (RFC 7592 section 2.2), and the secret that came with it.
    pub(crate) fn from_update(
        json: &[u8],
        client_id: &str,
        native: &NativeRedirects,
    ) -> Result<(Self, Option<Zeroizing<String>>), MetadataFault> {
        if json.len() > Self::MAX_JSON_BYTES {
            return Err(MetadataFault::TooLong);
        }
        let members = Members::read(json)?;
        if members.text("client_id")? != Some(client_id) {
            return Err(MetadataFault::ClientId);
        }
        if SERVERS.iter().any(|name| members.get(name).is_some()) {
            return Err(MetadataFault::ServersMember);
        }
        let secret = members.text("client_secret")?.map(|secret| Zeroizing::new(secret.to_owned()));
        Ok((Self::of(&members, auth_method(&members)?, native)?, secret))
    }

    /// Reads the document that a client is known by, whose URL is the client's id
    /// (draft-ietf-oauth-client-id-metadata-document). What it says is judged as at registration, with three differences:
    /// `client_id` has to be the URL, to the byte; there is no secret, and a document that says nothing of how its client
    /// authenticates is a public client's; and keys have to be public ones.
    ///
    /// `token_endpoint_auth_method` has to be `none`, or, with the feature `proof`, `private_key_jwt`.
    ///
    /// # Errors
    ///
    /// [`MetadataFault`].
    ///
    /// ```
    /// use regrant::client::{AuthMethod, ClientMetadata, NativeRedirects};
    /// let url = "https://app.example/client.json";
    /// let json = br#"{"client_id":"https://app.example/client.json","redirect_uris":["https://app.example/cb"]}"#;
    /// let metadata = ClientMetadata::from_document(json, url, &NativeRedirects::new())?;
    /// assert_eq!(metadata.auth_method(), AuthMethod::None);
    /// # Ok::<(), regrant::client::MetadataFault>(())
    /// ```
    pub fn from_document(json: &[u8], url: &str, native: &NativeRedirects) -> Result<Self, MetadataFault> {
        if json.len() > Self::MAX_JSON_BYTES {
            return Err(MetadataFault::TooLong);
        }
        let members = Members::read(json)?;
        if members.text("client_id")? != Some(url) {
            return Err(MetadataFault::ClientId);
        }
        if SECRETS.iter().any(|name| members.get(name).is_some()) {
            return Err(MetadataFault::SharedSecret);
        }
        #[cfg_attr(not(feature = "proof"), expect(unused_mut, reason = "the feature is off"))]
        let mut method = AuthMethod::None;
        match members.text("token_endpoint_auth_method")? {
            None | Some("none") => {}
            #[cfg(feature = "proof")]
            Some("private_key_jwt") => method = AuthMethod::PrivateKeyJwt,
            // Those of the registry by their names, and what a server may have made up.
            Some(method) if method.starts_with("client_secret") => return Err(MetadataFault::SharedSecret),
            Some(_) => return Err(MetadataFault::DocumentAuthMethod),
        }
        let metadata = Self::of(&members, method, native)?;
        match members.get("jwks").and_then(|set| set.get("keys")).and_then(Value::as_array) {
            Some(keys) if !keys.iter().all(is_public_key) => Err(MetadataFault::PrivateKey),
            _ => Ok(metadata),
        }
    }

    fn of(members: &Members, auth_method: AuthMethod, native: &NativeRedirects) -> Result<Self, MetadataFault> {
        let refresh_token = grant_types(members)?;
        response_types(members)?;
        let redirect_uris = redirect_uris(members, native)?;
        let application_type = application_type(members, &redirect_uris)?;
        keys(members)?;
        Ok(Self {
            auth_method,
            refresh_token,
            application_type,
            name: text(members, "client_name")?,
            scope: members.text("scope")?.map(Scope::parse).transpose().map_err(|_| MetadataFault::Scope)?,
            contacts: contacts(members)?,
            // Passed by unless a host verifies it (section 3.1.1).
            software_statement: members.text("software_statement")?.map(SmolStr::new),
            is_statement_accepted: false,
            demands: Demands::read(members, auth_method == AuthMethod::PrivateKeyJwt)?,
            #[cfg(feature = "jwt")]
            openid: OpenIdWishes::read(members)?,
            #[cfg(feature = "proof")]
            keys: match auth_method {
                AuthMethod::PrivateKeyJwt => Some(DeclaredKeys::read(members)?),
                _ => None,
            },
            extras: extras(members)?,
            redirect_uris,
        })
    }
}

impl FromStr for ClientMetadata {
    type Err = MetadataFault;

    fn from_str(json: &str) -> Result<Self, MetadataFault> {
        Self::from_json(json.as_bytes())
    }
}

/// "If unspecified or omitted, the default is `client_secret_basic`."
fn auth_method(members: &Members) -> Result<AuthMethod, MetadataFault> {
    let Some(said) = members.text("token_endpoint_auth_method")? else { return Ok(AuthMethod::ClientSecretBasic) };
    AuthMethod::OF_REGISTRATION.iter().copied().find(|method| method.as_str() == said).ok_or(MetadataFault::AuthMethod)
}

/// Whether it refreshes. "If omitted, the default behavior is that the client will use only the `authorization_code` Grant
/// Type."
fn grant_types(members: &Members) -> Result<bool, MetadataFault> {
    let Some(said) = members.texts("grant_types")? else { return Ok(false) };
    // A refresh token comes of a code, so alone it makes no sense.
    if said.contains(&AUTHORIZATION_CODE) { Ok(said.contains(&REFRESH_TOKEN)) } else { Err(MetadataFault::GrantTypes) }
}

/// "If omitted, the default is that the client will use only the `code` response type"; section 2.1 has it with
/// `authorization_code`.
fn response_types(members: &Members) -> Result<(), MetadataFault> {
    match members.texts("response_types")? {
        Some(said) if !said.contains(&"code") => Err(MetadataFault::ResponseTypes),
        _ => Ok(()),
    }
}

/// Each once, in the order in which they are said.
fn redirect_uris(members: &Members, native: &NativeRedirects) -> Result<Vec<SmolStr>, MetadataFault> {
    let said = members.texts("redirect_uris")?.filter(|uris| !uris.is_empty()).ok_or(MetadataFault::NoRedirectUri)?;
    if said.len() > ClientMetadata::MAX_REDIRECT_URIS {
        return Err(MetadataFault::TooManyRedirectUris);
    }
    let mut uris: Vec<SmolStr> = Vec::with_capacity(said.len());
    for uri in said {
        RedirectUri::parse(uri, native)?;
        if !uris.iter().any(|earlier| earlier == uri) {
            uris.push(uri.into());
        }
    }
    Ok(uris)
}

/// What it says, if its redirect URIs are of that kind. Most clients say nothing, and then the default of OpenID Connect, `web`,
/// would keep the programs out that people run themselves.
fn application_type(members: &Members, redirect_uris: &[SmolStr]) -> Result<ApplicationType, MetadataFault> {
    let are_of_the_web = redirect_uris.iter().all(|uri| is_of_the_web(uri));
    match members.text("application_type")? {
        Some("web") | None if are_of_the_web => Ok(ApplicationType::Web),
        Some("web") => Err(MetadataFault::RedirectUriOfWebApplication),
        // An app may claim an https URI (RFC 8252 section 7.2).
        Some("native") | None => Ok(ApplicationType::Native),
        Some(_) => Err(MetadataFault::ApplicationType),
    }
}

fn is_of_the_web(uri: &str) -> bool {
    let host = read_uri(uri).and_then(|uri| web_host(&uri));
    host.is_some_and(|(host, is_https)| is_https && !["localhost", "127.0.0.1", "[::1]"].contains(&host))
}

/// "The `jwks_uri` and `jwks` parameters MUST NOT both be present in the same request or response." They are kept where the
/// client authenticates by them.
fn keys(members: &Members) -> Result<(), MetadataFault> {
    let by_reference = members.text("jwks_uri")?;
    if by_reference.is_some_and(|uri| !is_place(uri)) {
        return Err(MetadataFault::Link);
    }
    match members.get("jwks") {
        None => Ok(()),
        Some(Value::Object(set)) if by_reference.is_none() && set.get("keys").is_some_and(Value::is_array) => Ok(()),
        Some(Value::Object(_)) => Err(MetadataFault::Keys),
        Some(_) => Err(MetadataFault::Type),
    }
}

/// The members of private and symmetric keys: RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1.
fn is_public_key(key: &Value) -> bool {
    key.as_object()
        .is_some_and(|key| !["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|name| key.contains_key(*name)))
}

fn contacts(members: &Members) -> Result<Vec<SmolStr>, MetadataFault> {
    let said = members.texts("contacts")?.unwrap_or_default();
    if said.len() > ClientMetadata::MAX_CONTACTS {
        return Err(MetadataFault::TooManyContacts);
    }
    said.into_iter().map(plain).collect()
}

fn extras(members: &Members) -> Result<[Option<SmolStr>; Extra::ALL.len()], MetadataFault> {
    let mut extras = [const { None }; Extra::ALL.len()];
    for (place, extra) in extras.iter_mut().zip(Extra::ALL) {
        *place = if extra.is_link() {
            let link = |uri: &str| if is_link(uri) { Ok(uri.into()) } else { Err(MetadataFault::Link) };
            members.text(extra.member())?.map(link).transpose()?
        } else {
            text(members, extra.member())?
        };
    }
    Ok(extras)
}

fn text(members: &Members, name: &str) -> Result<Option<SmolStr>, MetadataFault> {
    members.text(name)?.map(plain).transpose()
}

fn plain(text: &str) -> Result<SmolStr, MetadataFault> {
    if is_plain_text(text) { Ok(text.into()) } else { Err(MetadataFault::Text) }
}
