//! Durable storage: RocksDB column families and the authenticated state tree.
