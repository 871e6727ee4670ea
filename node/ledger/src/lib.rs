//! The deterministic state machine: (state view, block) to (state changes, receipts).
