//! Whether a fetch of a host's own keeps what it promises, tried by a hostile server.

mod addresses;
mod answers;
mod bounds;
mod rig;
mod server;

use std::sync::Arc;
use std::time::Duration;

pub use self::rig::FetchRig;
use self::server::Server;
use super::finding::Finding;
use super::report::{Failure, FailureKind, Report};
use super::spawn::Caught;
use super::stage::Outcome;
use super::timer::within;
use crate::fetch::{DynFetch, Fetch, FetchError, FetchLimits, FetchResponse, FetchUrl, is_public};
use crate::store::BoxFuture;

/// Runs every check of a [`Fetch`] against a hostile server on this machine. `make` gives a fetch for each check, which
/// looks names up by its [`FetchRig`] and connects where that says, in plain HTTP: so its own judgement of addresses and
/// answers is tried, and nothing leaves this machine. No check waits on an address outside.
///
/// It is polled in the task that calls this; a fetch that needs an async runtime finds the caller's. It takes a few seconds.
///
/// Two promises are not tried: TLS, and the proxy. For the latter run the same test in a process of its own with
/// `HTTP_PROXY`, `HTTPS_PROXY` and `ALL_PROXY` set to an address where nothing listens: all has to pass as before.
///
/// ```
/// use regrant::conformance;
/// # #[cfg(feature = "reqwest")]
/// # #[tokio::main]
/// # async fn main() {
/// use regrant::fetch::ReqwestFetch;
///
/// let report = conformance::check_fetch(async |rig| {
///     let names = rig.clone();
///     let fetch = ReqwestFetch::builder()
///         .resolver(move |host| std::future::ready(Ok(names.resolve(&host))))
///         .danger_dial_in_plain(move |address| rig.dial(address));
///     fetch.build().unwrap()
/// })
/// .await;
/// report.assert();
/// # }
/// # #[cfg(not(feature = "reqwest"))]
/// # fn main() {}
/// ```
pub async fn check_fetch<F: Fetch + 'static>(make: impl AsyncFn(FetchRig) -> F) -> Report {
    let mut report = Report::of("fetch");
    for check in [answers::CHECKS, bounds::CHECKS, addresses::CHECKS].into_iter().flatten() {
        let Ok(server) = Server::start() else {
            report.idle.push((check.name, "there is no socket on loopback"));
            continue;
        };
        let fetch: Arc<dyn DynFetch> = Arc::new(make(FetchRig::new(Arc::clone(&server))).await);
        let bench = Bench { server: Arc::clone(&server), fetch };
        let outcome = within(DEADLINE, Caught((check.run)(bench))).await;
        server.stop();
        let (kind, seen) = match outcome {
            Some(Ok(Ok(()))) => {
                report.passed.push(check.name);
                continue;
            }
            Some(Ok(Err(Finding::Failed(kind, seen))) | Err(Finding::Failed(kind, seen))) => (kind, seen),
            Some(Ok(Err(Finding::Nothing(why))) | Err(Finding::Nothing(why))) => {
                report.idle.push((check.name, why));
                continue;
            }
            None => (FailureKind::Stuck, format!("it was not done after {} seconds", DEADLINE.as_secs())),
        };
        report.failures.push(Failure { name: check.name, kind, seen, cost: check.cost, of: "fetch" });
    }
    report
}

/// How long a check may take, on the wall: far more than any needs.
const DEADLINE: Duration = Duration::from_secs(60);
/// For what has to end by itself.
const SHORT: Duration = Duration::from_millis(500);
/// How much later than that it may end on a machine that has other things to do. An HTTP stack that was not optimised reads an endless
/// head for seconds before a runtime of one thread sees the time.
const PATIENCE: Duration = Duration::from_secs(30);
/// For all else, so that a slow machine fails nothing.
const LONG: Duration = Duration::from_secs(45);
/// How much of an endless answer is on its way at most before anybody reads: what the system buffers.
const BUFFERED: u64 = 32 << 20;

struct FetchCheck {
    name: &'static str,
    cost: &'static str,
    run: fn(Bench) -> BoxFuture<'static, Outcome>,
}

/// The checks of a file: each is a function of that name.
macro_rules! fetch_checks {
    ($($name:ident: $cost:literal;)*) => {
        pub(super) const CHECKS: &[super::FetchCheck] = &[$(super::FetchCheck {
            name: stringify!($name),
            cost: $cost,
            run: |bench| Box::pin($name(bench)),
        }),*];
    };
}

use fetch_checks;

/// What a check stands on: a server without sites yet, and a fetch that can reach nothing else.
struct Bench {
    server: Arc<Server>,
    fetch: Arc<dyn DynFetch>,
}

type Fetched = Result<FetchResponse, FetchError>;

impl Bench {
    async fn get(&self, host: &str, path: &str, time: Duration) -> Result<Fetched, Finding> {
        let url = FetchUrl::parse(&format!("https://{host}{path}")).map_err(|error| error.to_string())?;
        Ok(self.fetch.fetch_dyn(&url, &limits(time)).await)
    }

    /// The document that has to be there.
    async fn document(&self, host: &str, path: &str) -> Result<FetchResponse, Finding> {
        let found = self.get(host, path, LONG).await?;
        let response = found.map_err(|error| format!("a plain document was not fetched: {}", words(&error)))?;
        match response.check(&limits(LONG)) {
            Ok(_) => Ok(response),
            Err(unfit) => Err(format!("a plain document was not handed over as it is: {unfit}").into()),
        }
    }

    /// An error, or what the engine refuses; and in no case much more than the limit.
    async fn no_document(&self, host: &str, time: Duration, what: &str) -> Outcome {
        let ended = if time == SHORT {
            within(PATIENCE, self.get(host, "/", time)).await
        } else {
            Some(self.get(host, "/", time).await)
        };
        let Some(found) = ended else {
            let (seconds, limit) = (PATIENCE.as_secs(), time.as_millis());
            return Err(
                format!("{what}: not ended after {seconds} seconds, where the limit is {limit} milliseconds").into()
            );
        };
        if let Ok(response) = found? {
            let read = response.body().len();
            if read > limits(time).body_bytes() + (64 << 10) {
                return Err(format!("{what}: {read} bytes of the body are in memory").into());
            }
            if response.check(&limits(time)).is_ok() {
                return Err(format!("{what}: taken for a document of {read} bytes").into());
            }
        }
        self.only_public()
    }

    /// No connection went to an address that is not public.
    fn only_public(&self) -> Outcome {
        match self.server.dialled().into_iter().find(|address| !is_public(*address)) {
            Some(address) => Err(format!("it connects to {address}").into()),
            None => Ok(()),
        }
    }
}

fn limits(time: Duration) -> FetchLimits {
    FetchLimits::default().with_time(time)
}

/// An error with what it came from.
fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
