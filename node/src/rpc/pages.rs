//! HTTP pages for operators and probes: `/healthz`, `/readyz`, `/metrics`, `/status`.

use super::Context;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use std::sync::Arc;

#[derive(Clone)]
struct Pages {
    context: Arc<Context>,
    metrics: PrometheusHandle,
}

pub(crate) fn router(context: Arc<Context>, metrics: PrometheusHandle) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(prometheus))
        .route("/status", get(status))
        .with_state(Pages { context, metrics })
}

/// Answer to every other path.
pub(crate) async fn unknown(headers: HeaderMap) -> Response {
    let grpc = headers.get(header::CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"application/grpc"));
    if grpc {
        let status = tonic::Status::unimplemented("this node has no such method");
        return status.into_http::<tonic::body::Body>().map(axum::body::Body::new);
    }
    (StatusCode::NOT_FOUND, "not found; try /healthz /readyz /metrics /status\n").into_response()
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_zh: Option<String>,
}

async fn ready(State(Pages { context, .. }): State<Pages>) -> Response {
    match context.shared.status.ready(context.shared.role(), &context.shared.committee().validators) {
        Ok(()) => Json(Ready { ready: true, code: None, message: None, message_zh: None }).into_response(),
        Err(why) => {
            let body =
                Ready { ready: false, code: Some(why.code()), message: Some(why.en()), message_zh: Some(why.zh()) };
            (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
        }
    }
}

async fn prometheus(State(Pages { metrics, .. }): State<Pages>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render()).into_response()
}

/// `GetStatus` as JSON, hashes and keys in hexadecimal.
#[derive(Serialize)]
struct StatusPage {
    chain_id: String,
    genesis: String,
    version: String,
    epoch: u64,
    view: u64,
    height: u64,
    block: String,
    time_ms: u64,
    state_root: String,
    network_height: u64,
    syncing: bool,
    validator: Option<u32>,
    nullified_views: u64,
    mempool_transactions: u64,
    mempool_bytes: u64,
    peers: Vec<PeerLine>,
}

#[derive(Serialize)]
struct PeerLine {
    public_key: String,
    address: String,
    connected: bool,
}

async fn status(State(Pages { context, .. }): State<Pages>) -> Json<StatusPage> {
    let s = context.status();
    Json(StatusPage {
        chain_id: s.chain_id,
        genesis: hex::encode(s.genesis),
        version: s.version,
        epoch: s.epoch,
        view: s.view,
        height: s.height,
        block: hex::encode(s.block),
        time_ms: s.time_ms,
        state_root: hex::encode(s.state_root),
        network_height: s.network_height,
        syncing: context.shared.status.syncing(),
        validator: s.validator,
        nullified_views: s.nullified_views,
        mempool_transactions: s.mempool_transactions,
        mempool_bytes: s.mempool_bytes,
        peers: s
            .peers
            .into_iter()
            .map(|p| PeerLine { public_key: hex::encode(p.public_key), address: p.address, connected: p.connected })
            .collect(),
    })
}
