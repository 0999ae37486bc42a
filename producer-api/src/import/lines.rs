//! Lines, none of which is read into memory beyond a bound.

use std::io::{self, BufRead};

const BOM: &[u8] = b"\xef\xbb\xbf";

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// A line, without its end.
    Whole,
    /// One that is too long; the text is its beginning.
    TooLong,
    /// There are no more.
    End,
}

/// The lines of a body.
#[derive(Debug)]
pub struct Lines<B> {
    body: B,
    max_bytes: usize,
    /// The line that was read last.
    pub text: Vec<u8>,
    /// Its number, from 1.
    pub number: u64,
}

impl<B: BufRead> Lines<B> {
    /// Lines of at most so many bytes.
    pub fn new(body: B, max_bytes: usize) -> Self {
        Self {
            body,
            max_bytes,
            text: Vec::new(),
            number: 0,
        }
    }

    /// Reads the next line.
    ///
    /// # Errors
    /// If the body breaks off.
    pub fn read(&mut self) -> io::Result<Line> {
        self.text.clear();
        let (mut read, mut too_long) = (0_u64, false);
        loop {
            let buffer = self.body.fill_buf()?;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let part = &buffer[..end.unwrap_or(buffer.len())];
            // A mark in front and a return at the end do not count.
            let room = (self.max_bytes + BOM.len() + 1).saturating_sub(self.text.len());
            self.text.extend_from_slice(&part[..part.len().min(room)]);
            too_long |= part.len() > room;
            let count = part.len() + usize::from(end.is_some());
            self.body.consume(count);
            read += count as u64;
            if end.is_some() || count == 0 {
                break;
            }
        }
        if read == 0 {
            return Ok(Line::End);
        }
        self.number += 1;
        if self.number == 1 && self.text.starts_with(BOM) {
            self.text.drain(..BOM.len());
        }
        if self.text.last() == Some(&b'\r') {
            self.text.pop();
        }
        too_long |= self.text.len() > self.max_bytes;
        Ok(if too_long { Line::TooLong } else { Line::Whole })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_end_as_they_like_and_long_ones_are_only_begun() {
        let mut lines = Lines::new(&b"\xef\xbb\xbfab\r\n\nabcd\nabc\r\nx"[..], 3);
        let mut found = Vec::new();
        loop {
            let line = lines.read().unwrap();
            if line == Line::End {
                break;
            }
            let text = String::from_utf8(lines.text.clone()).unwrap();
            found.push((lines.number, line, text));
        }
        let whole = |number, text: &str| (number, Line::Whole, text.to_owned());
        let long = (3, Line::TooLong, "abcd".to_owned());
        assert_eq!(
            found,
            [whole(1, "ab"), whole(2, ""), long, whole(4, "abc"), whole(5, "x")]
        );
    }

    proptest! {
        #[test]
        fn where_chunks_end_makes_no_difference(text in "[a\r\n]{0,40}", size in 1..7_usize) {
            let read = |body: &mut dyn BufRead| {
                let mut lines = Lines::new(body, 5);
                let mut found = Vec::new();
                while let line @ (Line::Whole | Line::TooLong) = lines.read().unwrap() {
                    found.push((line, lines.text.clone()));
                }
                found
            };
            let whole = read(&mut text.as_bytes());
            prop_assert_eq!(whole, read(&mut io::BufReader::with_capacity(size, text.as_bytes())));
        }
    }
}
