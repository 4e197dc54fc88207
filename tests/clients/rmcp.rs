//! The MCP example, driven by the client of the `rmcp` crate: discovery, registration, login, refresh, step-up, client credentials.

use reqwest::Client;
use rmcp::ServiceExt;
use rmcp::model::{CallToolRequestParams, ClientConfig};
use rmcp::transport::auth::{AuthClient, AuthorizationManager, ClientCredentialsConfig, OAuthState};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{AuthorizationRequest, StreamableHttpClientTransport};
use url::{Url, form_urlencoded};

use crate::process::Running;

const CALLBACK: &str = "http://localhost:58135/callback";

struct Example {
    server: Running,
    issuer: String,
}

impl Example {
    fn start() -> Self {
        let server = Running::start_example("mcp", &[]);
        let issuer = format!("http://{}", server.address());
        Self { server, issuer }
    }

    fn resource(&self, name: &str) -> String {
        format!("{}/{name}", self.issuer)
    }

    /// A person who reads the page and allows what it asks; where the browser is sent.
    #[track_caller]
    fn allow(&self, url: &str) -> String {
        let path = url.strip_prefix(&self.issuer).unwrap();
        let page = self.server.get(path, None);
        assert_eq!(page.status, 200, "{page:?}");
        let (_, handle) = page.body.split_once(r#"name="interaction" value=""#).unwrap();
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("interaction", handle.split('"').next().unwrap())
            .extend_pairs([("username", "alice"), ("password", "wonderland"), ("decision", "allow")])
            .finish();
        let answer = self.server.post("/authorize", &form);
        assert_eq!(answer.status, 303, "{answer:?}");
        answer.header("location")
    }

    /// Logs in as one that nobody knows.
    async fn log_in(&self, resource: &str) -> OAuthState {
        let mut state = OAuthState::new(resource, None).await.unwrap();
        let request = AuthorizationRequest::new(CALLBACK).with_client_name("An editor").with_application_type("native");
        state.start_authorization(request).await.unwrap();
        let url = state.get_authorization_url().await.unwrap();
        assert_eq!(parameter(&url, "resource").as_deref(), Some(resource));
        state.handle_callback_url(&self.allow(&url)).await.unwrap();
        state
    }
}

fn parameter(url: &str, name: &str) -> Option<String> {
    Url::parse(url).unwrap().query_pairs().find(|(own, _)| own == name).map(|(_, value)| value.into_owned())
}

/// Calls tools on a connection of its own; what each said, or that it may not.
async fn call(resource: &str, manager: AuthorizationManager, tools: &[&'static str]) -> Vec<Result<String, String>> {
    let transport = StreamableHttpClientTransport::with_client(
        AuthClient::new(Client::new(), manager),
        StreamableHttpClientTransportConfig::with_uri(resource),
    );
    let client = ClientConfig::default().serve(transport).await.unwrap();
    let mut said = Vec::new();
    for &tool in tools {
        let result = client.call_tool(CallToolRequestParams::new(tool)).await;
        said.push(result.map_err(|error| error.to_string()).map(|result| {
            assert_ne!(result.is_error, Some(true));
            result.content[0].as_text().unwrap().text.clone()
        }));
    }
    client.cancel().await.unwrap();
    said
}

#[tokio::test]
async fn it_registers_logs_in_and_calls_a_tool_at_each_resource() {
    let example = Example::start();
    for name in ["mcp", "files"] {
        let resource = example.resource(name);
        let state = example.log_in(&resource).await;
        let (client, tokens) = state.get_credentials().await.unwrap();
        assert!(client.starts_with("dcr.") && tokens.is_some());
        let manager = state.into_authorization_manager().unwrap();
        // It goes on by its refresh token.
        let before = manager.get_access_token().await.unwrap();
        manager.refresh_token().await.unwrap();
        assert_ne!(manager.get_access_token().await.unwrap(), before);
        let said = call(&resource, manager, &["whoami"]).await;
        assert_eq!(said, [Ok(format!("subject: alice\nclient: {client}\nresource: {resource}"))]);
    }
}

#[tokio::test]
async fn it_asks_for_more_where_a_call_needs_it() {
    let example = Example::start();
    let resource = example.resource("mcp");
    let mut state = OAuthState::new(&*resource, None).await.unwrap();
    let request = AuthorizationRequest::new(CALLBACK).with_client_name("An editor").with_scopes(["mcp:read"]);
    state.start_authorization(request).await.unwrap();
    let url = state.get_authorization_url().await.unwrap();
    state.handle_callback_url(&example.allow(&url)).await.unwrap();

    let url = state.request_scope_upgrade("mcp:admin", CALLBACK).await.unwrap();
    assert!(parameter(&url, "scope").unwrap().contains("mcp:admin"));
    state.handle_callback_url(&example.allow(&url)).await.unwrap();
    let said = call(&resource, state.into_authorization_manager().unwrap(), &["admin", "whoami"]).await;
    assert_eq!(said[0], Ok(format!("administered {resource}")));
    assert!(said[1].as_ref().unwrap().starts_with("subject: alice\n"));
}

#[tokio::test]
async fn without_more_the_call_is_refused() {
    let example = Example::start();
    let resource = example.resource("mcp");
    let mut state = OAuthState::new(&*resource, None).await.unwrap();
    let request = AuthorizationRequest::new(CALLBACK).with_scopes(["mcp:read"]);
    state.start_authorization(request).await.unwrap();
    let url = state.get_authorization_url().await.unwrap();
    state.handle_callback_url(&example.allow(&url)).await.unwrap();
    let said = call(&resource, state.into_authorization_manager().unwrap(), &["whoami", "admin"]).await;
    assert!(said[0].is_ok() && said[1].is_err(), "{said:?}");
}

#[tokio::test]
async fn a_program_acts_for_itself() {
    let example = Example::start();
    for name in ["mcp", "files"] {
        let resource = example.resource(name);
        let mut state = OAuthState::new(&*resource, None).await.unwrap();
        let machine = ClientCredentialsConfig::ClientSecret {
            client_id: "machine".into(),
            client_secret: "machine-secret-for-trying-out-only-please".into(),
            scopes: vec!["mcp:read".into()],
            resource: Some(resource.clone()),
        };
        state.authenticate_client_credentials(machine).await.unwrap();
        let said = call(&resource, state.into_authorization_manager().unwrap(), &["whoami"]).await;
        assert_eq!(said, [Ok(format!("subject: machine\nclient: machine\nresource: {resource}"))]);
    }
}
