//! A file that is larger than the memory it may take.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
};

use tempfile::TempDir;

use super::Contato;

/// Rows of the large file, and of the small one before it.
const ROWS: [usize; 2] = [1_000, 100_000];
/// Bytes in a column of each row that is not read: the large file has 100 MB.
const IGNORED_BYTES: usize = 1_000;
/// What all three roles together may grow by, from the small file to the large.
const GROWTH_MAX_KIB: u64 = 48 * 1024;

/// To see it red: make `body::CHUNKS_MAX` a million, so that nothing holds the client back.
#[test]
fn memory_does_not_grow_with_the_file() {
    let folder = TempDir::new().unwrap();
    let contato = Contato::start(folder.path());
    let peaks = ROWS.map(|rows| {
        import(&contato, rows);
        peak_kib(contato.child.id())
    });
    let growth = peaks[1] - peaks[0];
    assert!(growth <= GROWTH_MAX_KIB, "{peaks:?} KiB");
}

fn import(contato: &Contato, rows: usize) {
    let address = contato.api.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = "POST /v1/contacts/import HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut chunk = |text: &str| write!(stream, "{:x}\r\n{text}\r\n", text.len()).unwrap();
    chunk("nome;e-mail;foto\r\n");
    let ignored = "x".repeat(IGNORED_BYTES);
    for row in 0..rows {
        chunk(&format!("Pessoa {row};p{row}@example.com;{ignored}\r\n"));
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    let mut status = String::new();
    BufReader::new(stream).read_line(&mut status).unwrap();
    assert!(status.starts_with("HTTP/1.1 202"), "{status}");
}

/// The most memory that a process has had resident.
fn peak_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.unwrap().trim().trim_end_matches(" kB");
    peak.trim().parse().unwrap()
}
