//! The sans-IO Simplex BFT engine: messages in, effects out.
