//! A resource of the Model Context Protocol: tools by `rmcp`, behind the engine's guard.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use regrant::http::read_body;
use regrant::wire::Limits;
use regrant::{Access, Scope, Timestamp};
use rmcp::handler::server::tool::Extension;
use rmcp::model::{CallToolResult, ClientJsonRpcMessage, ClientRequest, ContentBlock, JsonRpcMessage};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, ServerHandler, tool, tool_handler, tool_router};

use crate::app::McpEngine;

/// What every call needs.
const READ: &str = "mcp:read";
/// What the tool `admin` needs.
const ADMIN: &str = "mcp:admin";
/// The longest message.
const MAX_BYTES: usize = 1 << 20;

/// The resource at a path. `host` is who the world says the server is.
pub(crate) fn router(path: &str, uri: String, host: &str, engine: &Arc<McpEngine>) -> Router {
    let uri: Arc<str> = uri.into();
    let tools = Tools { resource: Arc::clone(&uri) };
    let config = StreamableHttpServerConfig::default()
        // Each request stands for itself and its token: nobody can go on with somebody else's session.
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(MAX_BYTES)
        .with_allowed_hosts(["localhost", "127.0.0.1", "::1", host]);
    let service =
        StreamableHttpService::new(move || Ok(tools.clone()), Arc::new(NeverSessionManager::default()), config);
    let guarded = Guarded { engine: Arc::clone(engine), uri };
    Router::new().route_service(path, service).route_layer(from_fn_with_state(guarded, guard))
}

#[derive(Clone)]
struct Guarded {
    engine: Arc<McpEngine>,
    uri: Arc<str>,
}

impl Guarded {
    async fn check(&self, parts: &Parts, scope: &str) -> Result<Access, Response> {
        let Ok(scope) = Scope::parse(scope) else { return Err(StatusCode::INTERNAL_SERVER_ERROR.into_response()) };
        let request = regrant::http::request(&parts.method, &parts.uri, &parts.headers, b"");
        let checked = self.engine.bearer_for(&self.uri).scope(&scope).check(&request, Timestamp::now).await;
        checked.map_err(|refused| regrant::http::response(refused.response()).into_response())
    }
}

/// Lets a request through that has a token for this resource. What a call needs is known before anything is answered, so that
/// a client that lacks it hears so by the status, and asks the person for more (RFC 6750 section 3.1).
async fn guard(State(resource): State<Guarded>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    // Before the body is waited for.
    let mut access = match resource.check(&parts, READ).await {
        Ok(access) => access,
        Err(refused) => return refused,
    };
    let Ok(body) = read_body(&parts.headers, body, &Limits::default().with_body_bytes(MAX_BYTES)).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    if calls_admin(&body) {
        access = match resource.check(&parts, ADMIN).await {
            Ok(access) => access,
            Err(refused) => return refused,
        };
    }
    parts.extensions.insert(access);
    next.run(Request::from_parts(parts, Body::from(body))).await
}

fn calls_admin(body: &[u8]) -> bool {
    let message = serde_json::from_slice::<ClientJsonRpcMessage>(body);
    matches!(message, Ok(JsonRpcMessage::Request(message))
        if matches!(&message.request, ClientRequest::CallToolRequest(call) if call.params.name == "admin"))
}

#[derive(Clone)]
struct Tools {
    resource: Arc<str>,
}

#[tool_router]
impl Tools {
    #[tool(description = "Says whose token it is, which client's, and for which resource")]
    async fn whoami(&self, Extension(parts): Extension<Parts>) -> Result<CallToolResult, ErrorData> {
        let access = access(&parts)?;
        let text = format!(
            "subject: {}\nclient: {}\nresource: {}",
            access.subject().unwrap_or(access.client_id()),
            access.client_id(),
            self.resource,
        );
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]))
    }

    #[tool(description = "What only an administrator may do; needs the scope mcp:admin")]
    async fn admin(&self, Extension(parts): Extension<Parts>) -> Result<CallToolResult, ErrorData> {
        // The guard has seen to it. A tool that decides what it is about must not rest on that alone.
        if !access(&parts)?.scope().contains(ADMIN) {
            return Err(ErrorData::invalid_request("the token has not the scope mcp:admin", None));
        }
        let text = format!("administered {}", self.resource);
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]))
    }
}

#[tool_handler(name = "regrant-mcp-example")]
impl ServerHandler for Tools {}

fn access(parts: &Parts) -> Result<&Access, ErrorData> {
    parts.extensions.get().ok_or_else(|| ErrorData::internal_error("not behind the guard", None))
}
