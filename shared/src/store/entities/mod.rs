//! The tables as SeaORM sees them. What their columns mean stands in [`migrations`](super::migrations); the rest of
//! the code sees domain types, converted in the module that owns the table.

pub mod audit;
pub mod commands;
pub mod console_sessions;
pub mod contacts;
pub mod dead_letters;
pub mod import_refusals;
pub mod imports;
pub mod replay_items;
pub mod replays;
