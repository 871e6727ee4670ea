//! SM2, SM3, SM4, Merkle hashing and key files: the only place that touches elliptic-curve code.
