//! `/v1/commands`.

use shared::http::access::Scope;

pub mod get;
pub mod list;

/// Whoever writes may follow what becomes of it, and so may whoever reads what it has changed.
const FOLLOWERS: [Scope; 2] = [Scope::ContactsRead, Scope::ContactsWrite];
