//! What is said to the server.

use super::setup_error::PostgresSetupError;

/// The tables, quoted, and the statements over them.
#[derive(Debug)]
pub(super) struct Sql {
    pub(super) grants: String,
    pub(super) keys: String,
    pub(super) versions: String,
    subject_index: String,
    expiry_index: String,
    pub(super) insert: String,
    pub(super) load: String,
    pub(super) compare_and_swap: String,
    pub(super) remove: String,
    pub(super) list: String,
    pub(super) list_at_client: String,
    pub(super) purge: String,
    pub(super) keep_fingerprints: String,
    pub(super) fingerprints: String,
}

/// The version of the schema that this version of the crate reads and writes.
pub(super) const SCHEMA_VERSION: i32 = 1;
/// A longer name would be cut short by the server, and two tables could become one.
const MAX_NAME_BYTES: usize = 63;

impl Sql {
    pub(super) fn new(schema: Option<&str>, table: &str) -> Result<Self, PostgresSetupError> {
        let name = |suffix: &str| -> Result<String, PostgresSetupError> { quoted(&format!("{table}{suffix}")) };
        let place = match schema {
            Some(schema) => format!("{}.", quoted(schema)?),
            None => String::new(),
        };
        if table.is_empty() {
            return Err(PostgresSetupError::InvalidName);
        }
        let grants = format!("{place}{}", name("")?);
        let keys = format!("{place}{}", name("_keys")?);
        let columns = "id, version, created_at, expires_at, purge_minute, client, subject, record";
        let list = |and: &str| {
            format!("SELECT record, id FROM {grants} WHERE subject = $1 AND id >= $2{and} ORDER BY id LIMIT $3")
        };
        Ok(Self {
            versions: format!("{place}{}", name("_schema")?),
            subject_index: name("_subject")?,
            expiry_index: name("_expiry")?,
            insert: format!(
                "INSERT INTO {grants} ({columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING"
            ),
            load: format!("SELECT record FROM {grants} WHERE id = $1"),
            // Not later than its client is told to come again, by the server's own clock, and for this statement alone, also
            // behind a pooler. What it waits for the table comes before all this, so it is asked whether there is time left. The
            // wait for a row can be two of them, one behind the other, so it is asked again when the row is written, and what comes
            // too late is an error that undoes it. The bound for that wait is set where the row is looked at, which is before it is locked; a
            // join with it would take longer to plan than all the rest.
            compare_and_swap: format!(
                "UPDATE {grants} SET version = $2, created_at = $3, expires_at = $4, \
                 purge_minute = least(purge_minute, $5), client = $6, subject = $7, record = $8 \
                 WHERE id = $1 AND version = $9 AND clock_timestamp() - transaction_timestamp() < $10::interval \
                 AND set_config('lock_timeout', $10, true) IS NOT NULL \
                 RETURNING CASE WHEN clock_timestamp() - transaction_timestamp() >= $10::interval \
                 THEN set_config('lock_timeout', 'too late', true) END"
            ),
            remove: format!("DELETE FROM {grants} WHERE id = $1 RETURNING record"),
            list: list(""),
            list_at_client: list(" AND client = $4"),
            // What was extended since it was indexed is moved on, and not looked at again before the minute in which it
            // expires. Of that minute those that are still to expire are read and left. An array is
            // made once, however the plan comes out, so the limits hold. A row that another session has locked is about
            // to be extended or removed; one that was extended since this statement began is looked at again as it is
            // now, once under the lock and once before it is moved or deleted.
            purge: format!(
                "WITH due AS MATERIALIZED (SELECT id, expires_at <= $1 AS is_over FROM {grants} WHERE \
                 purge_minute <= $2 AND (purge_minute < $2 OR expires_at <= $1) ORDER BY purge_minute LIMIT $3 FOR UPDATE SKIP LOCKED), \
                 moved AS (UPDATE {grants} SET purge_minute = \
                 least(floor(extract(epoch FROM expires_at) / 60), 2147483647)::integer WHERE expires_at > $1 AND id = ANY (ARRAY(SELECT id \
                 FROM due WHERE NOT is_over))), \
                 removed AS (DELETE FROM {grants} WHERE expires_at <= $1 AND id = ANY (ARRAY(SELECT id FROM due WHERE \
                 is_over LIMIT $4)) RETURNING id) \
                 SELECT (SELECT count(*) FROM due), (SELECT count(*) FROM removed)"
            ),
            // In one order, so that two of them cannot wait for one another.
            keep_fingerprints: format!(
                "INSERT INTO {keys} (key_id, fingerprint) SELECT * FROM unnest($1, $2) AS given (key_id, fingerprint) \
                 ORDER BY key_id ON CONFLICT (key_id) DO NOTHING"
            ),
            fingerprints: format!("SELECT key_id, fingerprint FROM {keys} ORDER BY key_id"),
            keys,
            grants,
        })
    }

    /// What makes each version of the schema out of the one before it.
    pub(super) fn steps(&self) -> [String; SCHEMA_VERSION as usize] {
        [self.first()]
    }

    fn first(&self) -> String {
        let Self { grants, keys, versions, subject_index, expiry_index, .. } = self;
        format!(
            r#"CREATE TABLE {grants} (
    id bigint PRIMARY KEY,
    version bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    purge_minute integer NOT NULL,
    client text COLLATE "C" NOT NULL,
    subject text COLLATE "C",
    record bytea NOT NULL
) WITH (fillfactor = 80);
ALTER TABLE {grants}
    ALTER COLUMN client SET STORAGE MAIN,
    ALTER COLUMN subject SET STORAGE MAIN,
    ALTER COLUMN record SET STORAGE MAIN;
CREATE INDEX {subject_index} ON {grants} (subject, id) WHERE subject IS NOT NULL;
CREATE INDEX {expiry_index} ON {grants} (purge_minute);
CREATE TABLE {keys} (
    key_id smallint PRIMARY KEY CHECK (key_id BETWEEN 0 AND 255),
    fingerprint bytea NOT NULL
);
INSERT INTO {versions} (version) VALUES (1);
"#
        )
    }

    /// The table that says which version of the schema there is: none, while it is empty.
    pub(super) fn versions_table(&self) -> String {
        format!(
            "CREATE TABLE IF NOT EXISTS {} (\n    version integer NOT NULL,\n    \
             is_the_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_the_only_row)\n);\n",
            self.versions
        )
    }

    /// All of it, as one script for an empty database.
    pub(super) fn schema(&self) -> String {
        format!("BEGIN;\n{}{}COMMIT;\n", self.versions_table(), self.steps().concat())
    }
}

/// An identifier as it is, whatever it is.
fn quoted(name: &str) -> Result<String, PostgresSetupError> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains('\0') {
        return Err(PostgresSetupError::InvalidName);
    }
    Ok(format!("\"{}\"", name.replace('"', "\"\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_or_refused() {
        let grants = |schema, table: &str| Sql::new(schema, table).map(|sql| sql.grants).ok();
        assert_eq!(grants(None, "grants").unwrap(), "\"grants\"");
        assert_eq!(grants(Some("My \"own\""), "t; --").unwrap(), "\"My \"\"own\"\"\".\"t; --\"");
        assert_eq!(grants(None, ""), None);
        assert_eq!(grants(Some(""), "grants"), None);
        assert_eq!(grants(None, "nul\0"), None);
        // With the longest of what is added to it.
        assert!(grants(None, &"t".repeat(55)).is_some());
        assert_eq!(grants(None, &"t".repeat(56)), None);
    }
}
