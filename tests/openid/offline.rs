//! `offline_access`: OpenID Connect Core section 11.

use regrant::Authorization;
use regrant::jwt::OpenIdProvider;

use super::provider::{provider, query, shop, world};
use crate::kit::at;

const OFFLINE: &str = "openid email offline_access";

/// It is granted where the person was asked; otherwise it is ignored, and the answer says so (RFC 6749 section 3.3).
#[test]
fn it_needs_somebody_who_was_asked() {
    let world = provider();
    let asks = query("shop").set("scope", OFFLINE);
    let silent = Authorization::of("alice");
    let scope = |query: &_, who: &Authorization| world.tokens("shop", query, who.clone(), at(1)).text("scope");
    assert_eq!(scope(&asks, &silent), "openid email");
    assert_eq!(
        scope(&asks.clone().and("prompt", "consent"), &silent),
        "openid email",
        "the client's word is no consent"
    );
    assert_eq!(scope(&asks, &silent.clone().with_page_shown()), OFFLINE);
    let plain = query("shop").set("scope", "read offline_access");
    assert_eq!(scope(&plain, &silent), "read offline_access", "without openid it is a scope like others");
}

/// Without it a login is renewed all the same, unless the host wants it.
#[test]
fn a_host_may_want_it_for_renewal() {
    let free = provider();
    let wanting =
        world([shop("shop")], |builder| builder.openid(OpenIdProvider::new().with_offline_access_needed(true)));
    let who = || Authorization::of("alice").with_page_shown();
    for (scope, renewed) in [("openid email", false), (OFFLINE, true), ("read", true)] {
        let asks = query("shop").set("scope", scope);
        let tokens = wanting.tokens("shop", &asks, who(), at(1));
        assert_eq!(tokens.json().contains_key("refresh_token"), renewed, "{scope}");
        let token = free.tokens("shop", &asks, who(), at(1)).refresh_token();
        free.renew("shop", &token, at(2)).assert_ok();
    }
}
