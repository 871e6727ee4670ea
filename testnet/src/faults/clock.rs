//! A clock that is wrong.

use crate::files::write_atomic;
use crate::{Error, Launch};
use std::path::{Path, PathBuf};

/// Debian's libfaketime, by architecture.
const LIBRARIES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/local/lib/faketime/libfaketimeMT.so.1",
];

/// A node whose wall clock is moved while it runs. Its monotonic clock stays true, as it does on a machine whose clock is
/// set. (Time namespaces of the kernel do the opposite: they move the monotonic clock only.)
#[derive(Debug)]
pub struct WrongClock {
    library: PathBuf,
    offset: PathBuf,
}

impl WrongClock {
    /// A right clock for now; its offset is kept in `file`. `None` where libfaketime is not installed.
    ///
    /// # Errors
    /// I/O.
    pub fn prepare(file: &Path) -> Result<Option<Self>, Error> {
        let Some(library) = LIBRARIES.iter().map(PathBuf::from).find(|l| l.is_file()) else { return Ok(None) };
        let clock = Self { library, offset: file.to_owned() };
        clock.set(0)?;
        Ok(Some(clock))
    }

    /// Starts a node under this clock.
    #[must_use]
    pub fn launch(&self) -> Launch {
        let variables = [
            ("LD_PRELOAD", self.library.as_os_str()),
            ("FAKETIME_TIMESTAMP_FILE", self.offset.as_os_str()),
            ("FAKETIME_CACHE_DURATION", "1".as_ref()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".as_ref()),
            ("FAKETIME_NO_CACHE", "0".as_ref()),
        ];
        let environment = variables.map(|(name, value)| (name.into(), value.to_owned())).to_vec();
        Launch { prefix: Vec::new(), environment }
    }

    /// Moves the clock so many seconds ahead of, or behind, the true time. The node sees it within a second.
    ///
    /// # Errors
    /// I/O.
    pub fn set(&self, seconds: i64) -> Result<(), Error> {
        write_atomic(&self.offset, format!("{seconds:+}\n").as_bytes())
    }
}
