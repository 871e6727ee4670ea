//! The command line: keys, genesis, records, proofs, verification, status.
