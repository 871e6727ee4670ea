//! Memory of the nodes over time.

use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// How often memory is sampled.
const PERIOD: Duration = Duration::from_secs(5);
/// Caches fill and allocators settle in the first part of a process's life; growth is measured after it.
const SETTLING: f64 = 0.3;
/// Fewer samples say nothing about growth.
const SAMPLES: usize = 24;

/// Samples the resident memory of the processes that `nodeN/node.pid` name, until it is dropped.
#[derive(Debug)]
pub struct Memory {
    samples: Arc<Mutex<Samples>>,
    task: JoinHandle<()>,
}

/// By node and process: seconds and kilobytes.
type Samples = BTreeMap<(usize, u32), Vec<(f64, f64)>>;

/// Memory of one node: of the process that lived longest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Growth {
    /// The node.
    pub node: usize,
    /// Minutes that were watched.
    pub minutes: f64,
    /// First sample, megabytes.
    pub first_mb: f64,
    /// Last sample.
    pub last_mb: f64,
    /// Largest sample.
    pub peak_mb: f64,
    /// Slope of the line through the samples after settling, megabytes an hour; absent where there were too few.
    pub slope_mb_per_hour: Option<f64>,
}

impl Memory {
    /// Begins to sample.
    #[must_use]
    pub fn watch(directories: Vec<PathBuf>) -> Self {
        let samples = Arc::new(Mutex::new(Samples::new()));
        let shared = Arc::clone(&samples);
        let start = Instant::now();
        let task = tokio::spawn(async move {
            let mut clock = tokio::time::interval(PERIOD);
            loop {
                clock.tick().await;
                let now = start.elapsed().as_secs_f64();
                for (node, directory) in directories.iter().enumerate() {
                    // A node that does not run has no memory.
                    let Some((process, kilobytes)) = resident(directory) else { continue };
                    let mut samples = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    samples.entry((node, process)).or_default().push((now, kilobytes));
                }
            }
        });
        Self { samples, task }
    }

    /// What was seen so far, one entry for each node.
    #[must_use]
    pub fn growth(&self) -> Vec<Growth> {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let mut longest: BTreeMap<usize, &Vec<(f64, f64)>> = BTreeMap::new();
        for ((node, _), list) in samples.iter() {
            let known = longest.entry(*node).or_insert(list);
            if list.len() > known.len() {
                *known = list;
            }
        }
        longest.into_iter().filter_map(|(node, list)| growth(node, list)).collect()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn resident(directory: &Path) -> Option<(u32, f64)> {
    let process: u32 = std::fs::read_to_string(directory.join("node.pid")).ok()?.trim().parse().ok()?;
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    Some((process, line.trim().trim_end_matches(" kB").parse().ok()?))
}

fn growth(node: usize, samples: &[(f64, f64)]) -> Option<Growth> {
    const MB: f64 = 1024.0;
    let ((begin, first), (end, last)) = (*samples.first()?, *samples.last()?);
    let settled = begin + (end - begin) * SETTLING;
    let later: Vec<_> = samples.iter().copied().filter(|(time, _)| *time >= settled).collect();
    let slope = (later.len() >= SAMPLES).then(|| slope(&later) * 3600.0 / MB);
    Some(Growth {
        node,
        minutes: (end - begin) / 60.0,
        first_mb: first / MB,
        last_mb: last / MB,
        peak_mb: samples.iter().map(|s| s.1).fold(0.0, f64::max) / MB,
        slope_mb_per_hour: slope,
    })
}

/// Of the least-squares line.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.iter().map(|_| 1.0).sum::<f64>();
    let mean = |pick: fn(&(f64, f64)) -> f64| points.iter().map(pick).sum::<f64>() / count;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let (mut over, mut under) = (0.0, 0.0);
    for (time, size) in points {
        over += (time - x) * (size - y);
        under += (time - x) * (time - x);
    }
    if under > 0.0 { over / under } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slope_is_that_of_the_settled_part() {
        // Fills up by 100 MB in the first minute, then grows by 1 MB a minute.
        let sample = |t: u32| {
            let t = f64::from(t) * 5.0;
            let size = if t < 60.0 { t / 60.0 * 100.0 } else { 100.0 + (t - 60.0) / 60.0 };
            (t, size * 1024.0)
        };
        let samples: Vec<_> = (0..120).map(sample).collect();
        let growth = growth(3, &samples).expect("samples");
        let slope = growth.slope_mb_per_hour.expect("enough of them");
        assert!((slope - 60.0).abs() < 0.5, "{slope}");
        assert!((growth.peak_mb - growth.last_mb).abs() < 1e-9 && growth.first_mb.abs() < 1e-9);
        assert!(super::growth(3, &samples[..10]).expect("samples").slope_mb_per_hour.is_none());
    }
}
