//! The file of API keys, as whoever runs contato changes it.
//!
//! **Invariant:** a reader finds the file as it was or as it is, never half of it; of two that change it at the same time one
//! waits; only its owner may read it.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;

use super::keys::KeyDocument;
use crate::files::make_folder_of;

/// Reads the file.
///
/// # Errors
/// If it cannot be read or understood.
pub fn read(path: &Path) -> anyhow::Result<KeyDocument> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    KeyDocument::parse(&bytes).with_context(|| format!("cannot understand {}", path.display()))
}

/// Changes the file; one that is not there begins empty. Nothing is written if the change fails.
///
/// # Errors
/// If it cannot be read or written; else what the change says.
pub fn change<T>(
    path: &Path,
    change: impl FnOnce(&mut KeyDocument) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let writing = || format!("cannot write {}", path.display());
    make_folder_of(path).with_context(writing)?;
    // A link stays one.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = folder_of(&target);
    let lock = File::open(&folder).with_context(writing)?;
    lock.lock().with_context(writing)?;
    let mut document = match fs::metadata(&target) {
        Err(error) if error.kind() == ErrorKind::NotFound => KeyDocument::default(),
        _ => read(&target)?,
    };
    let done = change(&mut document)?;
    let text = format!("{}\n", serde_json::to_string_pretty(&document)?);
    replace(&target, &text).with_context(writing)?;
    lock.sync_all().with_context(writing)?;
    Ok(done)
}

fn folder_of(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).to_owned()
}

fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{}", std::process::id()));
    let aside = PathBuf::from(aside);
    // What a crash has left of one with the same process id.
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&aside, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use chrono::Utc;

    use super::*;
    use crate::http::access::Scope;

    #[test]
    fn keys_that_are_made_at_the_same_time_are_all_kept_and_are_their_owners_alone() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("new").join("keys.json");
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    change(&path, |document| {
                        Ok(document.add(None, &[Scope::ContactsRead], Utc::now(), None))
                    })
                    .unwrap();
                });
            }
        });
        assert_eq!(read(&path).unwrap().keys.len(), 8);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let before = fs::read(&path).unwrap();
        let failed: anyhow::Result<()> = change(&path, |document| {
            document.keys.clear();
            anyhow::bail!("no")
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
