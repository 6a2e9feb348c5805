//! Lines that break.
