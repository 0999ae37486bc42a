//! A file that somebody may replace while the service runs, such as a mounted Secret.
//!
//! **Invariant:** what was read once stays until something better can be read.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context;

/// The largest file, in bytes.
pub const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// A file and what it said last.
#[derive(Debug)]
pub(super) struct Watched<T> {
    path: PathBuf,
    parse: fn(&[u8]) -> anyhow::Result<T>,
    bytes: Mutex<Vec<u8>>,
    said: RwLock<Arc<T>>,
    readable: AtomicBool,
}

impl<T> Watched<T> {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// If it cannot be read or understood.
    pub(super) fn open(path: &Path, parse: fn(&[u8]) -> anyhow::Result<T>) -> anyhow::Result<Self> {
        let bytes = read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let said = parse(&bytes).with_context(|| format!("cannot understand {}", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            parse,
            bytes: Mutex::new(bytes),
            said: RwLock::new(Arc::new(said)),
            readable: AtomicBool::new(true),
        })
    }

    /// What it said when it was last read.
    pub(super) fn said(&self) -> Arc<T> {
        self.said.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads it again; says once if it cannot be read any more. Blocks for as long as a small file takes.
    pub(super) fn look(&self) {
        let mut known = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let read = read(&self.path);
        if read.as_ref().is_ok_and(|bytes| *bytes == *known) {
            self.readable.store(true, Ordering::Relaxed);
            return;
        }
        let parsed = read
            .map_err(anyhow::Error::from)
            .and_then(|bytes| Ok(((self.parse)(&bytes)?, bytes)));
        match parsed {
            Ok((said, bytes)) => {
                *known = bytes;
                *self.said.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(said);
                self.readable.store(true, Ordering::Relaxed);
                tracing::info!(file.path = %self.path.display(), "read again, since it has changed");
            }
            // What is wrong with it may tell what is in it.
            Err(_) if self.readable.swap(false, Ordering::Relaxed) => {
                tracing::warn!(file.path = %self.path.display(), "cannot be read any more; what it said before counts");
            }
            Err(_) => {}
        }
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other(format!(
            "it has more than {MAX_FILE_BYTES} bytes"
        )));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_again_and_one_that_is_gone_counts_as_it_was() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("number");
        let parse = |bytes: &[u8]| Ok(std::str::from_utf8(bytes)?.parse::<u32>()?);
        assert!(Watched::open(&path, parse).is_err());
        std::fs::write(&path, "1").unwrap();
        let watched = Watched::open(&path, parse).unwrap();
        for (written, expected) in [(Some("2"), 2), (Some("x"), 2), (None, 2), (Some("3"), 3)] {
            match written {
                Some(text) => std::fs::write(&path, text).unwrap(),
                None => std::fs::remove_file(&path).unwrap(),
            }
            watched.look();
            watched.look();
            assert_eq!(*watched.said(), expected, "{written:?}");
        }
        std::fs::write(&path, "1".repeat(usize::try_from(MAX_FILE_BYTES).unwrap() + 1)).unwrap();
        watched.look();
        assert_eq!(*watched.said(), 3);
    }
}
