//! The peer-to-peer network: identity, allow-list, consensus streams, dissemination, sync.
