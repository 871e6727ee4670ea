//! The service for applications: gRPC, and a few HTTP pages for operators, on one port.
//!
//! # Invariants
//! - **S1** Every refusal carries its stable code in the header `hnchain-code`, English as the status message
//!   (`CODE: text`) and Chinese in `hnchain-message-zh-bin` (UTF-8).
//! - **S2** Connections, requests, waiters, subscribers, message sizes and times are bounded; what is beyond a bound is
//!   refused at once with a code that says so.
//! - **S3** Reads that may take long run on blocking threads, a bounded number at a time.
//! - **S4** At shutdown every open call ends with `NODE_STOPPING`.

mod connections;
mod gate;
mod pages;
mod rows;
mod service;
mod status;
mod subscribe;

use crate::admission::Admission;
use crate::config;
use crate::refusal::Refusal;
use crate::shared::Shared;
use hnchain_types::limits;
use hnchain_types::proto::node_server::NodeServer;
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;

/// Longest `Wait`.
pub const WAIT_MS: u32 = 120_000;
/// Bytes around an encoded transaction in a request.
const REQUEST_FRAMING: usize = 1_024;
/// Largest answer: a stored block with its transactions, receipts and certificates.
const ANSWER_BYTES: usize = 32 << 20;
/// Reads on blocking threads at the same time.
const READERS: usize = 16;
/// Calls that one connection may have open; a gateway waits for thousands of transactions over one connection.
const STREAMS: u32 = 4_096;
/// A call without an answer after this long is ended: a little more than the longest `Wait`.
const CALL: Duration = Duration::from_secs(125);
/// A subscriber that takes no block for this long is disconnected.
const STALL: Duration = Duration::from_secs(20);
/// After this long open connections are cut at shutdown.
const DRAIN: Duration = Duration::from_secs(5);

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) shared: Arc<Shared>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) requests: Semaphore,
    pub(crate) waits: Semaphore,
    pub(crate) readers: Semaphore,
    pub(crate) subscribers: Arc<Semaphore>,
    pub(crate) stall: Duration,
    pub(crate) stop: CancellationToken,
}

impl Context {
    /// Runs a read on a blocking thread.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Shared, &Admission) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let _turn = self.readers.acquire().await.map_err(|_| Refusal::stopping())?;
        let (shared, admission) = (Arc::clone(&self.shared), Arc::clone(&self.admission));
        match tokio::task::spawn_blocking(move || read(&shared, &admission)).await {
            Ok(result) => result,
            // The runtime goes down; a panic would have ended the process.
            Err(_) => Err(Refusal::stopping()),
        }
    }
}

/// A service that is ready to run.
#[derive(Debug)]
pub struct Rpc {
    context: Arc<Context>,
    limits: config::Rpc,
    metrics: PrometheusHandle,
}

impl Rpc {
    /// Over the node's parts; ends when `stop` is cancelled.
    #[must_use]
    pub fn new(
        shared: Arc<Shared>,
        admission: Arc<Admission>,
        limits: config::Rpc,
        metrics: PrometheusHandle,
        stop: CancellationToken,
    ) -> Self {
        let context = Context {
            shared,
            admission,
            requests: Semaphore::new(limits.requests),
            waits: Semaphore::new(limits.waiters),
            readers: Semaphore::new(READERS),
            subscribers: Arc::new(Semaphore::new(limits.subscribers)),
            stall: STALL,
            stop,
        };
        Self { context: Arc::new(context), limits, metrics }
    }

    /// Disconnects subscribers after another time than the default twenty seconds.
    #[must_use]
    pub fn with_stall(mut self, stall: Duration) -> Self {
        if let Some(context) = Arc::get_mut(&mut self.context) {
            context.stall = stall;
        }
        self
    }

    /// Serves until the shutdown.
    ///
    /// # Errors
    /// The listener failed.
    pub async fn serve(self, listener: TcpListener) -> Result<(), tonic::transport::Error> {
        let stop = self.context.stop.clone();
        let grpc = NodeServer::new(service::Service(Arc::clone(&self.context)))
            .max_decoding_message_size(limits::TRANSACTION_BYTES + REQUEST_FRAMING)
            .max_encoding_message_size(ANSWER_BYTES);
        let pages = pages::router(Arc::clone(&self.context), self.metrics);
        let gate = axum::middleware::from_fn_with_state(Arc::clone(&self.context), gate::pass);
        let router = Routes::new(grpc).into_axum_router().layer(gate).merge(pages).fallback(pages::unknown);
        let server = Server::builder()
            .accept_http1(true)
            .max_concurrent_streams(STREAMS)
            .http2_keepalive_interval(Some(Duration::from_secs(30)))
            .http2_keepalive_timeout(Some(Duration::from_secs(20)))
            .timeout(CALL)
            .add_routes(Routes::from(router))
            .serve_with_incoming_shutdown(
                connections::accept(listener, self.limits.connections),
                stop.clone().cancelled_owned(),
            );
        let drained = async {
            stop.cancelled().await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            result = server => result,
            () = drained => {
                tracing::warn!("clients kept their connections open; cutting them");
                Ok(())
            }
        }
    }
}
