//! (g) Importing a file: how fast producer-api reads and publishes it, and in how much memory.

use std::time::Instant;

use anyhow::Context;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::{
    report::Report,
    stack::{Role, Servers},
};

/// How many rows are sent in one chunk of the body.
const ROWS_A_CHUNK: usize = 500;

pub async fn measure(servers: &Servers, rows: usize, report: &mut Report) -> anyhow::Result<()> {
    let ground = servers.ground().await?;
    let api = servers.start("producer-api", &ground).await?;
    let since = Instant::now();
    send(&api, rows).await?;
    report.add(Report::IMPORT, "/s", rows as f64 / since.elapsed().as_secs_f64());
    report.memory("producer-api while it imports", api.peak_mib()?);
    Ok(())
}

/// Streams a CSV; nothing of it is kept here either.
async fn send(api: &Role, rows: usize) -> anyhow::Result<()> {
    let stream = TcpStream::connect(api.listen).await?;
    let (answer, mut body) = stream.into_split();
    let head = "POST /v1/contacts/import HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nIdempotency-Key: bench\r\nTransfer-Encoding: chunked\r\n\r\n";
    body.write_all(head.as_bytes()).await?;
    chunk(&mut body, "Nome completo;DDD;Celular;E-mail\r\n").await?;
    for first in (0..rows).step_by(ROWS_A_CHUNK) {
        let lines = first..rows.min(first + ROWS_A_CHUNK);
        let lines: String = lines
            .map(|row| {
                format!(
                    "Pessoa número {row};11;9{:08};pessoa.{row}@example.com\r\n",
                    60_000_000 + row
                )
            })
            .collect();
        chunk(&mut body, &lines).await?;
    }
    body.write_all(b"0\r\n\r\n").await?;
    let mut status = String::new();
    BufReader::new(answer).read_line(&mut status).await?;
    anyhow::ensure!(
        status.starts_with("HTTP/1.1 202"),
        "the import was answered {status}"
    );
    Ok(())
}

async fn chunk(body: &mut (impl AsyncWriteExt + Unpin), text: &str) -> anyhow::Result<()> {
    let framed = format!("{:x}\r\n{text}\r\n", text.len());
    body.write_all(framed.as_bytes()).await.context("the body")
}
