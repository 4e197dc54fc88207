//! Who acts for whom: the claims `act` and `may_act` (RFC 8693 sections 4.1 and 4.4).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;

/// Who acts: the current actor, and inside whoever acted before.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Act {
    sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    act: Option<Box<Act>>,
}

impl Act {
    /// Of these names, the current one first; `None` where there are none.
    pub(crate) fn of(names: &[SmolStr]) -> Option<Self> {
        let inner_first = names.iter().rev();
        inner_first.fold(None, |act, name| Some(Self { sub: name.to_string(), act: act.map(Box::new) }))
    }

    /// The names, the current one first.
    pub(crate) fn names(&self) -> Vec<SmolStr> {
        std::iter::successors(Some(self), |act| act.act.as_deref()).map(|act| SmolStr::new(&act.sub)).collect()
    }
}

/// Who may act. What it says of them has to hold in all points, and a member that is not understood is one that nobody can see to.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MayAct {
    /// A subject here, or the id of a client that acts for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    /// The client that the actor's token is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
}

impl MayAct {
    /// What a host has said; `None` where it said nothing. Of what is not understood nobody may act.
    pub(crate) fn read(said: Value) -> Option<Self> {
        match said {
            Value::Null => None,
            Value::Object(_) => Some(serde_json::from_value(said).unwrap_or_default()),
            _ => Some(Self::default()),
        }
    }

    /// Whoever goes by this name.
    pub(crate) fn of(name: &str) -> Self {
        Self { sub: Some(name.to_owned()), ..Self::default() }
    }

    /// Whether it means this actor of this client, of this issuer. One that names nobody means nobody.
    pub(crate) fn allows(&self, name: &str, client_id: &str, issuer: &str) -> bool {
        let agrees = |own: &Option<String>, with: &str| own.as_deref().is_none_or(|own| own == with);
        (self.sub.is_some() || self.client_id.is_some())
            && agrees(&self.sub, name)
            && agrees(&self.client_id, client_id)
            && agrees(&self.iss, issuer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 8693 section 4.1, figure 6, by the names of this engine.
    #[test]
    fn actors_are_nested_with_the_current_one_outside() {
        let names = [SmolStr::new("service16"), SmolStr::new("service77")];
        let act = Act::of(&names).unwrap();
        assert_eq!(serde_json::to_string(&act).unwrap(), r#"{"sub":"service16","act":{"sub":"service77"}}"#);
        assert_eq!(act.names(), names);
        assert_eq!(Act::of(&[]), None);
    }

    #[test]
    fn all_that_is_said_of_who_may_act_has_to_hold() {
        let allows = |json: &str| {
            let said = serde_json::from_str(json).unwrap();
            MayAct::read(said).unwrap().allows("alice", "app", "https://id")
        };
        for json in
            [r#"{"sub":"alice"}"#, r#"{"client_id":"app"}"#, r#"{"sub":"alice","client_id":"app","iss":"https://id"}"#]
        {
            assert!(allows(json), "{json}");
        }
        for json in [
            "{}",
            r#"{"iss":"https://id"}"#,
            r#"{"sub":"bob"}"#,
            r#"{"sub":"alice","client_id":"other"}"#,
            r#"{"sub":"alice","iss":"https://other"}"#,
            r#"{"sub":"alice","email":"alice@example.com"}"#,
            r#"{"sub":["alice"]}"#,
            r#""alice""#,
            r#"["alice"]"#,
        ] {
            assert!(!allows(json), "{json}");
        }
        assert_eq!(MayAct::read(Value::Null), None);
    }
}
