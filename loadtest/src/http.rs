//! (b) Accepted to applied through HTTP: the API, the broker, the worker and SQL, with so many clients at once.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::{Buf, BytesMut};
use hdrhistogram::Histogram;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{report::Report, sample::body, stack::Servers};

/// How long what was accepted may take to be applied, once the last is accepted.
pub const APPLIED_MAX: Duration = Duration::from_secs(120);

pub const APPLIED: &str = r#"contato_commands_completed_total{operation="create",result="applied"}"#;

pub async fn measure(
    servers: &Servers,
    connections: &[usize],
    requests: usize,
    report: &mut Report,
) -> anyhow::Result<()> {
    for &connections in connections {
        let ground = servers.ground().await?;
        let worker = servers.start("consumer-worker", &ground).await?;
        let api = servers.start("producer-api", &ground).await?;
        let since = Instant::now();
        let latency = load(api.listen, connections, requests, create, 202).await?;
        let accepted = requests as f64 / since.elapsed().as_secs_f64();
        worker.counted(APPLIED, requests, APPLIED_MAX).await?;
        let applied = requests as f64 / since.elapsed().as_secs_f64();
        let name = |what: &str| format!("(b) {what}, {connections} connections");
        report.add(&name("accepted"), "/s", accepted);
        report.add(&Report::applied(connections), "/s", applied);
        report.add(
            &name("202 after, p50"),
            "ms",
            latency.value_at_quantile(0.5) as f64 / 1000.0,
        );
        report.add(
            &name("202 after, p99"),
            "ms",
            latency.value_at_quantile(0.99) as f64 / 1000.0,
        );
        report.add(
            &name("commands a message"),
            "",
            api.average("contato_publish_message_size").await?,
        );
        report.add(
            &name("commands a transaction"),
            "",
            worker.average("contato_batch_size").await?,
        );
        report.memory("producer-api", api.peak_mib()?);
        report.memory("consumer-worker", worker.peak_mib()?);
    }
    Ok(())
}

/// Sends requests over so many connections, each its next one when the last is answered; gives the times of the answers in
/// microseconds. All from one thread, which leaves to the services as much as it can.
pub async fn load(
    address: SocketAddr,
    connections: usize,
    requests: usize,
    request: impl Fn(usize) -> String + Clone + Send + 'static,
    expected: u16,
) -> anyhow::Result<Histogram<u64>> {
    let clients = move || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(clients(address, connections, requests, request, expected))
    };
    tokio::task::spawn_blocking(clients).await?
}

async fn clients(
    address: SocketAddr,
    connections: usize,
    requests: usize,
    request: impl Fn(usize) -> String + Clone + Send + 'static,
    expected: u16,
) -> anyhow::Result<Histogram<u64>> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = Vec::new();
    for _ in 0..connections {
        let (next, request) = (next.clone(), request.clone());
        clients.push(tokio::spawn(async move {
            let mut client = Client::connect(address).await?;
            let mut times = Histogram::<u64>::new(3)?;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= requests {
                    return anyhow::Ok(times);
                }
                let since = Instant::now();
                client.send(&request(number), expected).await?;
                times.record(u64::try_from(since.elapsed().as_micros())?)?;
            }
        }));
    }
    let mut all = Histogram::<u64>::new(3)?;
    for client in clients {
        all.add(client.await??)?;
    }
    Ok(all)
}

/// A request that creates the contact with this number.
pub fn create(number: usize) -> String {
    let body = body(number);
    format!(
        "POST /v1/contacts HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A request for what is at a path.
pub fn read(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")
}

/// The body of a 200.
pub async fn get(address: SocketAddr, path: &str) -> anyhow::Result<String> {
    let mut client = Client::connect(address).await?;
    let body = client.send(&read(path), 200).await?;
    Ok(String::from_utf8(body.to_vec())?)
}

/// One connection. Takes no more of the machine than it must: a request that is written already, and of the answer its
/// status and its length. A client that does all that HTTP knows needed twice as much.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    answer: BytesMut,
}

impl Client {
    const HEADERS_MAX: usize = 32;

    pub async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let answer = BytesMut::with_capacity(4096);
        Ok(Self { stream, answer })
    }

    /// Sends a request; gives the body of its answer.
    pub async fn send(&mut self, request: &str, expected: u16) -> anyhow::Result<BytesMut> {
        self.stream.write_all(request.as_bytes()).await?;
        loop {
            if let Some(body) = self.body(expected)? {
                return Ok(body);
            }
            let read = self.stream.read_buf(&mut self.answer).await?;
            anyhow::ensure!(
                read > 0,
                "the connection was closed before the answer was complete"
            );
        }
    }

    /// The body, once it has come as a whole.
    fn body(&mut self, expected: u16) -> anyhow::Result<Option<BytesMut>> {
        let mut headers = [httparse::EMPTY_HEADER; Self::HEADERS_MAX];
        let mut head = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(start) = head.parse(&self.answer)? else {
            return Ok(None);
        };
        let length = head
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case("content-length"))
            .context("an answer tells its length")?;
        let length: usize = std::str::from_utf8(length.value)?.parse()?;
        let status = head.code;
        if self.answer.len() < start + length {
            return Ok(None);
        }
        self.answer.advance(start);
        let body = self.answer.split_to(length);
        anyhow::ensure!(
            status == Some(expected),
            "{status:?}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(Some(body))
    }
}
