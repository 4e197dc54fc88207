//! The connection: one server's or a cluster's, and how long it may take.
//!
//! No write is ever sent twice unless a server said that it did not execute it. The client of a cluster would do so by
//! itself after a lost connection; so it is told never to retry, and redirects are followed here.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{RoutingInfo, SingleNodeRoutingInfo};
use redis::{Arg, Client, Cmd, ErrorKind, Pipeline, RedisError, RedisResult, ServerErrorKind, Value};

use super::failure::{Failure, is_by_replica, is_not_let_in, is_refusal};
use super::script::{self, Script};

/// Until when something may be waited for.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    begun: Instant,
    time: Duration,
}

impl Deadline {
    fn left(self) -> Duration {
        self.time.saturating_sub(self.begun.elapsed())
    }
}

pub(super) struct Link {
    to: To,
    timeout: Duration,
}

enum To {
    Server(Box<Server>),
    Cluster(ClusterConnection),
}

/// One server. The client connects again by itself, but for where the server did not let it in (what it heard then it says for ever), and
/// where the server is a replica by now, which closes nothing: its address may lead to another.
struct Server {
    current: RwLock<Current>,
    /// What another is made by; a connection of the host's is the host's.
    anew: Option<(Client, ConnectionManagerConfig)>,
}

struct Current {
    connection: ConnectionManager,
    /// How many were before it.
    number: u64,
    since: Instant,
}

impl Server {
    /// How often another connection is made at most because a replica answers: the address may lead there for a while.
    const BETWEEN_REPLICAS: Duration = Duration::from_secs(1);

    fn new(connection: ConnectionManager, anew: Option<(Client, ConnectionManagerConfig)>) -> Self {
        Self { current: RwLock::new(Current { connection, number: 0, since: Instant::now() }), anew }
    }

    fn connection(&self) -> (u64, ConnectionManager) {
        let current = self.current.read();
        (current.number, current.connection.clone())
    }

    /// Has the next one begin with another connection where the server has not let this one in.
    fn heard<T>(&self, number: u64, result: RedisResult<T>) -> RedisResult<T> {
        if result.as_ref().is_err_and(is_not_let_in) {
            self.replace(number, Duration::ZERO);
        }
        result
    }

    /// The same where a replica has answered a command.
    fn answered<T>(&self, number: u64, result: RedisResult<T>) -> RedisResult<T> {
        if result.as_ref().is_err_and(is_by_replica) {
            self.replace(number, Self::BETWEEN_REPLICAS);
        }
        result
    }

    fn replace(&self, number: u64, age: Duration) {
        let Some((client, config)) = &self.anew else { return };
        let mut current = self.current.write();
        // Once for all that have heard of it.
        if current.number == number && current.since.elapsed() >= age {
            if let Ok(connection) = ConnectionManager::new_lazy_with_config(client.clone(), config.clone()) {
                *current = Current { connection, number: number + 1, since: Instant::now() };
            }
        }
    }
}

impl Link {
    /// How often a command goes where a cluster's node says it belongs.
    const REDIRECTS: u32 = 8;
    /// How many commands of one page are under way in a cluster at once.
    const AT_ONCE: usize = 16;

    /// `anew`: what another connection is made by where the server did not let this one in, or is a replica by now.
    pub(super) fn server(
        connection: ConnectionManager,
        anew: Option<(Client, ConnectionManagerConfig)>,
        timeout: Duration,
    ) -> Self {
        Self { to: To::Server(Box::new(Server::new(connection, anew))), timeout }
    }

    pub(super) fn cluster(connection: ClusterConnection, timeout: Duration) -> Self {
        Self { to: To::Cluster(connection), timeout }
    }

    pub(super) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The time-out from now on.
    pub(super) fn deadline(&self) -> Deadline {
        Deadline { begun: Instant::now(), time: self.timeout }
    }

    /// Sends one command, once.
    pub(super) async fn send(&self, command: &Cmd) -> Result<Value, Failure> {
        self.in_time(self.deadline(), self.route(command)).await
    }

    /// Runs a script on its key, and brings it to the server if it is not there yet.
    pub(super) async fn run(
        &self,
        script: &Script,
        key: &[u8],
        args: &[&[u8]],
        deadline: Deadline,
    ) -> Result<Value, Failure> {
        self.in_time(deadline, async {
            let first = self.route(&invocation("EVALSHA", script.sha1(), key, args)).await;
            match first {
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                    self.route(&invocation("EVAL", script.code(), key, args)).await
                }
                first => first,
            }
        })
        .await
    }

    /// Sends commands of one key each, all at once, and returns the answers in their order.
    pub(super) async fn send_all(&self, commands: Vec<Cmd>) -> Result<Vec<Value>, Failure> {
        match &self.to {
            _ if commands.is_empty() => Ok(Vec::new()),
            To::Server(server) => {
                let mut pipeline = Pipeline::with_capacity(commands.len());
                let count = commands.len();
                for command in commands {
                    pipeline.add_command(command);
                }
                let (number, mut connection) = server.connection();
                self.in_time(self.deadline(), async {
                    let values = connection.send_packed_commands(&pipeline, 0, count).await;
                    let values = server.heard(number, values)?.into_iter().map(Value::extract_error).collect();
                    server.answered(number, values)
                })
                .await
            }
            To::Cluster(_) => {
                let mut values = Vec::with_capacity(commands.len());
                for some in commands.chunks(Self::AT_ONCE) {
                    values.extend(all(some.iter().map(|command| self.send(command))).await?);
                }
                Ok(values)
            }
        }
    }

    /// Asks one server, or all of a cluster.
    pub(super) async fn ask_every(&self, command: &Cmd) -> Result<Value, Failure> {
        let answer = async {
            match &self.to {
                To::Server(server) => {
                    let (number, mut connection) = server.connection();
                    server.heard(number, connection.send_packed_command(command).await)
                }
                To::Cluster(connection) => {
                    let everywhere = redis::cluster_routing::MultipleNodeRoutingInfo::AllMasters;
                    connection.clone().route_command(command.clone(), RoutingInfo::MultiNode((everywhere, None))).await
                }
            }
        };
        self.in_time(self.deadline(), async { answer.await?.extract_error() }).await
    }

    async fn in_time<T>(&self, deadline: Deadline, work: impl Future<Output = RedisResult<T>>) -> Result<T, Failure> {
        let left = deadline.left();
        if left.is_zero() {
            return Err(Failure::out_of_time());
        }
        match tokio::time::timeout(left, work).await {
            Ok(result) => result.map_err(match self.to {
                To::Server(_) => Failure::from,
                To::Cluster(_) => Failure::in_cluster,
            }),
            Err(_) => Err(Failure::timed_out()),
        }
    }

    async fn route(&self, command: &Cmd) -> RedisResult<Value> {
        match &self.to {
            To::Server(server) => {
                let (number, mut connection) = server.connection();
                let result = match connection.send_packed_command(command).await {
                    // That may be what came of an attempt long ago; the next one is under way now.
                    Err(error) if is_refusal(&error) => connection.send_packed_command(command).await,
                    result => result,
                };
                server.answered(number, server.heard(number, result)?.extract_error())
            }
            To::Cluster(connection) => follow(&mut connection.clone(), command).await,
        }
    }
}

/// Sends a command to the node that has its key, as the nodes say where that is.
async fn follow(connection: &mut ClusterConnection, command: &Cmd) -> RedisResult<Value> {
    let mut asking = None;
    let mut attempt = 0;
    loop {
        let result = match asking.take() {
            None => connection.req_packed_command(command).await.and_then(Value::extract_error),
            Some(address) => ask(connection, command, address).await,
        };
        let error = match result {
            Err(error) if attempt < Link::REDIRECTS => error,
            result => return result,
        };
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::Ask) => asking = address(&error),
            // The client reads anew where the slots are, which the nodes may not agree on yet.
            ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::TryAgain) => pause(attempt).await,
            // That may be said of a command that a node has been sent.
            ErrorKind::ClusterConnectionNotFound if only_reads(command) => pause(attempt).await,
            _ => return Err(error),
        }
        attempt += 1;
    }
}

async fn pause(attempt: u32) {
    tokio::time::sleep(Duration::from_millis((1 << attempt).min(100))).await;
}

/// Whether it does no harm to send it twice.
fn only_reads(command: &Cmd) -> bool {
    let mut words = command.args_iter();
    match (words.next(), words.next()) {
        (Some(Arg::Simple(b"GETEX")), _) => true,
        (Some(Arg::Simple(b"EVALSHA")), Some(Arg::Simple(sha1))) => sha1 == script::PAGE.sha1().as_bytes(),
        _ => false,
    }
}

/// Sends a command to a node that is about to have its slot.
async fn ask(connection: &mut ClusterConnection, command: &Cmd, address: SingleNodeRoutingInfo) -> RedisResult<Value> {
    let mut pipeline = Pipeline::with_capacity(2);
    pipeline.add_command(redis::cmd("ASKING")).add_command(command.clone());
    let values = connection.route_pipeline(pipeline, 0, 2, address).await?;
    values.into_iter().next_back().unwrap_or_default().extract_error()
}

fn address(error: &RedisError) -> Option<SingleNodeRoutingInfo> {
    let (host, port) = error.redirect_node()?.0.rsplit_once(':')?;
    Some(SingleNodeRoutingInfo::ByAddress { host: host.to_owned(), port: port.parse().ok()? })
}

fn invocation(how: &str, what: &str, key: &[u8], args: &[&[u8]]) -> Cmd {
    let size = key.len() + what.len() + args.iter().map(|arg| arg.len()).sum::<usize>() + 16;
    let mut command = Cmd::with_capacity(4 + args.len(), size);
    command.arg(how).arg(what).arg(1).arg(key);
    for arg in args {
        command.arg(*arg);
    }
    command
}

/// Waits for all of a few, and gives up with the first that fails.
async fn all<T, E>(futures: impl Iterator<Item = impl Future<Output = Result<T, E>>>) -> Result<Vec<T>, E> {
    let mut waiting: Vec<(Pin<Box<_>>, Option<T>)> = futures.map(|future| (Box::pin(future), None)).collect();
    poll_fn(|context| {
        let mut is_done = true;
        for (future, value) in &mut waiting {
            if value.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(Ok(ready)) => *value = Some(ready),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => is_done = false,
                }
            }
        }
        if is_done { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await?;
    Ok(waiting.into_iter().filter_map(|(_, value)| value).collect())
}

impl fmt::Debug for Link {
    /// Not where it goes: there may be a password in that.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.to {
            To::Server(_) => "server",
            To::Cluster(_) => "cluster",
        })
    }
}
