//! From a name to addresses that may be connected to.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ::reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::fetch::address::judged_by;
use crate::fetch::is_public;
use crate::store::BoxFuture;

/// Looks a name up.
pub(super) type LookUp = Arc<dyn Fn(&str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;
/// An address that is not to be connected to, though it is public.
pub(super) type Refuses = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;
/// Where a connection goes instead, once the address has passed.
pub(super) type Dial = Arc<dyn Fn(IpAddr) -> SocketAddr + Send + Sync>;

/// How many addresses of a name are tried: a name with hundreds would have this server knock at hundreds of doors.
const MOST: usize = 8;

/// What `reqwest` asks for addresses. It connects to those that this gives, and asks nobody else.
pub(super) struct Vetted {
    pub(super) look_up: LookUp,
    pub(super) refuses: Option<Refuses>,
    pub(super) dial: Option<Dial>,
}

/// The name has no address, or one that is not public.
#[derive(Debug, thiserror::Error)]
#[error("the host has no address, or one that is not public")]
pub(super) struct NotPublic;

impl Resolve for Vetted {
    fn resolve(&self, name: Name) -> Resolving {
        let (look_up, refuses, dial) = ((self.look_up)(name.as_str()), self.refuses.clone(), self.dial.clone());
        Box::pin(async move {
            let addresses = look_up.await?;
            let is_refused = |address: IpAddr| refuses.as_ref().is_some_and(|refuses| refuses(address));
            // What the host refuses it refuses in whatever form it is reached by.
            let may = |&address: &IpAddr| {
                is_public(address) && !is_refused(address) && !judged_by(address).is_some_and(is_refused)
            };
            // One is enough: an honest name does not have one inside beside one outside.
            if addresses.is_empty() || !addresses.iter().all(may) {
                return Err(NotPublic.into());
            }
            // Port 0 stands for that of the URL.
            let dial = move |address| dial.as_ref().map_or(SocketAddr::new(address, 0), |dial| dial(address));
            Ok(Box::new(addresses.into_iter().take(MOST).map(dial)) as Addrs)
        })
    }
}

/// By the system, on a thread for what blocks.
pub(super) fn system() -> LookUp {
    look_up_by(|host| async move {
        let found = tokio::net::lookup_host((host, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    })
}

pub(super) fn look_up_by<F>(look_up: impl Fn(String) -> F + Send + Sync + 'static) -> LookUp
where
    F: Future<Output = io::Result<Vec<IpAddr>>> + Send + 'static,
{
    Arc::new(move |host| Box::pin(look_up(host.to_owned())))
}
