//! One HTTP request to a node's health page, without a client library.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Largest answer that is read: metrics pages are some ten kilobytes.
const ANSWER_BYTES: u64 = 1024 * 1024;
/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// `GET path` at an endpoint `http://host:port`: status code and body.
///
/// # Errors
/// Not reachable, too slow, or not HTTP.
pub async fn get(endpoint: &str, path: &str) -> io::Result<(u16, String)> {
    tokio::time::timeout(TIMEOUT, ask(endpoint, path)).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

async fn ask(endpoint: &str, path: &str) -> io::Result<(u16, String)> {
    let host = endpoint.strip_prefix("http://").unwrap_or(endpoint);
    let mut stream = TcpStream::connect(host).await?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut bytes).await?;
    let text = String::from_utf8_lossy(&bytes);
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "not an HTTP answer");
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(wrong)?;
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(wrong)?;
    Ok((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn status_and_body_are_read() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = [0u8; 256];
            let n = stream.read(&mut request).await.expect("a request");
            assert!(request[..n].starts_with(b"GET /readyz HTTP/1.1\r\n"));
            stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\n\r\nsyncing").await.expect("open");
        });
        assert_eq!(get(&endpoint, "/readyz").await.expect("answered"), (503, "syncing".to_owned()));
    }
}
