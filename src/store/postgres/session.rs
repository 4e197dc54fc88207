//! Saying a statement to the server, within a time, and what is known afterwards.

use std::future::Future;
use std::time::Duration;

use deadpool_postgres::{Client, Object, Pool};
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::error::PostgresStoreError;
use super::row::Parameter;
use crate::store::StoreError;

/// How often a statement is said at most that the server undoes for the sake of another one. Only databases whose
/// transactions are serializable or repeatable reads do that; the second time it sees what the other one did.
const CONFLICTS: usize = 8;

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
    fn say(&self, client: &Client) -> impl Future<Output = Result<Self::Answer, tokio_postgres::Error>> + Send;

    /// By a name that the session keeps.
    fn say_prepared(&self, client: &Client)
    -> impl Future<Output = Result<Self::Answer, tokio_postgres::Error>> + Send;
}

struct Query<'a>(&'a str, &'a [Parameter<'a>]);
struct Command<'a>(&'a str, &'a [Parameter<'a>]);

impl Statement for Query<'_> {
    type Answer = Vec<Row>;

    async fn say(&self, client: &Client) -> Result<Vec<Row>, tokio_postgres::Error> {
        client.query_typed(self.0, self.1).await
    }

    async fn say_prepared(&self, client: &Client) -> Result<Vec<Row>, tokio_postgres::Error> {
        let (types, values) = parted(self.1);
        client.query(&client.prepare_typed_cached(self.0, &types).await?, &values).await
    }
}

impl Statement for Command<'_> {
    type Answer = u64;

    async fn say(&self, client: &Client) -> Result<u64, tokio_postgres::Error> {
        client.execute_typed(self.0, self.1).await
    }

    async fn say_prepared(&self, client: &Client) -> Result<u64, tokio_postgres::Error> {
        let (types, values) = parted(self.1);
        client.execute(&client.prepare_typed_cached(self.0, &types).await?, &values).await
    }
}

type Values<'a> = Vec<&'a (dyn ToSql + Sync)>;

fn parted<'a>(parameters: &'a [Parameter<'a>]) -> (Vec<Type>, Values<'a>) {
    parameters.iter().map(|(value, kind)| (kind.clone(), *value)).unzip()
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

    /// A session of the pool's. Nothing has been sent before there is one.
    pub(super) async fn client(&self) -> Result<Client, PostgresStoreError> {
        match timeout(self.acquire_timeout, self.pool.get()).await {
            Ok(client) => Ok(client?),
            Err(_) => Err(PostgresStoreError::new("no connection was to be had in time")),
        }
    }

    async fn say<S: Statement>(&self, statement: &S) -> Result<S::Answer, StoreError> {
        let client = self.client().await.map_err(StoreError::not_applied)?;
        let mut said = 1;
        loop {
            // Where the caller drops this future the statement runs on, and the session is given to others at once: the
            // driver gives each answer to whom it belongs.
            let answer = async {
                if self.prepared { statement.say_prepared(&client).await } else { statement.say(&client).await }
            };
            let error: PostgresStoreError = match timeout(self.statement_timeout, answer).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => error.into(),
                Err(_) => {
                    // Who gets this session next would wait as well.
                    drop(Object::take(client));
                    return Err(StoreError::indeterminate(PostgresStoreError::new("no answer in time")));
                }
            };
            if !error.is_conflict() || said == CONFLICTS {
                if error.spoils_session() {
                    drop(Object::take(client));
                }
                return Err(error.after_sending());
            }
            said += 1;
        }
    }
}
