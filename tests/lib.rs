//! Nothing but a place for the tests in `it/` and the load program in `benches/`.
