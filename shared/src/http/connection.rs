//! A client's connection, as `actix_http` reads and writes it, with what that leaves open.
//!
//! * A request's head has to arrive within a time, also of the second request and later ones.
//! * Who takes nothing of an answer for a time loses the connection: an answer that streams would wait for ever.
//! * What is no HTTP is answered by `actix_http` itself with a bare head, by no middleware. That head is replaced by a problem
//!   document on its way out; such an answer ends the connection, so nothing follows it.
//! * After such an answer what still comes is read for a moment, or the system would take back what was not read yet.
//!
//! **Invariant:** no other byte is changed: an answer that passed [`edge`](super::edge) has `x-request-id`, a bare head not.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::{Duration, SystemTime},
};

use actix_web::{
    http::{
        StatusCode,
        header::{HeaderMap, HttpDate},
    },
    rt::net::TcpStream,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep, sleep_until},
};

use super::{
    edge::{self, RequestNames},
    metrics::HttpMetrics,
    problem::PROBLEM_JSON,
};

/// How long the head of a request may take to arrive: from connecting, or from its first byte.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a client may take nothing of an answer.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long what comes after a last answer is read.
const LINGER: Duration = Duration::from_secs(1);
/// More than a bare head has, in bytes.
const MAX_BARE_HEAD_BYTES: usize = 200;

/// How long a connection waits.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    pub(super) head: Duration,
    pub(super) write: Duration,
    pub(super) linger: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: HEAD_TIMEOUT,
            write: WRITE_TIMEOUT,
            linger: LINGER,
        }
    }
}

/// The requests of a connection that are in hand.
#[derive(Clone, Debug, Default)]
pub struct Requests(Rc<Cell<usize>>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub struct RequestInHand(Requests);

impl Requests {
    /// One more is in hand.
    pub fn begin(&self) -> RequestInHand {
        self.0.set(self.0.get() + 1);
        RequestInHand(self.clone())
    }
}

impl Drop for RequestInHand {
    fn drop(&mut self) {
        let requests = &self.0.0;
        requests.set(requests.get().saturating_sub(1));
    }
}

/// The connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    timeouts: Timeouts,
    metrics: HttpMetrics,
    requests: Requests,
    /// Whether something of a request has come that is not in hand; a new connection owes its first.
    begun: bool,
    /// When the rest has to be there.
    due: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
    /// Rings when the client has taken nothing for too long.
    stalled: Option<Pin<Box<Sleep>>>,
    end: End,
}

#[derive(Debug)]
enum End {
    NotYet,
    Saying(LastWords),
    Over,
}

#[derive(Debug)]
struct LastWords {
    text: Vec<u8>,
    written: usize,
    shut: bool,
    until: Pin<Box<Sleep>>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, timeouts: Timeouts, metrics: HttpMetrics) -> Self {
        Self {
            stream,
            timeouts,
            metrics,
            requests: Requests::default(),
            begun: true,
            due: None,
            alarm: None,
            stalled: None,
            end: End::NotYet,
        }
    }

    pub(super) fn requests(&self) -> Requests {
        self.requests.clone()
    }

    /// Whether the head of a request is late; if not, the task is woken when it is.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        if self.requests.0.get() > 0 {
            self.begun = false;
        }
        if !self.begun {
            self.due = None;
            return false;
        }
        let due = *self
            .due
            .get_or_insert_with(|| Instant::now() + self.timeouts.head);
        // One alarm for all requests: most are there long before it rings, and setting it costs.
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(due)));
        while alarm.as_mut().poll(cx).is_ready() {
            if Instant::now() >= due {
                return true;
            }
            alarm.as_mut().reset(due);
        }
        false
    }

    /// Writes to a client that takes something now and then.
    fn poll_taken(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(sleep(self.timeouts.write)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Ends the connection with a problem document.
    fn say(&mut self, status: StatusCode) {
        self.metrics.unread(status);
        self.end = End::Saying(LastWords {
            text: last_words(status),
            written: 0,
            shut: false,
            until: Box::pin(sleep(self.timeouts.linger)),
        });
    }

    /// Whether all is said.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let End::Saying(words) = &mut self.end {
            if words.until.as_mut().poll(cx).is_pending() {
                ready!(words.poll(Pin::new(&mut self.stream), cx));
            }
            self.end = End::Over;
        }
        Poll::Ready(())
    }
}

impl LastWords {
    /// Writes, then reads until the client has gone.
    fn poll(&mut self, mut stream: Pin<&mut TcpStream>, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(rest @ [_, ..]) = self.text.get(self.written..) {
            match ready!(stream.as_mut().poll_write(cx, rest)) {
                Ok(count @ 1..) => self.written += count,
                Ok(0) | Err(_) => return Poll::Ready(()),
            }
        }
        if !self.shut {
            if ready!(stream.as_mut().poll_shutdown(cx)).is_err() {
                return Poll::Ready(());
            }
            self.shut = true;
        }
        loop {
            let mut ignored = [0; 4096];
            let mut ignored = ReadBuf::new(&mut ignored);
            let read = ready!(stream.as_mut().poll_read(cx, &mut ignored));
            if read.is_err() || ignored.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if matches!(this.end, End::NotYet) {
            let before = buffer.filled().len();
            let read = Pin::new(&mut this.stream).poll_read(cx, buffer);
            this.begun |= buffer.filled().len() > before;
            if read.is_ready() || !this.is_late(cx) {
                return read;
            }
            this.say(StatusCode::REQUEST_TIMEOUT);
        }
        // To `actix_http` the client has gone.
        this.poll_end(cx).map(Ok)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if matches!(this.end, End::NotYet) {
            (this.begun, this.due) = (false, None);
            match bare_head(bytes) {
                None => return this.poll_taken(cx, bytes),
                Some((0, status)) => this.say(status),
                // First what goes before it.
                Some((before, _)) => return this.poll_taken(cx, &bytes[..before]),
            }
        }
        this.poll_end(cx).map(|()| Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.end {
            End::NotYet => Pin::new(&mut this.stream).poll_shutdown(cx),
            End::Saying(_) | End::Over => this.poll_end(cx).map(Ok),
        }
    }
}

/// Where the bare head of an error begins that the bytes end with, and its status.
fn bare_head(bytes: &[u8]) -> Option<(usize, StatusCode)> {
    const START: &[u8] = b"HTTP/1.";
    // Most answers end with their body.
    if !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let tail = bytes.len().saturating_sub(MAX_BARE_HEAD_BYTES);
    let begin = bytes[tail..]
        .windows(START.len())
        .rposition(|window| window == START)?;
    let head = std::str::from_utf8(&bytes[tail + begin..]).ok()?;
    let status = StatusCode::from_bytes(head.get(9..12)?.as_bytes()).ok()?;
    let failed = status.is_client_error() || status.is_server_error();
    let bare = head.contains("\r\ncontent-length: 0\r\n") && !head.contains("\r\nx-request-id: ");
    (failed && bare).then_some((tail + begin, status))
}

/// The whole answer.
fn last_words(status: StatusCode) -> Vec<u8> {
    let names = RequestNames::of(&HeaderMap::new());
    let problem = edge::framework(status);
    let document = problem.document(names.instance(), None);
    let body = serde_json::to_string(&document).unwrap_or_default();
    let date = HttpDate::from(SystemTime::now());
    let (id, length) = (names.id(), body.len());
    tracing::debug!(
        request.id = id,
        http.status = status.as_u16(),
        "answered what is no request"
    );
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\ncontent-type: {PROBLEM_JSON}\r\n\
         x-request-id: {id}\r\nx-content-type-options: nosniff\r\ncache-control: no-store\r\ndate: {date}\r\n\r\n{body}"
    )
    .into_bytes()
}
