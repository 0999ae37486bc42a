//! What is asked and done of dead letters. One file per endpoint.

pub(crate) mod discard;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod replay;
