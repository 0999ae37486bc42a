//! CSV (RFC 4180) as programs write it: comma, semicolon or tab; a byte order mark; Excel's `sep=;`.
//!
//! Records are cut by `csv-core`, into a buffer of ours: a row that does not fit is refused, and reading goes on behind it.

use std::{
    borrow::Cow,
    io::{self, BufRead, Chain, Cursor, Read},
};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use shared::http::problem::{Code, Fault, Problem};

use super::{
    MAX_ROW_BYTES, Row, columns::Columns, encoding::Charset, invalid_encoding, reading::ReadError, too_large,
};

/// The most columns.
pub const MAX_COLUMNS: usize = 1_024;
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];
const BOM: &[u8] = b"\xef\xbb\xbf";

pub(super) struct CsvRows<B> {
    records: Records<Chain<Cursor<Vec<u8>>, B>>,
    charset: Charset,
    columns: Columns,
}

impl<B: BufRead> CsvRows<B> {
    /// Reads up to the end of the header.
    pub(super) fn open(mut body: B, mut charset: Charset) -> Result<Self, ReadError> {
        let mut begin = Beginning::read(&mut body)?;
        if begin.has_bom {
            charset = Charset::Utf8;
        }
        let delimiter = begin.delimiter;
        let text = std::mem::take(&mut begin.text);
        let mut records = Records {
            body: Cursor::new(text).chain(body),
            core: ReaderBuilder::new().delimiter(delimiter).build(),
            text: vec![0; MAX_ROW_BYTES],
            ends: vec![0; MAX_COLUMNS],
        };
        records.core.set_line(begin.line);
        let columns = match records.next()? {
            Record::Whole { fields, .. } => {
                let headers = charset.decode(&records.fields(fields));
                Columns::of_headers(&headers.unwrap_or_default())
            }
            Record::End | Record::TooLarge { .. } => None,
        };
        Ok(Self {
            columns: columns.ok_or_else(|| ReadError::Problem(no_header()))?,
            records,
            charset,
        })
    }

    /// What the header says.
    pub(super) fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The next row.
    pub(super) fn next(&mut self) -> io::Result<Option<Row>> {
        loop {
            let (line, fields) = match self.records.next()? {
                Record::End => return Ok(None),
                Record::TooLarge { line } => {
                    return Ok(Some(Row::refused(line, too_large(MAX_ROW_BYTES))));
                }
                Record::Whole { line, fields } => (line, fields),
            };
            let fields = self.records.fields(fields);
            if fields.iter().all(|field| field.trim_ascii().is_empty()) {
                continue;
            }
            return Ok(Some(match self.charset.decode(&fields) {
                None => Row::refused(line, invalid_encoding()),
                Some(fields) => self.row(line, &fields),
            }));
        }
    }

    fn row(&self, line: u64, fields: &[Cow<'_, str>]) -> Row {
        let beyond = fields.iter().skip(self.columns.count());
        if beyond.into_iter().any(|field| !field.trim().is_empty()) {
            let fault = Fault::new("", "too-many-fields", "must not have more fields than the header");
            return Row::refused(line, fault);
        }
        Row::of_fields(line, self.columns.fields_of(fields))
    }
}

fn no_header() -> Problem {
    let detail = "The first line must name the columns, with a name and a phone or an e-mail address among them: such as nome or name, telefone, celular or phone, ddd, e-mail or email. Those that Google Contacts and Outlook write are known, too.";
    Problem::new(Code::ValidationFailed, detail)
}

/// The first line that is not blank, and what it tells.
struct Beginning {
    text: Vec<u8>,
    delimiter: u8,
    has_bom: bool,
    /// The number of the first line of `text`, from 1.
    line: u64,
}

impl Beginning {
    fn read(body: &mut impl BufRead) -> io::Result<Self> {
        let mut line = 1;
        let mut text = first_line(body)?;
        let has_bom = text.starts_with(BOM);
        if has_bom {
            text.drain(..BOM.len());
        }
        let mut said = None;
        loop {
            let trimmed = text.trim_ascii();
            if let [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter] = *trimmed
                && DELIMITERS.contains(&delimiter)
            {
                said = Some(delimiter);
            } else if text.is_empty() || !trimmed.is_empty() {
                break;
            }
            line += 1;
            text = first_line(body)?;
        }
        Ok(Self {
            delimiter: said.unwrap_or_else(|| delimiter_of(&text)),
            text,
            has_bom,
            line,
        })
    }
}

/// A line with its end; a quoted one goes on behind it. No longer than a row.
fn first_line(body: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let (mut line, mut quoted) = (Vec::new(), false);
    while line.len() < MAX_ROW_BYTES {
        let buffer = body.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        let end = buffer.iter().position(|byte| {
            quoted ^= *byte == b'"';
            *byte == b'\n' && !quoted
        });
        let count = end.map_or(buffer.len(), |end| end + 1);
        line.extend_from_slice(&buffer[..count]);
        body.consume(count);
        if end.is_some() {
            break;
        }
    }
    Ok(line)
}

/// The delimiter that a header has most of, outside of quotation marks.
fn delimiter_of(header: &[u8]) -> u8 {
    let mut counts = [0_usize; DELIMITERS.len()];
    let mut quoted = false;
    for byte in header {
        quoted ^= *byte == b'"';
        let place = DELIMITERS.iter().position(|delimiter| delimiter == byte);
        if let Some(place) = place.filter(|_| !quoted) {
            counts[place] += 1;
        }
    }
    let most = counts.iter().max();
    let place = counts.iter().position(|count| Some(count) == most);
    DELIMITERS[place.unwrap_or_default()]
}

enum Record {
    /// One that begins on this line and has so many fields.
    Whole {
        line: u64,
        fields: usize,
    },
    TooLarge {
        line: u64,
    },
    End,
}

/// The records of a body, each in the same buffer.
struct Records<B> {
    body: B,
    core: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl<B: BufRead> Records<B> {
    fn next(&mut self) -> io::Result<Record> {
        self.skip_blank_lines()?;
        let line = self.core.line();
        let (mut length, mut fields, mut too_large) = (0, 0, false);
        loop {
            let input = self.body.fill_buf()?;
            let (result, read, written, ended) =
                self.core
                    .read_record(input, &mut self.text[length..], &mut self.ends[fields..]);
            self.body.consume(read);
            length += written;
            fields += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                // What was there is overwritten: it is of no use any more.
                ReadRecordResult::OutputFull => (length, too_large) = (0, true),
                ReadRecordResult::OutputEndsFull => (fields, too_large) = (0, true),
                ReadRecordResult::Record if too_large => return Ok(Record::TooLarge { line }),
                ReadRecordResult::Record => return Ok(Record::Whole { line, fields }),
                ReadRecordResult::End => return Ok(Record::End),
            }
        }
    }

    /// So that a record's line is that on which it begins.
    fn skip_blank_lines(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.body.fill_buf()?;
            let blank = buffer.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
            let (mut count, mut lines) = (0, 0);
            for byte in blank {
                count += 1;
                lines += u64::from(*byte == b'\n');
            }
            if count == 0 {
                return Ok(());
            }
            self.body.consume(count);
            self.core.set_line(self.core.line() + lines);
        }
    }

    /// The fields of the record that was read last.
    fn fields(&self, count: usize) -> Vec<&[u8]> {
        let ends = &self.ends[..count];
        let begins = std::iter::once(&0).chain(ends);
        begins
            .zip(ends)
            .map(|(begin, end)| &self.text[*begin..*end])
            .collect()
    }
}
