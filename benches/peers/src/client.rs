//! The client that all of them have: requests, and what is read of the answers. It knows two ways to a server, a connection that is kept
//! alive and a router in this process.

use std::borrow::Cow;
use std::fmt::Write as _;

use axum::Router;
use axum::http::{Request, Response, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::net::TcpStream;
use tower_service::Service as _;

use crate::peer::{Login, Result};

/// `app` and [`SECRET`](crate::peer::SECRET), by Basic (RFC 7617).
const BASIC: &str = "Basic YXBwOmEtc2VjcmV0LWZvci10cnlpbmctb3V0LW9ubHktaGVyZQ==";

pub enum Way {
    Socket(SendRequest<Full<Bytes>>),
    Router(Router),
}

pub struct Answer {
    pub status: u16,
    location: Option<String>,
    body: Bytes,
}

#[derive(Deserialize)]
struct Tokens<'a> {
    #[serde(borrow)]
    refresh_token: Cow<'a, str>,
    id_token: Option<IgnoredAny>,
}

impl Way {
    pub async fn to(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self::Socket(sender))
    }

    async fn post(&mut self, path: &'static str, body: String) -> Result<Answer> {
        let request = Request::post(path)
            .header(header::HOST, "127.0.0.1")
            .header(header::AUTHORIZATION, BASIC)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        match self {
            Self::Socket(sender) => {
                sender.ready().await?;
                read(sender.send_request(request.body(Full::from(body))?).await?).await
            }
            Self::Router(router) => {
                let length = body.len();
                let request = request.header(header::CONTENT_LENGTH, length).body(axum::body::Body::from(body))?;
                read(router.call(request).await?).await
            }
        }
    }

    /// A new session: its refresh token.
    pub async fn login(&mut self, login: Login) -> Result<String> {
        let answer = match login {
            Login::Password => self.post("/token", "grant_type=password&username=alice&password=any".into()).await?,
            Login::Tokens => self.post("/login", String::new()).await?,
            Login::Code => {
                let redirect = self.post("/login", String::new()).await?;
                let code = redirect.location.as_deref().and_then(|at| at.split_once("?code=")).ok_or("no code")?.1;
                let body = format!(
                    "grant_type=authorization_code&code={}&redirect_uri=https%3A%2F%2Fapp.example%2Fcb\
                     &code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
                    encoded(code)
                );
                self.post("/token", body).await?
            }
        };
        answer.refresh_token()
    }

    /// Asks for a refresh; what comes may be a refusal.
    pub async fn refresh(&mut self, token: &str) -> Result<Answer> {
        let mut body = String::with_capacity(120);
        write!(body, "grant_type=refresh_token&refresh_token={}", encoded(token))?;
        self.post("/token", body).await
    }
}

fn encoded(value: &str) -> String {
    form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

async fn read<B>(response: Response<B>) -> Result<Answer>
where
    B: hyper::body::Body<Data = Bytes>,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let status = response.status().as_u16();
    let location = response.headers().get(header::LOCATION).and_then(|at| at.to_str().ok()).map(str::to_owned);
    let body = response.into_body().collect().await?.to_bytes();
    Ok(Answer { status, location, body })
}

impl Answer {
    /// The refresh token of a success. Nobody may sign in a refresh: none of the others does here.
    pub fn refresh_token(&self) -> Result<String> {
        if self.status != 200 {
            return Err(format!("status {}: {}", self.status, String::from_utf8_lossy(&self.body)).into());
        }
        let tokens: Tokens<'_> = serde_json::from_slice(&self.body)?;
        if tokens.id_token.is_some() {
            return Err("an ID token, which the others do not sign".into());
        }
        Ok(tokens.refresh_token.into_owned())
    }
}
