//! Identifiers, proto files and the encoded forms of everything that others verify.
