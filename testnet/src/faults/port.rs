//! Somebody else listens where a node would.

use crate::Error;
use std::net::TcpListener;
use std::path::Path;

/// Holds addresses until it is dropped.
#[derive(Debug)]
pub struct PortThief {
    _listeners: Vec<TcpListener>,
}

impl PortThief {
    /// Takes the addresses of a node that does not run.
    ///
    /// # Errors
    /// One is in use.
    pub fn take(addresses: &[&str]) -> Result<Self, Error> {
        let take = |address: &&str| TcpListener::bind(address).map_err(Error::io(Path::new(address)));
        Ok(Self { _listeners: addresses.iter().map(take).collect::<Result<_, _>>()? })
    }
}
