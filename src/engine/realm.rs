//! Which grants are this engine's: the wall between engines that share a store or a key.

use std::sync::Arc;

use smol_str::SmolStr;

use super::Engine;
use crate::grant::members::Members;
use crate::grant::{Grant, Owner};
use crate::token::{Key, KeyRing};

/// The realm of an engine, and its keys in there.
///
/// The realm is in the key of every MAC, in what a store sees as the owner, and in the record; so a token of another engine's
/// grant is not genuine here, its sessions are not listed, and a JWT of its is not believed.
pub(super) struct Realm {
    /// `None`: the engine has its store for itself.
    name: Option<SmolStr>,
    keys: KeyRing,
    /// Of every grant that is made here.
    members: Option<Arc<Members>>,
    /// Of every grant at a client that nobody made by hand; shared, as the other is.
    of_strangers: Arc<Members>,
    adopted: Option<Box<Adopted>>,
}

/// Grants that were made before the engine had a realm. They stay as they are for life.
struct Adopted {
    /// In order.
    client_ids: Vec<SmolStr>,
    keys: KeyRing,
}

impl Realm {
    pub(super) fn new(name: Option<SmolStr>, keys: KeyRing, mut adopted: Vec<SmolStr>) -> Self {
        let of_strangers = Arc::new(Members { realm: name.clone(), of_stranger: true, ..Members::default() });
        let Some(name) = name else { return Self { name: None, keys, members: None, of_strangers, adopted: None } };
        adopted.sort_unstable();
        let own = keys.in_realm(&name);
        let adopted = (!adopted.is_empty()).then(|| Box::new(Adopted { client_ids: adopted, keys }));
        let members = Some(Arc::new(Members::of_realm(&name)));
        Self { name: Some(name), keys: own, members, of_strangers, adopted }
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Those of grants that are made here.
    pub(super) const fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// Those of adopted grants, where there are any.
    pub(super) fn adopted_keys(&self) -> Option<&KeyRing> {
        self.adopted.as_deref().map(|adopted| &adopted.keys)
    }

    /// The members of a login, which has these besides the realm.
    pub(super) fn members(&self, own: Members) -> Option<Arc<Members>> {
        if own == Members::default() {
            return self.members.clone();
        }
        let own = Members { realm: self.name.clone(), ..own };
        Some(if own == *self.of_strangers { Arc::clone(&self.of_strangers) } else { Arc::new(own) })
    }

    /// The keys that the tokens of a grant are made under; `None` where it is not this engine's, or no login at all.
    #[inline]
    pub(super) fn keys_of(&self, grant: &Grant) -> Option<&KeyRing> {
        match (&grant.members, &self.name) {
            (None, None) => Some(&self.keys),
            _ => self.keys_across(grant),
        }
    }

    fn keys_across(&self, grant: &Grant) -> Option<&KeyRing> {
        if !grant.is_login() {
            None
        } else if grant.realm() == self.name() {
            Some(&self.keys)
        } else if self.adopts(grant.realm(), grant.client_id()) {
            self.adopted_keys()
        } else {
            None
        }
    }

    /// Whether what says that it is of this realm, at this client, is this engine's.
    #[cfg(feature = "jwt")]
    pub(super) fn includes(&self, realm: Option<&str>, client_id: &str) -> bool {
        realm == self.name() || self.adopts(realm, client_id)
    }

    /// Whether grants of this realm at this client are believed here, though made before the engine had its own.
    pub(super) fn adopts(&self, realm: Option<&str>, client_id: &str) -> bool {
        let adopted = self.adopted.as_deref().filter(|_| realm.is_none());
        adopted.is_some_and(|adopted| adopted.client_ids.binary_search_by(|id| id.as_str().cmp(client_id)).is_ok())
    }

    /// A subject as the store knows it: here, and, where grants are adopted, outside of all realms.
    pub(super) fn owners(&self, subject: &str) -> [Option<Owner>; 2] {
        let outside = Owner::subject(subject);
        match self.name() {
            None => [Some(outside), None],
            Some(realm) => [Some(outside.clone().in_realm(realm)), self.adopted.is_some().then_some(outside)],
        }
    }
}

impl<S, C> Engine<S, C> {
    /// The key that a grant's current refresh token is made under: the signing one where it is not known here.
    pub(super) fn keys_of_own(&self, grant: &Grant) -> &KeyRing {
        // Whoever comes here has proved that it is this engine's, or has just made it.
        self.realm.keys_of(grant).unwrap_or_else(|| self.realm.keys())
    }

    /// The key that signs tokens of this grant.
    pub(super) fn signing_key_of(&self, grant: &Grant) -> &Key {
        self.keys_of_own(grant).signing()
    }
}
