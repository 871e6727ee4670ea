//! Many seeds on many threads.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How far a sweep goes.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// Seeds.
    pub seeds: Range<u64>,
    /// Threads.
    pub threads: usize,
    /// Begin no seed after so long, where it is given.
    pub lasts: Option<Duration>,
    /// Begin no seed after so many failures.
    pub stop_after: usize,
}

/// What a sweep found.
#[derive(Clone, Debug)]
pub struct Swept<T> {
    /// Seeds that held, with what they gave, in no order.
    pub held: Vec<(u64, T)>,
    /// Seeds that did not, with the reason, ascending.
    pub failed: Vec<(u64, String)>,
}

impl Sweep {
    /// Plays every seed. `player` is called once on each thread and gives what plays a seed there.
    ///
    /// # Panics
    /// Where a seed panics.
    pub fn play<T: Send, P: FnMut(u64) -> Result<T, String>>(&self, player: impl Fn() -> P + Sync) -> Swept<T> {
        let (next, stop) = (AtomicU64::new(self.seeds.start), AtomicBool::new(false));
        let (begin, failed) = (Instant::now(), Mutex::new(Vec::new()));
        let work = || {
            let mut play = player();
            let mut held = Vec::new();
            loop {
                let late = self.lasts.is_some_and(|most| begin.elapsed() > most);
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= self.seeds.end || late || stop.load(Ordering::Relaxed) {
                    return held;
                }
                match play(seed) {
                    Ok(value) => held.push((seed, value)),
                    Err(reason) => {
                        let mut failed = failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                        failed.push((seed, reason));
                        stop.store(failed.len() >= self.stop_after, Ordering::Relaxed);
                    }
                }
            }
        };
        let held = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads.max(1)).map(|_| scope.spawn(work)).collect();
            threads.into_iter().flat_map(|t| t.join().expect("a seed's panic is its failure")).collect()
        });
        let mut failed = failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        failed.sort_unstable();
        Swept { held, failed }
    }
}
