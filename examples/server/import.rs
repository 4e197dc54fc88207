//! The refresh tokens of the server that the marketplace ran before, as a table that is read once and never written.
//!
//! ```text
//! refresh_token,client_id,username,scope,login_at
//! 88642e36-ef83-49fe-baf9-40afda247059,marketplace-app,usuario.teste,scope_1 scope_2,2020-08-12T13:51:00Z
//! ```
//!
//! In place of `refresh_token` there may be `refresh_token_sha256`, in hexadecimal digits or base64url. The time is in RFC 3339 or seconds
//! since 1970. A sixth column `refresh_token_active` says what the login asked for: the server hands out a refresh token to everybody, and
//! only that of a login with exactly `true` renews. Without the column every token in the file is one that renews. One line that cannot be read is named, by its number alone, and then nothing is imported.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use regrant::engine::{ForeignLogin, ForeignToken, ForeignTokens, HookError};
use regrant::{Authorization, Client, Scope, Timestamp};
use sha2::{Digest, Sha256};

use crate::marketplace::fields_of;

/// Later than this the seconds are milliseconds: the year 9999.
const MAX_SECS: u64 = 253_402_300_799;
const OTHER_COLUMNS: [&str; 4] = ["client_id", "username", "scope", "login_at"];
const RENEWS_COLUMN: &str = "refresh_token_active";

/// Who may have which scope: a row of another client, or with more, is a mistake that would log somebody out later.
pub(crate) struct Known {
    pub(crate) client_id: &'static str,
    pub(crate) scope: Scope,
}

/// The table, by SHA-256 of the token: no search in it takes longer for a token that is nearly right.
pub(crate) struct Imported {
    rows: HashMap<[u8; 32], Row>,
}

struct Row {
    client_id: &'static str,
    username: Box<str>,
    scope: Scope,
    login_at: Timestamp,
    renews: bool,
}

/// What the columns are.
#[derive(Clone, Copy)]
struct Columns {
    is_digest: bool,
    says_renewal: bool,
}

/// What is wrong with a line. The line itself is not shown: a token is in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    #[error("the file cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("line {line}: {why}")]
    Line { line: u64, why: Why },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Why {
    Header,
    Csv,
    Token,
    Digest,
    Twice,
    Client,
    Username,
    Scope,
    Time,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => {
                "the header is not refresh_token,client_id,username,scope,login_at, or refresh_token_sha256 in the first place and refresh_token_active in the last"
            }
            Self::Csv => "not as many fields of UTF-8 text as the header has",
            Self::Token => "the refresh token is empty",
            Self::Digest => "the digest is not SHA-256 in hexadecimal digits or base64url",
            Self::Twice => "the token is in an earlier line too",
            Self::Client => "there is no such client",
            Self::Username => "the username is empty, too long, or has a control character",
            Self::Scope => "the scope is not one that the client may have",
            Self::Time => "the time of the login is neither RFC 3339 nor seconds since 1970",
        })
    }
}

impl Imported {
    pub(crate) fn open(path: &Path, known: &Known) -> Result<Self, ImportError> {
        Self::read(File::open(path)?, known)
    }

    pub(crate) fn read(file: impl Read, known: &Known) -> Result<Self, ImportError> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file);
        let (mut record, mut columns) = (csv::StringRecord::new(), None);
        let mut rows = HashMap::new();
        loop {
            let before = reader.position().line();
            match reader.read_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    let line = error.position().map_or(before, csv::Position::line);
                    return Err(match error.into_kind() {
                        csv::ErrorKind::Io(error) => ImportError::Read(error),
                        _ => ImportError::Line { line, why: Why::Csv },
                    });
                }
            }
            let line = record.position().map_or(before, csv::Position::line);
            let at = |why| ImportError::Line { line, why };
            let fields: Vec<&str> = record.iter().collect();
            let Some(columns) = columns else {
                columns = Some(header(&fields).ok_or_else(|| at(Why::Header))?);
                continue;
            };
            let (digest, row) = row(&fields, columns, known).map_err(at)?;
            if rows.insert(digest, row).is_some() {
                return Err(at(Why::Twice));
            }
        }
        match columns {
            Some(_) => Ok(Self { rows }),
            None => Err(ImportError::Line { line: 1, why: Why::Header }),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }
}

fn header(columns: &[&str]) -> Option<Columns> {
    let (first, others) = columns.split_first()?;
    let says_renewal = match others.split_at_checked(OTHER_COLUMNS.len())? {
        (others, _) if others != OTHER_COLUMNS => return None,
        (_, []) => false,
        (_, [RENEWS_COLUMN]) => true,
        _ => return None,
    };
    match *first {
        "refresh_token" => Some(Columns { is_digest: false, says_renewal }),
        "refresh_token_sha256" => Some(Columns { is_digest: true, says_renewal }),
        _ => None,
    }
}

fn row(fields: &[&str], columns: Columns, known: &Known) -> Result<([u8; 32], Row), Why> {
    let (token, client_id, username, scope, login_at, renews) = match *fields {
        [token, client, user, scope, at] if !columns.says_renewal => (token, client, user, scope, at, true),
        // "Any other value, or leaving it out, does not turn it on."
        [token, client, user, scope, at, active] if columns.says_renewal => {
            (token, client, user, scope, at, active == "true")
        }
        _ => return Err(Why::Csv),
    };
    let is_digest = columns.is_digest;
    let digest = match (token, is_digest) {
        (_, true) => digest(token).ok_or(Why::Digest)?,
        ("", false) => return Err(Why::Token),
        (_, false) => Sha256::digest(token).into(),
    };
    if client_id != known.client_id {
        return Err(Why::Client);
    }
    if username.is_empty() || username.len() > 1_024 || username.contains(char::is_control) {
        return Err(Why::Username);
    }
    // The document of the system writes them with commas.
    let scope = scope.replace(',', " ");
    let scope = scope.split_whitespace().collect::<Vec<_>>().join(" ");
    let scope = Scope::parse(&scope).ok().filter(|scope| scope.is_subset_of(&known.scope)).ok_or(Why::Scope)?;
    let login_at = time(login_at).ok_or(Why::Time)?;
    Ok((digest, Row { client_id: known.client_id, username: username.into(), scope, login_at, renews }))
}

fn digest(text: &str) -> Option<[u8; 32]> {
    if text.len() == 64 {
        let digit = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
        let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bytes = (0..32).map(|byte| digit(2 * byte)).collect::<Option<Vec<u8>>>().filter(|_| is_hex)?;
        return bytes.try_into().ok();
    }
    let engine = if text.ends_with('=') { URL_SAFE } else { URL_SAFE_NO_PAD };
    engine.decode(text).ok()?.try_into().ok()
}

fn time(text: &str) -> Option<Timestamp> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().filter(|secs| *secs <= MAX_SECS).map(Timestamp::from_secs);
    }
    let time: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(time.as_millisecond()).ok().map(Timestamp::from_millis)
}

impl ForeignTokens for Imported {
    async fn find(&self, token: &ForeignToken<'_>, client: &Client) -> Result<Option<ForeignLogin>, HookError> {
        let Some(row) = self.rows.get(token.sha256()).filter(|row| row.client_id == client.id()) else {
            return Ok(None);
        };
        let fields = fields_of(&row.username).map_err(HookError::new)?;
        let authorization = Authorization::of(&row.username).with_scope(row.scope.clone()).with_fields(fields);
        let authorization = authorization.with_renewable(row.renews);
        // It is accepted for as long as this server is given the file.
        Ok(Some(ForeignLogin::new(authorization, row.login_at, Timestamp::MAX)))
    }
}
