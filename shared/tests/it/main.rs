//! The tests of `shared` that need more than its own memory.

mod broker;
