//! One input, watched.

use crate::{Target, memory};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::time::{Duration, Instant};

/// Most memory that reading one input may take: the largest message that any decoder accepts is 36 MiB, and a few copies
/// of it are alive at once.
pub const MEMORY_BYTES: usize = 256 << 20;
/// Longest time that one input may take. A key file may ask for a second of key derivation, on a busy machine for several.
pub const TIME: Duration = Duration::from_secs(20);

/// What is wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A panic, or a broken property: where and what.
    Panic {
        /// File, line and column.
        place: String,
        /// The message.
        message: String,
    },
    /// More memory than [`MEMORY_BYTES`].
    Memory(usize),
    /// Longer than [`TIME`].
    Time(Duration),
}

impl Failure {
    /// Whether two inputs show the same fault.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Panic { place: a, .. }, Self::Panic { place: b, .. }) => a == b,
            (Self::Memory(_), Self::Memory(_)) | (Self::Time(_), Self::Time(_)) => true,
            _ => false,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Panic { place, message } => write!(f, "panic at {place}: {message}"),
            Self::Memory(bytes) => write!(f, "{bytes} bytes of memory, at most {MEMORY_BYTES} are allowed"),
            Self::Time(time) => write!(f, "{time:.1?}, at most {TIME:?} are allowed"),
        }
    }
}

/// What the target said.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Accepted, or why not.
    pub outcome: Result<(), String>,
    /// Most memory that it held.
    pub memory: usize,
    /// How long it took.
    pub time: Duration,
}

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static PANIC: RefCell<Option<Failure>> = const { RefCell::new(None) };
}

/// Runs a target on an input.
///
/// # Errors
/// What is wrong.
pub fn examine(target: &Target, input: &[u8]) -> Result<Seen, Failure> {
    listen();
    WATCHED.set(true);
    let start = Instant::now();
    // Targets hold nothing across inputs that a panic could leave half-done.
    let (caught, memory) = memory::measured(|| catch_unwind(AssertUnwindSafe(|| (target.run)(input))));
    let time = start.elapsed();
    WATCHED.set(false);
    let Ok(outcome) = caught else {
        let unknown = || Failure::Panic { place: "unknown".to_owned(), message: String::new() };
        return Err(PANIC.take().unwrap_or_else(unknown));
    };
    if memory > MEMORY_BYTES {
        return Err(Failure::Memory(memory));
    }
    if time > TIME {
        return Err(Failure::Time(time));
    }
    Ok(Seen { outcome, memory, time })
}

/// Keeps the panics of watched threads instead of printing them.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !WATCHED.get() {
                return previous(panic);
            }
            let place = panic.location().map_or_else(|| "unknown".to_owned(), ToString::to_string);
            let message = panic.payload_as_str().unwrap_or("not a text").to_owned();
            PANIC.set(Some(Failure::Panic { place, message }));
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;

    fn target(run: crate::Run) -> Target {
        Target { name: "test", format: Format::Bytes, cost: 1, run, repair: None }
    }

    #[test]
    fn a_panic_is_a_failure_with_its_place() {
        let bad = target(|input| if input.is_empty() { Ok(()) } else { panic!("a property: {}", input.len()) });
        assert!(examine(&bad, b"").is_ok());
        let failure = examine(&bad, b"xy").expect_err("it panics");
        let Failure::Panic { place, message } = &failure else { panic!("{failure}") };
        assert!(place.contains("examine.rs") && message == "a property: 2", "{failure}");
        assert!(failure.is_like(&examine(&bad, b"z").expect_err("it panics")));
    }

    #[test]
    fn a_large_allocation_is_a_failure() {
        let bad = target(|input| Err(Vec::<u8>::with_capacity(input.len() << 20).capacity().to_string()));
        assert!(examine(&bad, &[0; 200]).is_ok());
        assert!(matches!(examine(&bad, &[0; 300]), Err(Failure::Memory(_))));
    }
}
