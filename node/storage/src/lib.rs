mod codec;
mod commit;
mod database;
mod directory;
mod error;
mod journal;
mod overlays;
mod prove;
mod store;
mod tree;

pub use error::StorageError;
pub use journal::Journal;
pub use overlays::{Overlays, View};
pub use prove::Proven;
pub use store::{Options, Store, Tip};
pub use tree::Changes;
