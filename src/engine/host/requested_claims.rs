//! The claims that a client asks for by name: OpenID Connect Core section 5.5.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::grant::members::MAX_CLAIMS_BYTES;

/// The claims that a client asks for by name, with the parameter `claims` of its authorization request (OpenID Connect Core section
/// 5.5). What of it is given is the host's to say: a claim that is not given is no error (section 5.5.1).
///
/// ```
/// /// What the page says besides the scope.
/// fn asked_by_name<'r>(asked: &'r regrant::AuthorizationRequest<'_>) -> Vec<&'r str> {
///     asked.claims().into_iter().flat_map(|claims| claims.userinfo()).map(|claim| claim.name()).collect()
/// }
/// ```
#[derive(Clone, PartialEq, Default)]
pub struct RequestedClaims {
    id_token: Vec<RequestedClaim>,
    userinfo: Vec<RequestedClaim>,
}

/// One of them.
///
/// ```
/// /// Whether the client cannot do without it.
/// fn must_be_there(claim: &regrant::jwt::RequestedClaim) -> bool {
///     claim.name() == "email" && claim.is_essential()
/// }
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct RequestedClaim {
    name: String,
    essential: bool,
    values: Vec<Value>,
}

impl RequestedClaim {
    /// Its name.
    ///
    /// ```
    /// fn is_mail(claim: &regrant::jwt::RequestedClaim) -> bool {
    ///     claim.name() == "email"
    /// }
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the client says that it needs it (`essential`). That is for the page to tell the person; nothing else follows from it, but for
    /// `acr`.
    ///
    /// ```
    /// fn mark(claim: &regrant::jwt::RequestedClaim) -> &str {
    ///     if claim.is_essential() { "needed" } else { "wished for" }
    /// }
    /// ```
    pub const fn is_essential(&self) -> bool {
        self.essential
    }

    /// The values that the client wants it to have, the best first (`value`, or `values`); none for any.
    ///
    /// ```
    /// fn wants_portuguese(claim: &regrant::jwt::RequestedClaim) -> bool {
    ///     claim.values().iter().any(|value| value == "pt-BR")
    /// }
    /// ```
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// `null`, or an object.
    fn read(name: String, value: Value) -> Option<Self> {
        let mut members = match value {
            Value::Null => Map::new(),
            Value::Object(members) => members,
            _ => return None,
        };
        let essential = match members.remove("essential") {
            None => false,
            Some(Value::Bool(essential)) => essential,
            Some(_) => return None,
        };
        let mut values: Vec<Value> = members.remove("value").into_iter().collect();
        match members.remove("values") {
            None => {}
            Some(Value::Array(several)) => values.extend(several),
            Some(_) => return None,
        }
        Some(Self { name, essential, values })
    }

    fn write(&self) -> Value {
        match (self.essential, &*self.values) {
            (false, []) => Value::Null,
            (true, []) => json!({ "essential": true }),
            (essential, values) => json!({ "essential": essential, "values": values }),
        }
    }
}

impl RequestedClaims {
    /// Those that are wanted in the ID token.
    ///
    /// ```
    /// fn are_for_the_id_token(claims: &regrant::jwt::RequestedClaims) -> bool {
    ///     claims.id_token().next().is_some()
    /// }
    /// ```
    pub fn id_token(&self) -> impl Iterator<Item = &RequestedClaim> {
        self.id_token.iter()
    }

    /// Those that are wanted at the userinfo endpoint.
    ///
    /// ```
    /// fn are_for_userinfo(claims: &regrant::jwt::RequestedClaims) -> bool {
    ///     claims.userinfo().next().is_some()
    /// }
    /// ```
    pub fn userinfo(&self) -> impl Iterator<Item = &RequestedClaim> {
        self.userinfo.iter()
    }

    pub(super) fn of_id_token(&self) -> &[RequestedClaim] {
        &self.id_token
    }

    pub(super) fn of_userinfo(&self) -> &[RequestedClaim] {
        &self.userinfo
    }

    /// Reads the parameter. Members that nobody knows mean nothing (section 5.5).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let Ok(Value::Object(mut members)) = serde_json::from_str(text) else { return None };
        let mut read = |name: &str| match members.remove(name) {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(Value::Object(claims)) => {
                claims.into_iter().map(|(name, value)| RequestedClaim::read(name, value)).collect()
            }
            Some(_) => None,
        };
        let claims = Self { id_token: read("id_token")?, userinfo: read("userinfo")? };
        (text.len() <= MAX_CLAIMS_BYTES && claims.to_text().len() <= MAX_CLAIMS_BYTES).then_some(claims)
    }

    /// What a record keeps; nothing where nothing is asked for.
    pub(crate) fn to_store(&self) -> Option<Box<str>> {
        (*self != Self::default()).then(|| self.to_text().into())
    }

    fn to_text(&self) -> String {
        let mut members = Map::new();
        for (name, claims) in [("id_token", &self.id_token), ("userinfo", &self.userinfo)] {
            if !claims.is_empty() {
                let claims = claims.iter().map(|claim| (claim.name.clone(), claim.write())).collect();
                members.insert(name.into(), Value::Object(claims));
            }
        }
        Value::Object(members).to_string()
    }

    /// The people whom the ID token may be about; none for any (section 3.1.2.2).
    pub(crate) fn subjects(&self) -> &[Value] {
        self.id_token.iter().find(|claim| claim.name == "sub").map_or(&[], |claim| &claim.values)
    }

    /// Whether the ID token has to say when the person logged in (section 2).
    pub(crate) fn needs_auth_time(&self) -> bool {
        self.id_token.iter().any(|claim| claim.name == "auth_time" && claim.essential)
    }

    /// The kinds of login one of which is needed; none for any (section 5.5.1.1).
    pub(crate) fn needed_acr(&self) -> &[Value] {
        let acr = self.id_token.iter().find(|claim| claim.name == "acr" && claim.essential);
        acr.map_or(&[], |claim| &claim.values)
    }
}

impl fmt::Debug for RequestedClaims {
    /// The names alone: values may be about a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |claims: &[RequestedClaim]| claims.iter().map(|claim| claim.name.clone()).collect::<Vec<_>>();
        f.debug_struct("RequestedClaims")
            .field("id_token", &names(&self.id_token))
            .field("userinfo", &names(&self.userinfo))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OpenID Connect Core section 5.5: the example there.
    #[test]
    fn what_is_asked_by_name_is_kept_as_it_was_meant() {
        let text = r#"{"userinfo":{"given_name":{"essential":true},"nickname":null,"http://example.info/claims/groups":null},
            "id_token":{"auth_time":{"essential":true},"acr":{"values":["urn:mace:incommon:iap:silver"]}},"later":[1]}"#;
        let claims = RequestedClaims::parse(text).unwrap();
        let names: Vec<_> = claims.userinfo().map(|claim| (claim.name(), claim.is_essential())).collect();
        let groups = "http://example.info/claims/groups";
        assert_eq!(names, [("given_name", true), (groups, false), ("nickname", false)]);
        assert_eq!(
            claims.id_token().find(|claim| claim.name() == "acr").unwrap().values(),
            ["urn:mace:incommon:iap:silver"]
        );
        let kept = claims.to_store().unwrap();
        assert!(!kept.contains("later"));
        assert_eq!(RequestedClaims::parse(&kept).unwrap(), claims);
        assert!(claims.needed_acr().is_empty() && claims.subjects().is_empty());
        for nothing in ["{}", r#"{"userinfo":null}"#, r#"{"id_token":{}}"#, r#"{"later":7}"#] {
            assert_eq!(RequestedClaims::parse(nothing).unwrap().to_store(), None);
        }
    }

    #[test]
    fn what_is_no_request_of_claims_is_none() {
        let long = format!(r#"{{"userinfo":{{"{}":null}}}}"#, "x".repeat(2_100));
        for wrong in [
            "",
            "email",
            "[]",
            r#"{"userinfo":["email"]}"#,
            r#"{"userinfo":{"email":true}}"#,
            r#"{"id_token":{"acr":{"essential":"yes"}}}"#,
            r#"{"id_token":{"acr":{"values":"gold"}}}"#,
            r#"{"id_token":{}"#,
            &long,
        ] {
            assert_eq!(RequestedClaims::parse(wrong), None, "{wrong}");
        }
    }

    /// Neither what comes nor what would be kept of it is longer than a record holds.
    #[test]
    fn what_is_asked_is_bounded_as_it_comes_and_as_it_is_kept() {
        let text = |letters: usize| format!(r#"{{"userinfo":{{"{}":null}}}}"#, "x".repeat(letters));
        let most = MAX_CLAIMS_BYTES - text(0).len();
        assert!(RequestedClaims::parse(&text(most)).is_some());
        let ignored = format!(r#"{{"userinfo":{{"email":null}},"later":"{}"}}"#, "x".repeat(MAX_CLAIMS_BYTES));
        let grows = format!(r#"{{"userinfo":{{"level":{{"values":[{}]}}}}}}"#, vec!["1e15"; 300].join(","));
        assert!(grows.len() < MAX_CLAIMS_BYTES);
        for wrong in [text(most + 1), ignored, grows] {
            assert_eq!(RequestedClaims::parse(&wrong), None, "{wrong}");
        }
    }
}
