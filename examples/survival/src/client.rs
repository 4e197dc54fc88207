//! The client of a token endpoint, as far as every server has it: RFC 6749 sections 4.1.3, 5 and 6.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::config::{Auth, Config, Login};

/// For one answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What comes of a refresh.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    /// A refresh token: another one, or the same where the server does not rotate.
    Token(String),
    /// The server says that there is no login any more.
    LoggedOut(String),
    /// No answer, or one that says nothing about the login: the same request again.
    Nothing(String),
}

impl Answer {
    pub(crate) fn token(self) -> Option<String> {
        if let Self::Token(token) = self { Some(token) } else { None }
    }
}

/// The client.
pub(crate) struct Client {
    config: Config,
    http: reqwest::Client,
    turn: AtomicUsize,
    cut_off: AtomicU32,
    given: tokio::sync::Mutex<Vec<String>>,
}

impl Client {
    pub(crate) fn new(config: Config) -> Result<Self, String> {
        let mut given = Vec::new();
        if let Login::Tokens { file } = &config.login {
            let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
            given.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
        }
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .no_proxy()
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { config, http, turn: AtomicUsize::new(0), cut_off: AtomicU32::new(0), given: given.into() })
    }

    /// The next node's endpoint, in turns.
    fn endpoint(&self) -> &str {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        &self.config.token_endpoints[turn % self.config.token_endpoints.len()]
    }

    /// Posts a form; the status, the redirect and the body.
    async fn post(
        &self,
        url: &str,
        fields: &BTreeMap<String, String>,
        authenticates: bool,
    ) -> Result<(u16, Option<String>, String), String> {
        let mut fields = fields.clone();
        let client = &self.config.client;
        let mut request = self.http.post(url).header("content-type", "application/x-www-form-urlencoded");
        match client.auth {
            _ if !authenticates => {}
            Auth::Basic => {
                // Both are form-encoded first (RFC 6749 section 2.3.1).
                let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                request = request.basic_auth(encode(&client.id), Some(encode(&client.secret)));
            }
            Auth::Post => {
                fields.insert("client_id".to_owned(), client.id.clone());
                fields.insert("client_secret".to_owned(), client.secret.clone());
            }
            Auth::None => {
                fields.insert("client_id".to_owned(), client.id.clone());
            }
        }
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let response = request.body(form).send().await.map_err(|error| self.failed(&error))?;
        let status = response.status().as_u16();
        let location = response.headers().get("location").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = response.text().await.map_err(|error| self.failed(&error))?;
        Ok((status, location, body))
    }

    /// A request that the server had, or might have had, is cut off; one for which there was no connection is not.
    fn failed(&self, error: &reqwest::Error) -> String {
        if !error.is_connect() {
            self.cut_off.fetch_add(1, Ordering::Relaxed);
        }
        with_causes(error)
    }

    /// Requests that were cut off until now.
    pub(crate) fn cut_off(&self) -> u32 {
        self.cut_off.load(Ordering::Relaxed)
    }

    /// One request with this refresh token.
    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        let fields = fields([("grant_type", "refresh_token"), ("refresh_token", token)]);
        match self.post(self.endpoint(), &fields, true).await {
            Ok((status, _, body)) => read(status, &body, token),
            Err(error) => Answer::Nothing(error),
        }
    }

    /// The same until there is an answer: what every client does that is told nothing about its login.
    pub(crate) async fn refresh_until_answered(&self, token: &str) -> Answer {
        let again = Duration::from_millis(self.config.load.again_after_ms);
        let mut last = Answer::Nothing(String::new());
        for _ in 0..100 {
            last = self.refresh(token).await;
            if !matches!(last, Answer::Nothing(_)) {
                return last;
            }
            tokio::time::sleep(again).await;
        }
        last
    }

    /// A new login, as soon as there is a server.
    pub(crate) async fn log_in_when_it_is_back(&self) -> Result<String, String> {
        let mut last = String::new();
        for _ in 0..100 {
            match self.log_in().await {
                Ok(token) => return Ok(token),
                Err(error) => last = error,
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(last)
    }

    /// A new login.
    pub(crate) async fn log_in(&self) -> Result<String, String> {
        let (code, mut more) = match &self.config.login {
            Login::Tokens { .. } => {
                return self.given.lock().await.pop().ok_or_else(|| "there are too few refresh tokens".to_owned());
            }
            Login::Form { url, fields, authenticates, redeem } => {
                let (status, location, body) = self.post(url, fields, *authenticates).await?;
                let code = location.as_deref().and_then(|location| {
                    let (_, query) = location.split_once('?')?;
                    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code").map(|(_, code)| code)
                });
                match code {
                    Some(code) => (code.into_owned(), redeem.clone()),
                    None => return read(status, &body, "").token().ok_or_else(|| format!("login: {status} {body}")),
                }
            }
            Login::Script { command } => {
                let [program, arguments @ ..] = command.as_slice() else { return Err("no command".to_owned()) };
                let output = tokio::process::Command::new(program).args(arguments).output().await;
                let output = output.map_err(|error| format!("{program}: {error}"))?;
                let said: BTreeMap<String, String> = serde_json::from_slice(&output.stdout)
                    .map_err(|error| format!("{program}: {error}: {}", String::from_utf8_lossy(&output.stderr)))?;
                if let Some(token) = said.get("refresh_token") {
                    return Ok(token.clone());
                }
                let mut said = said;
                (said.remove("code").ok_or_else(|| format!("{program}: neither a code nor a token"))?, said)
            }
        };
        more.extend(fields([("grant_type", "authorization_code"), ("code", &code)]));
        let (status, _, body) = self.post(self.endpoint(), &more, true).await?;
        read(status, &body, "").token().ok_or_else(|| format!("code: {status} {body}"))
    }
}

fn fields<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Reads an answer (RFC 6749 sections 5.1 and 5.2). What does not say that the login is over does not end it.
fn read(status: u16, body: &str, presented: &str) -> Answer {
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    if status == 200 && json.get("access_token").is_some() {
        let token = json.get("refresh_token").and_then(Value::as_str).unwrap_or(presented);
        return Answer::Token(token.to_owned());
    }
    match json.get("error").and_then(Value::as_str) {
        Some(error) if (400..500).contains(&status) && status != 429 => Answer::LoggedOut(error.to_owned()),
        _ => Answer::Nothing(format!("status {status}")),
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {}", with_causes(cause)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6749 section 5.2: only an error of OAuth says anything about the login.
    #[test]
    fn what_says_nothing_about_the_login_is_asked_again() {
        assert_eq!(read(200, r#"{"access_token":"a","refresh_token":"r"}"#, "p"), Answer::Token("r".into()));
        assert_eq!(read(200, r#"{"access_token":"a"}"#, "p"), Answer::Token("p".into()));
        assert_eq!(read(400, r#"{"error":"invalid_grant"}"#, "p"), Answer::LoggedOut("invalid_grant".into()));
        for (status, body) in [
            (200, ""),
            (429, r#"{"error":"temporarily_unavailable"}"#),
            (500, r#"{"error":"server_error"}"#),
            (503, r#"{"error":"temporarily_unavailable"}"#),
            (400, "<html>"),
        ] {
            assert!(matches!(read(status, body, "p"), Answer::Nothing(_)), "{status} {body}");
        }
    }
}
