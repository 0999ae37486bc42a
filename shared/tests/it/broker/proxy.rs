//! A TCP proxy before a broker, for what a broker or a network may do and seldom does.
//!
//! It can cut every connection. It can fall silent: nothing is closed, nothing comes through. It can hold confirms back: then returned messages
//! overtake the acks of messages sent before them, which AMQP allows.

use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Notify, mpsc, watch},
    task::JoinSet,
};

/// How long confirms are held back.
const HELD_BACK: Duration = Duration::from_millis(30);

/// Ends with its connections when dropped.
pub struct Proxy {
    url: SecretString,
    silent: watch::Sender<bool>,
    cut: Arc<Notify>,
    _accepting: JoinSet<()>,
}

impl Proxy {
    /// A proxy before the broker at a URL.
    pub async fn before(url: &SecretString) -> Self {
        Self::start(url, "127.0.0.1", false).await
    }

    /// A proxy that holds confirms back.
    pub async fn with_late_confirms(url: &SecretString) -> Self {
        Self::start(url, "127.0.0.1", true).await
    }

    /// A proxy at an address that no certificate of the tests is for.
    pub async fn under_another_name(url: &SecretString) -> Self {
        Self::start(url, "127.0.0.2", false).await
    }

    async fn start(url: &SecretString, host: &str, late_confirms: bool) -> Self {
        let (head, rest) = url.expose_secret().rsplit_once('@').expect("a user");
        let (target, vhost) = rest.split_once('/').expect("a virtual host");
        let target: Arc<str> = target.into();
        let listener = TcpListener::bind((host, 0)).await.expect("a free port");
        let here = listener.local_addr().expect("bound");
        let (silent, seen) = watch::channel(false);
        let cut = Arc::new(Notify::new());
        let cutting = cut.clone();
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut pumps = JoinSet::new();
            loop {
                let client = tokio::select! {
                    accepted = listener.accept() => accepted.expect("accepting").0,
                    () = cutting.notified() => {
                        pumps.abort_all();
                        continue;
                    }
                };
                let Ok(server) = TcpStream::connect(&*target).await else {
                    continue;
                };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                pumps.spawn(pump(from_client, to_server, seen.clone()));
                if late_confirms {
                    pumps.spawn(hold_confirms_back(from_server, to_client));
                } else {
                    pumps.spawn(pump(from_server, to_client, seen.clone()));
                }
            }
        });
        Self {
            url: format!("{head}@{here}/{vhost}").into(),
            silent,
            cut,
            _accepting: accepting,
        }
    }

    /// The URL to connect to.
    pub fn url(&self) -> SecretString {
        self.url.clone()
    }

    /// Cuts every connection; takes new ones.
    pub fn cut(&self) {
        self.cut.notify_one();
    }

    /// Stops, or goes on, passing on what arrives.
    pub fn set_silent(&self, silent: bool) {
        self.silent.send_replace(silent);
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

async fn hold_confirms_back(from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let (sender, mut frames) = mpsc::channel(64);
    let mut reading = JoinSet::new();
    reading.spawn(read_frames(from, sender));
    let mut held: Vec<(u64, Vec<u8>)> = Vec::new();
    let mut release = tokio::time::interval(HELD_BACK);
    loop {
        tokio::select! {
            frame = frames.recv() => {
                let Some(frame) = frame else { return };
                if let Some(tag) = confirm_tag(&frame) {
                    held.push((tag, frame));
                } else if to.write_all(&frame).await.is_err() {
                    return;
                }
            }
            _ = release.tick() => {
                // In order of publishing, as if the broker had finished with the oldest first.
                held.sort();
                for (_, frame) in held.drain(..) {
                    if to.write_all(&frame).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// AMQP 0-9-1, section 4.2.3: type, channel, size, payload, end.
async fn read_frames(mut from: OwnedReadHalf, frames: mpsc::Sender<Vec<u8>>) {
    loop {
        let mut frame = vec![0; 7];
        if from.read_exact(&mut frame).await.is_err() {
            return;
        }
        let size = u32::from_be_bytes([frame[3], frame[4], frame[5], frame[6]]);
        frame.resize(7 + usize::try_from(size).expect("a size") + 1, 0);
        if from.read_exact(&mut frame[7..]).await.is_err() || frames.send(frame).await.is_err() {
            return;
        }
    }
}

/// The delivery tag of a `basic.ack`, which is class 60, method 80.
fn confirm_tag(frame: &[u8]) -> Option<u64> {
    let is_method = frame[0] == 1;
    let tag = frame.get(11..19)?;
    (is_method && frame[7..11] == [0, 60, 0, 80])
        .then(|| u64::from_be_bytes(tag.try_into().expect("eight bytes")))
}
