//! What is asked and done of dead letters. One file per endpoint.

pub(crate) mod archive;
pub(crate) mod discard;
pub(crate) mod discard_many;
pub(crate) mod edit_and_replay;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod many;
pub(crate) mod replay;
pub(crate) mod restore;
pub(crate) mod reveal;
