//! The body on its way from the connection to the thread that reads it.
//!
//! **Invariant:** an end is an end only if the connection said so; whatever breaks off is an error to the reader.

use std::io::{self, BufRead, Read};

use actix_web::web::Bytes;
use tokio::sync::mpsc;

/// How many chunks may wait to be read.
const CHUNKS_MAX: usize = 4;

/// What comes over the connection.
#[derive(Debug)]
pub enum Chunk {
    /// Some of the body.
    Data(Bytes),
    /// Its end.
    End,
}

/// The end that is read from, on a thread that may block.
#[derive(Debug)]
pub struct Body {
    chunks: mpsc::Receiver<Chunk>,
    current: Bytes,
    ended: bool,
}

/// Both ends.
pub fn channel() -> (mpsc::Sender<Chunk>, Body) {
    let (sender, chunks) = mpsc::channel(CHUNKS_MAX);
    let body = Body {
        chunks,
        current: Bytes::new(),
        ended: false,
    };
    (sender, body)
}

impl BufRead for Body {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.current.is_empty() && !self.ended {
            match self.chunks.blocking_recv() {
                Some(Chunk::Data(data)) => self.current = data,
                Some(Chunk::End) => self.ended = true,
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        Ok(&self.current)
    }

    fn consume(&mut self, count: usize) {
        drop(self.current.split_to(count));
    }
}

impl Read for Body {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}
