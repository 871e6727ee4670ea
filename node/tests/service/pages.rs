//! The HTTP pages on the same port.

use crate::fixture::{Fixture, SOON, limits};
use hnchain_types::Height;

#[tokio::test]
async fn probes_status_and_metrics_are_served_beside_grpc() {
    let fixture = Fixture::new();
    let server = fixture.serve(limits(), SOON).await;
    assert_eq!(server.get("/healthz").await, ("HTTP/1.1 200 OK".to_owned(), "ok\n".to_owned()));
    fixture.finalize(&[]);
    let (line, body) = server.get("/readyz").await;
    assert_eq!((line.as_str(), body.as_str()), ("HTTP/1.1 200 OK", r#"{"ready":true}"#));
    let (_, body) = server.get("/status").await;
    let status: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&status["height"], &status["chain_id"]), (&1.into(), &"henan-test".into()));
    assert_eq!(status["genesis"], fixture.shared.genesis.digest().to_string());
    assert_eq!(server.get("/metrics").await.0, "HTTP/1.1 200 OK");
    assert_eq!(server.get("/nothing").await.0, "HTTP/1.1 404 Not Found");
    server.client().await.get_status(hnchain_types::proto::GetStatusRequest {}).await.unwrap();
}

#[tokio::test]
async fn a_node_far_behind_says_so() {
    let fixture = Fixture::new();
    let server = fixture.serve(limits(), SOON).await;
    fixture.shared.status.set_network_height(Height(1_000));
    let (line, body) = server.get("/readyz").await;
    assert_eq!(line, "HTTP/1.1 503 Service Unavailable");
    let ready: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&ready["ready"], &ready["code"]), (&false.into(), &"BEHIND".into()));
    assert!(ready["message_zh"].as_str().unwrap().contains("1000"));
}
