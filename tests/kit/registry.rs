//! A registry as a host has one: its clients are changed, removed and put back while an engine serves them.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use regrant::client::{ClientBuilder, ClientRef, ClientsError, Lookup, ReadyClients};
use regrant::{Client, Clients};

#[derive(Default)]
pub(crate) struct Registry(Mutex<BTreeMap<String, Arc<Client>>>);

impl Registry {
    /// Adds a client, or puts it in the place of the one of its id.
    pub(crate) fn set(&self, client: ClientBuilder) {
        let client = client.build().unwrap();
        self.0.lock().insert(client.id().to_owned(), Arc::new(client));
    }

    pub(crate) fn remove(&self, id: &str) {
        self.0.lock().remove(id);
    }
}

impl Clients for Registry {
    async fn find(&self, client_id: &str, _: Lookup) -> Result<Option<ClientRef<'_>>, ClientsError> {
        Ok(self.0.lock().get(client_id).cloned().map(ClientRef::from))
    }
}

impl ReadyClients for Registry {}
