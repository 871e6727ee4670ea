//! The node: wires consensus, ledger, storage and network, and serves applications.
