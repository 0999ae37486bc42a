//! Whether something is done, or only tried out.

/// What a command that changes a server is run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// It changes what has to be changed.
    Change,
    /// It says what it would change, and changes nothing.
    Look,
}
