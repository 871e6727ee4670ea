//! Bounds the open gRPC calls, before anything of their messages is read into memory.

use super::Context;
use crate::refusal::{Kind, Refusal};
use crate::telemetry::metric;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;
use tonic::Status;

/// Path of the one method that waits; it has a bound of its own so that waiting never keeps out reading.
const WAIT: &str = "/hnchain.v1.Node/Wait";

/// Lets a call pass, or refuses it at once. Its place is free again when its answer begins.
pub(crate) async fn pass(State(context): State<Arc<Context>>, request: Request, next: Next) -> Response {
    let waits = request.uri().path() == WAIT;
    let places = if waits { &context.waits } else { &context.requests };
    match places.try_acquire() {
        Ok(_place) => next.run(request).await,
        Err(_) => {
            let refusal = if waits { waiters() } else { busy() };
            metrics::counter!(metric::RPC_REQUESTS, "method" => "any", "code" => refusal.code).increment(1);
            Status::from(refusal).into_http::<Body>()
        }
    }
}

fn busy() -> Refusal {
    Refusal::new(
        "RPC_BUSY",
        Kind::Busy,
        "too many requests run here; try again in a moment or use another node",
        "本节点正在处理的请求过多，请稍后重试或改用其他节点",
    )
}

fn waiters() -> Refusal {
    Refusal::new(
        "RPC_WAITERS",
        Kind::Busy,
        "too many calls wait here; try again in a moment or use another node",
        "本节点的等待请求已达上限，请稍后重试或改用其他节点",
    )
}
