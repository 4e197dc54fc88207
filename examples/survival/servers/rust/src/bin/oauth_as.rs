//! The second argument is its `refresh_retry_window` in seconds, zero where it is left alone.

use std::error::Error;
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).ok_or("a port")?;
    let window = Duration::from_secs(std::env::args().nth(2).ok_or("seconds")?.parse()?);
    let router = survival_peers::oauth_as::router(&format!("http://127.0.0.1:{port}"), window, None).await?;
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    axum::serve(listener, router).await?;
    Ok(())
}
