//! The endpoints, one file each.

pub mod commands;
pub mod contacts;
pub mod imports;
