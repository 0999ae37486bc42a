//! Whether anybody answers at a port. What the clients of broker and SQL say of that comes late, or does not tell why.

use tokio::net::{TcpStream, lookup_host};

/// Why nobody does: host and port, and the system's words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// There is no such host.
    NoHost(String),
    /// Nothing listens there, or nothing gets there.
    NoAnswer(String),
}

/// Opens a connection, and closes it.
pub(crate) async fn knock(host: &str, port: u16) -> Result<(), Unanswered> {
    let found = lookup_host((host, port)).await;
    let addresses: Vec<_> = found
        .map_err(|error| Unanswered::NoHost(format!("{host}:{port}: {error}")))?
        .collect();
    match TcpStream::connect(addresses.as_slice()).await {
        Ok(_) => Ok(()),
        Err(error) => Err(Unanswered::NoAnswer(format!("{host}:{port}: {error}"))),
    }
}
