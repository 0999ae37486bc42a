//! A client that sends bytes: for what no HTTP client would send.

use std::io::ErrorKind;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::PATIENCE;

/// The client.
#[derive(Debug)]
pub struct RawClient {
    stream: TcpStream,
    read: Vec<u8>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct RawAnswer {
    /// The status.
    pub status: u16,
    head: String,
    /// The body.
    pub body: String,
}

impl RawClient {
    /// Connects.
    pub async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("a listener");
        let read = Vec::new();
        Self { stream, read }
    }

    /// Sends bytes; that nobody reads them is no fault.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        match self.stream.write_all(bytes.as_ref()).await {
            Err(error) if !matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                panic!("sending: {error}")
            }
            _ => {}
        }
    }

    /// The next answer; `None` once the connection has ended.
    pub async fn answer(&mut self) -> Option<RawAnswer> {
        tokio::time::timeout(PATIENCE, self.next())
            .await
            .expect("an answer or the end")
    }

    async fn next(&mut self) -> Option<RawAnswer> {
        loop {
            if let Some((answer, length)) = parsed(&self.read) {
                self.read.drain(..length);
                return Some(answer);
            }
            let mut bytes = [0; 4096];
            let count = self.stream.read(&mut bytes).await.expect("a connection in order");
            if count == 0 {
                assert!(self.read.is_empty(), "half an answer: {:?}", self.read);
                return None;
            }
            self.read.extend_from_slice(&bytes[..count]);
        }
    }

    /// All answers until the connection ends.
    pub async fn answers(&mut self) -> Vec<RawAnswer> {
        let mut answers = Vec::new();
        while let Some(answer) = self.answer().await {
            answers.push(answer);
        }
        answers
    }
}

impl RawAnswer {
    /// The value of a header field; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value)
    }

    /// The last part of the problem's type; it is one, and has what every answer has.
    #[track_caller]
    pub fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{self:?}"
        );
        assert_eq!(self.header("x-content-type-options"), "nosniff", "{self:?}");
        assert_eq!(self.header("cache-control"), "no-store", "{self:?}");
        let body: Value = serde_json::from_str(&self.body).expect("JSON");
        assert_eq!(body["status"], status, "{self:?}");
        let instance = format!("urn:contato:request:{}", self.header("x-request-id"));
        assert_eq!(body["instance"], instance.as_str(), "{self:?}");
        let kind = body["type"].as_str().unwrap_or_default();
        kind.rsplit('#').next().unwrap_or_default().to_owned()
    }
}

/// The first whole answer in the bytes, and how many of them it is.
fn parsed(bytes: &[u8]) -> Option<(RawAnswer, usize)> {
    const END: &str = "\r\n\r\n";
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, rest) = text.split_once(END)?;
    let mut answer = RawAnswer {
        status: head.get(9..12)?.parse().expect("a status"),
        head: head.to_owned(),
        body: String::new(),
    };
    let length = answer.header("content-length").parse().unwrap_or_default();
    answer.body = rest.get(..length)?.to_owned();
    Some((answer, head.len() + END.len() + length))
}
