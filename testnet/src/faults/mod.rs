//! Faults on real processes, disks, clocks and links: small named types, each caused and lifted by one call.
//!
//! | fault | how | needs |
//! |---|---|---|
//! | kill -9, SIGSTOP | [`crate::Network::kill`], [`crate::Network::pause`] | |
//! | partition, loss, delay, narrow link per ordered pair | [`Wires`]: relays in user space ([`Mesh`]), or a network namespace per node ([`Namespaces`]) | nothing; root, `ip`, `nft`, and for delay the kernel's netem |
//! | full disk | [`FullDisk`]: a small tmpfs that is filled, or a limit on file sizes | root; nothing |
//! | wrong clock | [`WrongClock`]: libfaketime, moved while the node runs | the Debian package libfaketime |
//! | port theft | [`PortThief`] listens where the node would | |
//!
//! # Invariants
//! 1. Nothing stays behind: namespaces and mounts are removed by a child process that waits for our end, so also after
//!    SIGKILL ([`janitor`]).
//! 2. No hook for faults is in the node: everything is done to it from outside.

pub mod clock;
pub mod disk;
pub mod janitor;
pub mod namespaces;
pub mod port;
pub mod proxy;
pub mod wires;

pub use clock::WrongClock;
pub use disk::FullDisk;
pub use namespaces::Namespaces;
pub use port::PortThief;
pub use proxy::Mesh;
pub use wires::{Condition, Wires};
