//! Local networks, the demo and fault injection on real processes.
