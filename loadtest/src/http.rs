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
use bytes::Bytes;
use hdrhistogram::Histogram;
use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::{report::Report, sample::body, stack::Servers};

/// How long what was accepted may take to be applied, once the last is accepted.
const APPLIED_MAX: Duration = Duration::from_secs(120);

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
        let latency = load(
            api.listen,
            connections,
            requests,
            |number| {
                Request::post("/v1/contacts")
                    .header(header::HOST, "localhost")
                    .header(header::CONTENT_TYPE, "application/json")
                    .body(Full::from(body(number)))
            },
            StatusCode::ACCEPTED,
        )
        .await?;
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
/// microseconds.
pub async fn load(
    address: SocketAddr,
    connections: usize,
    requests: usize,
    request: impl Fn(usize) -> hyper::http::Result<Request<Full<Bytes>>> + Clone + Send + 'static,
    expected: StatusCode,
) -> anyhow::Result<Histogram<u64>> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = Vec::new();
    for _ in 0..connections {
        let (next, request) = (next.clone(), request.clone());
        clients.push(tokio::spawn(async move {
            let mut client = connect(address).await?;
            let mut times = Histogram::<u64>::new(3)?;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= requests {
                    return anyhow::Ok(times);
                }
                let since = Instant::now();
                client.ready().await?;
                let response = client.send_request(request(number)?).await?;
                let status = response.status();
                let text = response.into_body().collect().await?.to_bytes();
                anyhow::ensure!(status == expected, "{status}: {}", String::from_utf8_lossy(&text));
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

/// The body of a 200.
pub async fn get(address: SocketAddr, path: &str) -> anyhow::Result<String> {
    let mut client = connect(address).await?;
    let request = Request::get(path)
        .header(header::HOST, "localhost")
        .body(Full::default())?;
    let response = client.send_request(request).await?;
    let status = response.status();
    anyhow::ensure!(status == StatusCode::OK, "{status}");
    let bytes = response.into_body().collect().await?.to_bytes();
    String::from_utf8(bytes.into()).context("text")
}

async fn connect(address: SocketAddr) -> anyhow::Result<http1::SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (client, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Its error comes out of the request that is under way.
    tokio::spawn(connection);
    Ok(client)
}
