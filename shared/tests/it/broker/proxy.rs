//! A TCP proxy before a broker that can fall silent, as a network does: nothing is closed, nothing comes through.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
};

/// Ends with its last connection when dropped.
pub struct Proxy {
    url: SecretString,
    silent: watch::Sender<bool>,
    _accepting: JoinSet<()>,
}

impl Proxy {
    /// A proxy before the broker at a URL.
    pub async fn before(url: &SecretString) -> Self {
        let (head, rest) = url.expose_secret().rsplit_once('@').expect("a user");
        let (target, vhost) = rest.split_once('/').expect("a virtual host");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let here = listener.local_addr().expect("bound");
        let (silent, seen) = watch::channel(false);
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::from(target), seen));
        Self {
            url: format!("{head}@{here}/{vhost}").into(),
            silent,
            _accepting: accepting,
        }
    }

    /// The URL to connect to.
    pub fn url(&self) -> SecretString {
        self.url.clone()
    }

    /// Stops, or goes on, passing on what arrives.
    pub fn set_silent(&self, silent: bool) {
        self.silent.send_replace(silent);
    }
}

async fn accept(listener: TcpListener, target: Arc<str>, silent: watch::Receiver<bool>) {
    let mut pumps = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.expect("accepting");
        let Ok(server) = TcpStream::connect(&*target).await else {
            continue;
        };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        pumps.spawn(pump(from_client, to_server, silent.clone()));
        pumps.spawn(pump(from_server, to_client, silent.clone()));
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut silent: watch::Receiver<bool>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if silent.wait_for(|silent| !silent).await.is_err() || to.write_all(&buffer[..length]).await.is_err()
        {
            return;
        }
    }
}
