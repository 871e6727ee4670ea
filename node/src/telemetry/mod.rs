//! Logs and metrics: how operators see a node.
//!
//! Logs are events with fields on standard error, as text or as one JSON object per line. Metrics are served at
//! `GET /metrics`; [`metric`] lists every name.

pub mod metric;
pub mod sample;

use crate::config;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// Bounds of the histograms of seconds: from half a millisecond, the time of a signature, to ten seconds.
const SECONDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Bounds of the histograms of counts.
const COUNTS: [f64; 12] = [1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 10_000.0];

/// Why telemetry did not start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log filter has an error.
    #[error("log.filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Something else was installed before.
    #[error("logging or metrics were started twice in one process: {0}")]
    Twice(String),
}

/// Starts logging. Once per process.
///
/// # Errors
/// A filter that does not parse; a second call.
pub fn start_logging(log: &config::Log) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(&log.filter)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match log.format {
        config::LogFormat::Text => builder.with_ansi(false).try_init(),
        config::LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|e| TelemetryError::Twice(e.to_string()))
}

/// Starts the metrics registry; the handle renders it. Once per process.
///
/// # Errors
/// A second call.
pub fn start_metrics() -> Result<PrometheusHandle, TelemetryError> {
    let recorder = PrometheusBuilder::new()
        .set_buckets(&SECONDS)
        .and_then(|b| b.set_buckets_for_metric(Matcher::Suffix("_count_per_block".to_owned()), &COUNTS))
        .map_err(|e| TelemetryError::Twice(e.to_string()))?
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|e| TelemetryError::Twice(e.to_string()))?;
    metric::describe();
    Ok(handle)
}

/// A panic in any task or thread ends the process: a node that lost one of its parts must not go on half alive.
pub fn abort_on_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        tracing::error!(panic = %info, "a task panicked; the node stops now / 内部错误，节点立即停止");
        before(info);
        std::process::abort();
    }));
}
