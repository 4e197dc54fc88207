//! What was registered, as the client is told: RFC 7591 section 3.2.1.

use serde_json::{Map, Value, json};

use super::metadata::{ClientMetadata, Extra};
use crate::grant::Scope;

impl ClientMetadata {
    /// All members as registered, those too that the client did not name.
    pub(super) fn say(&self, members: &mut Map<String, Value>) {
        let mut add = |name: &str, value: Value| drop(members.insert(name.to_owned(), value));
        add("redirect_uris", json!(self.redirect_uris().collect::<Vec<_>>()));
        add("token_endpoint_auth_method", json!(self.auth_method.as_str()));
        add("grant_types", json!(self.grant_types().collect::<Vec<_>>()));
        add("response_types", json!(["code"]));
        add("application_type", json!(self.application_type.as_str()));
        let scope = self.scope.as_ref().map(Scope::as_str);
        for (name, text) in [("client_name", self.name()), ("scope", scope)] {
            if let Some(text) = text {
                add(name, json!(text));
            }
        }
        for extra in Extra::ALL {
            if let Some(text) = self.extra(extra) {
                add(extra.member(), json!(text));
            }
        }
        #[cfg(feature = "proof")]
        if let Some(keys) = &self.keys {
            keys.say(members);
        }
        self.demands.say(members);
        #[cfg(feature = "jwt")]
        self.openid.say(members);
        let mut add = |name: &str, value: Value| drop(members.insert(name.to_owned(), value));
        if !self.contacts.is_empty() {
            add("contacts", json!(self.contacts().collect::<Vec<_>>()));
        }
        // "Its value MUST be returned unmodified" where it was used.
        if let Some(statement) = self.software_statement().filter(|_| self.is_statement_accepted) {
            add("software_statement", json!(statement));
        }
    }
}
