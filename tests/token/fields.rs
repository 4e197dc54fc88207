//! Fields that a host gives for the response: they are members of it, and nothing else (RFC 6749 section 5.1).

use regrant::wire::ResponseStyle;

use crate::kit::world::{HOSTILE, Injector};
use crate::kit::{World, app, at};

#[test]
fn no_field_breaks_out_of_the_response() {
    for style in [ResponseStyle::Rfc6749, ResponseStyle::Katana] {
        let world = World::new([app()], |builder| builder.grant_handler(Injector).response_style(style));
        let login = world.login(at(0));
        for reply in [world.refresh(&login.refresh_token(), at(1)), login] {
            let members = reply.json();
            assert_eq!((reply.refresh_token().len(), reply.access_token().len()), (43, 67));
            assert!(HOSTILE.iter().all(|text| members[*text] == *text), "{members:?}");
            assert_eq!(String::from_utf8_lossy(&reply.body).matches("\"access_token\":").count(), 1);
        }
    }
}
