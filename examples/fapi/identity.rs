//! Who somebody is in atproto: a name of the web, and a document there that says where the data of that person are.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use url::{Host, Url};

/// The DID of the one person here: the server's own name. On this machine that is `localhost`, the one name that may have a port (the
/// DID specification of atproto).
pub(crate) fn did(issuer: &str) -> Result<String, url::ParseError> {
    let issuer = Url::parse(issuer)?;
    let host = match issuer.host() {
        Some(Host::Domain(host)) => host,
        _ => "localhost",
    };
    let port = issuer.port().map(|port| format!("%3A{port}")).unwrap_or_default();
    Ok(format!("did:web:{host}{port}"))
}

/// The document of that name (the `did:web` method specification, section 2.5.2), from which a client learns which server to believe.
pub(crate) fn document(did: &str, issuer: &str) -> Response {
    let service = json!({ "id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": issuer });
    let context = ["https://www.w3.org/ns/did/v1"];
    Json(json!({ "@context": context, "id": did, "service": [service] })).into_response()
}
