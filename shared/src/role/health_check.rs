//! `--check-health`: asks a process of ours, that runs with the same settings on the same machine, whether it is ready. For
//! where nothing else could ask: an image without a shell has no curl.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context, ensure};
use reqwest::Client;

/// How long an answer may take. It looks at nothing.
const ANSWER_MAX: Duration = Duration::from_secs(3);

/// Asks every management listener.
pub(super) async fn all_ready(listeners: &[SocketAddr]) -> anyhow::Result<()> {
    let client = Client::builder()
        .timeout(ANSWER_MAX)
        // Whatever stands in the environment, this machine is asked itself, and no authority is read for it.
        .no_proxy()
        .tls_certs_only([])
        .build()?;
    for listener in listeners {
        ready(&client, *listener).await?;
    }
    Ok(())
}

async fn ready(client: &Client, listener: SocketAddr) -> anyhow::Result<()> {
    ensure!(
        listener.port() != 0,
        "the management listener takes any free port ({listener}): nobody can know which"
    );
    let url = format!("http://{}/readyz", reachable(listener));
    let answer = client.get(&url).send().await;
    let status = answer.with_context(|| format!("{url} does not answer"))?.status();
    ensure!(status.is_success(), "{url} says {status}: not ready");
    Ok(())
}

/// Where a listener on every address is reached from the same machine.
pub fn reachable(listener: SocketAddr) -> SocketAddr {
    let address = match listener.ip() {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    SocketAddr::new(address, listener.port())
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// A listener on every address that answers one request with this status.
    async fn answering(status: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 1024];
            let length = client.read(&mut request).await.unwrap();
            assert!(request[..length].starts_with(b"GET /readyz "));
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            client.write_all(answer.as_bytes()).await.unwrap();
        });
        address
    }

    #[tokio::test]
    async fn ready_is_when_every_listener_says_so() {
        let ready = [answering("200 OK").await, answering("200 OK").await];
        all_ready(&ready).await.unwrap();
        let draining = [
            answering("200 OK").await,
            answering("503 Service Unavailable").await,
        ];
        let error = all_ready(&draining).await.unwrap_err().to_string();
        assert!(
            error.contains("not ready") && error.contains("127.0.0.1"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn what_does_not_answer_is_not_ready() {
        // Bound and let go: nothing listens there.
        let gone = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        let error = all_ready(&[gone]).await.unwrap_err().to_string();
        assert!(error.contains("does not answer"), "{error}");
        let any = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        assert!(
            all_ready(&[any])
                .await
                .unwrap_err()
                .to_string()
                .contains("any free port")
        );
    }
}
