//! Saying a statement to the server, within a time, and what is known afterwards.

use std::future::Future;
use std::time::Duration;

use deadpool_postgres::{Client, ClientWrapper, Object, Pool};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::error::PostgresStoreError;
use super::row::Parameter;
use crate::store::StoreError;

/// How often a statement is said at most that the server undoes for the sake of another one. Only databases whose
/// transactions are serializable or repeatable reads do that; the second time it sees what the other one did.
const CONFLICTS: usize = 8;
/// The longest time that a statement is told it has: the longest `lock_timeout` that the server knows, in milliseconds.
const MOST_MILLIS: u128 = 2_147_483_647;

/// The pool, and how long to wait.
pub(super) struct Sessions {
    pub(super) pool: Pool,
    pub(super) acquire_timeout: Duration,
    pub(super) statement_timeout: Duration,
    /// Whether sessions are the client's own, so that what is prepared in one is there the next time.
    pub(super) prepared: bool,
}

/// A statement and how to read its answer.
trait Statement: Sync {
    type Answer;

    /// Text, types and parameters in one message, of which nothing stays behind in the session.
    fn say(
        &self,
        client: &ClientWrapper,
        time: Time,
    ) -> impl Future<Output = Result<Self::Answer, tokio_postgres::Error>> + Send;

    /// By a name that the session keeps.
    fn say_prepared(
        &self,
        client: &ClientWrapper,
        time: Time,
    ) -> impl Future<Output = Result<Self::Answer, tokio_postgres::Error>> + Send;
}

struct Query<'a>(&'a str, &'a [Parameter<'a>]);
struct Command<'a>(&'a str, &'a [Parameter<'a>]);
/// A command whose last parameter is how much time it has, as the server reads a time.
struct InTime<'a>(&'a str, &'a [Parameter<'a>]);

impl Statement for Query<'_> {
    type Answer = Vec<Row>;

    async fn say(&self, client: &ClientWrapper, _time: Time) -> Result<Vec<Row>, tokio_postgres::Error> {
        client.query_typed(self.0, self.1).await
    }

    async fn say_prepared(&self, client: &ClientWrapper, _time: Time) -> Result<Vec<Row>, tokio_postgres::Error> {
        let (types, values) = parted(self.1);
        client.query(&client.prepare_typed_cached(self.0, &types).await?, &values).await
    }
}

impl Statement for Command<'_> {
    type Answer = u64;

    async fn say(&self, client: &ClientWrapper, _time: Time) -> Result<u64, tokio_postgres::Error> {
        client.execute_typed(self.0, self.1).await
    }

    async fn say_prepared(&self, client: &ClientWrapper, _time: Time) -> Result<u64, tokio_postgres::Error> {
        let (types, values) = parted(self.1);
        client.execute(&client.prepare_typed_cached(self.0, &types).await?, &values).await
    }
}

impl Statement for InTime<'_> {
    type Answer = u64;

    async fn say(&self, client: &ClientWrapper, time: Time) -> Result<u64, tokio_postgres::Error> {
        let left = time.left_text();
        let parameters: Vec<Parameter<'_>> = self.1.iter().cloned().chain([(&left as _, Type::TEXT)]).collect();
        client.execute_typed(self.0, &parameters).await
    }

    async fn say_prepared(&self, client: &ClientWrapper, time: Time) -> Result<u64, tokio_postgres::Error> {
        let (mut types, mut values) = parted(self.1);
        types.push(Type::TEXT);
        let statement = client.prepare_typed_cached(self.0, &types).await?;
        // Only now: preparing it may have waited, too.
        let left = time.left_text();
        values.push(&left);
        client.execute(&statement, &values).await
    }
}

type Values<'a> = Vec<&'a (dyn ToSql + Sync)>;

fn parted<'a>(parameters: &[Parameter<'a>]) -> (Vec<Type>, Values<'a>) {
    parameters.iter().map(|(value, kind)| (kind.clone(), *value)).unzip()
}

/// How long a statement may take, from when there was a session for it, however often it is said.
#[derive(Clone, Copy)]
struct Time {
    begun: Instant,
    all: Duration,
}

impl Time {
    fn left(self) -> Duration {
        self.all.saturating_sub(self.begun.elapsed())
    }

    /// At least 1 millisecond, for a statement that is about to be said.
    fn left_text(self) -> String {
        format!("{}ms", self.left().as_millis().clamp(1, MOST_MILLIS))
    }
}

/// A session in which a statement may be under way. Dropped so, with the future that had it, it is kept from others until it
/// is idle: the driver would send the next statement behind that one, and the server would carry it out whenever it comes to it,
/// long after whoever said it has given up.
pub(super) struct Session {
    client: Option<Client>,
    /// How long it may take to become idle.
    patience: Duration,
}

impl Session {
    pub(super) fn get(&mut self) -> Result<&mut ClientWrapper, PostgresStoreError> {
        self.client.as_deref_mut().ok_or_else(|| PostgresStoreError::new("the session was given back"))
    }

    /// Back to the pool, with nothing under way.
    pub(super) fn give_back(mut self) {
        drop(self.client.take());
    }

    /// Out of the pool, and closed.
    pub(super) fn give_up(mut self) {
        drop(Leaving(self.client.take()));
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        let (mut leaving, patience) = (Leaving(Some(client)), self.patience);
        // Without a runtime nobody can wait for it.
        let Ok(runtime) = Handle::try_current() else { return };
        drop(runtime.spawn(async move {
            let Some(client) = &leaving.0 else { return };
            // Says nothing, and is answered after all that was said before.
            if let Ok(Ok(())) = timeout(patience, client.batch_execute("")).await {
                drop(leaving.0.take());
            }
        }));
    }
}

/// A session that leaves the pool when this is dropped, as also by a runtime that ends.
struct Leaving(Option<Client>);

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            drop(Object::take(client));
        }
    }
}

impl Sessions {
    /// Rows, of a statement that reads or returns some.
    pub(super) async fn query(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, StoreError> {
        self.say(&Query(sql, parameters)).await
    }

    /// How many rows a statement wrote.
    pub(super) async fn execute(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<u64, StoreError> {
        self.say(&Command(sql, parameters)).await
    }

    /// How many rows a statement wrote that is told how much time it has.
    pub(super) async fn execute_in_time(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<u64, StoreError> {
        self.say(&InTime(sql, parameters)).await
    }

    /// A session of the pool's. Nothing has been sent before there is one.
    pub(super) async fn session(&self) -> Result<Session, PostgresStoreError> {
        match timeout(self.acquire_timeout, self.pool.get()).await {
            Ok(client) => Ok(Session { client: Some(client?), patience: self.statement_timeout }),
            Err(_) => Err(PostgresStoreError::new("no connection was to be had in time")),
        }
    }

    async fn say<S: Statement>(&self, statement: &S) -> Result<S::Answer, StoreError> {
        let mut session = self.session().await.map_err(StoreError::not_applied)?;
        let time = Time { begun: Instant::now(), all: self.statement_timeout };
        let client = session.get().map_err(StoreError::not_applied)?;
        match timeout(time.all, self.insist(client, statement, time)).await {
            Ok(Ok(answer)) => {
                session.give_back();
                Ok(answer)
            }
            Ok(Err(error)) => {
                if error.spoils_session() {
                    session.give_up();
                } else {
                    session.give_back();
                }
                Err(error.after_sending())
            }
            Err(_) => {
                // Who gets this session next would wait as well.
                session.give_up();
                Err(StoreError::indeterminate(PostgresStoreError::new("no answer in time")))
            }
        }
    }

    /// Says it again where the server undid it for the sake of another one, while there is time.
    async fn insist<S: Statement>(
        &self,
        client: &ClientWrapper,
        statement: &S,
        time: Time,
    ) -> Result<S::Answer, PostgresStoreError> {
        let mut said = 0;
        loop {
            let answer = if self.prepared {
                statement.say_prepared(client, time).await
            } else {
                statement.say(client, time).await
            };
            said += 1;
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => PostgresStoreError::from(error),
            };
            if !error.is_conflict() || said == CONFLICTS || time.left().is_zero() {
                return Err(error);
            }
        }
    }
}
