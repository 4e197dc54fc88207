//! Clients that say that they always prove a key: `dpop_bound_access_tokens`, RFC 9449 section 5.2.

use regrant::client::{ClientMetadata, MetadataFault};
use regrant::engine::Dpop;
use regrant::{Authorization, RootSecret};
use serde_json::{Value, json};

use crate::desk::{Desk, desk, editor, id, json_post, root, strangers};
use crate::kit::portal::{LOOPBACK, PKCE, Portal, VERIFIER, run};
use crate::kit::{Reply, Shelf, at, form};
use crate::site::{APP, Hand, Port, Web, document, port_on};

fn bound(said: Value) -> Value {
    let mut metadata = editor();
    metadata["dpop_bound_access_tokens"] = said;
    metadata
}

/// A token request of it that proves nothing.
fn bare<C: regrant::Clients>(desk: &Portal<std::sync::Arc<Shelf>, C>, client: &str) -> Reply {
    let query = format!("response_type=code&client_id={client}&redirect_uri={LOOPBACK}&scope=read&state=x{PKCE}");
    let code = desk.approve(&query, Authorization::of("alice"), at(0)).get("code").unwrap().to_owned();
    let body = format!(
        "grant_type=authorization_code&code={code}&redirect_uri={LOOPBACK}&code_verifier={VERIFIER}&client_id={client}"
    );
    Reply::of(&run(desk.engine.token(&form(body).request(), at(1))))
}

#[test]
fn a_client_is_kept_to_what_it_says_where_proofs_are_taken() {
    let with: fn() -> Desk =
        || desk(strangers(), |builder| builder.root_secret(RootSecret::from_bytes(7, &[7; 32])).dpop(Dpop::new()));
    let without: fn() -> Desk = || desk(strangers(), |builder| builder.root_secret(root(7)));
    for (said, desk, answer) in
        [(json!(true), with(), "invalid_dpop_proof"), (json!(false), with(), ""), (json!(false), without(), "")]
    {
        let registered = desk.register(&bound(said.clone()));
        assert_eq!(registered.get("dpop_bound_access_tokens"), said.as_bool().unwrap().then_some(&json!(true)));
        let reply = bare(&desk, id(&registered));
        assert_eq!(reply.outcome().1.unwrap_or_default(), answer, "{said}");
    }
}

/// One that registers where no proofs are taken is told; what a document says, it says to all servers, and this one knows nothing of it.
#[test]
fn where_no_proofs_are_taken_a_document_is_not_kept_to_it() {
    let desk = desk(strangers(), |builder| builder.root_secret(root(7)));
    let refused = desk.ask_to_register(&json_post(bound(json!(true)).to_string()), at(0));
    assert_eq!(refused.text("error_description"), MetadataFault::DpopNotServed.to_string());
    let web = Web::default();
    let mut said = document(APP);
    said["dpop_bound_access_tokens"] = json!(true);
    web.puts(APP, &said);
    let port: Port = port_on(std::sync::Arc::default(), crate::site::strangers(&web, &Hand::new()), |builder| builder);
    bare(&port, APP).assert_ok();
}

#[test]
fn it_is_true_or_false() {
    for wrong in [json!("true"), json!(1), json!([true])] {
        assert_eq!(bound(wrong.clone()).to_string().parse::<ClientMetadata>(), Err(MetadataFault::Type), "{wrong}");
    }
    let metadata: ClientMetadata = bound(json!(true)).to_string().parse().unwrap();
    assert!(metadata.dpop_bound_access_tokens());
    assert!(!editor().to_string().parse::<ClientMetadata>().unwrap().dpop_bound_access_tokens());
    // And what is carried in an id says it as well.
    let carried = regrant::internal::encode_metadata(&metadata).unwrap();
    assert_eq!(regrant::internal::decode_metadata(&carried), Some(metadata));
}
