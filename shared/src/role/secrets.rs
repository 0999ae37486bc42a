//! Where `ids.key` and `deadLetters.keys` come from: the settings, or, on embedded storage, files beside the data that are made
//! once.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::{Context, bail};

use crate::{domain::IdKey, files::make_folder_of, payload_keys::PayloadKeys, settings::Settings};

const IDS_KEY_FILE: &str = "ids.key";
const DEAD_LETTERS_KEY_FILE: &str = "dead-letters.key";

/// The secret behind the ids.
///
/// # Errors
/// If `ids.key` is not set where it has to be; the error says how to make one.
pub fn id_key(settings: &Settings) -> anyhow::Result<IdKey> {
    let secret = match (&settings.ids.key, settings.embedded_queue()) {
        (Some(key), _) => key.expose().to_owned(),
        (None, Some(queue)) => kept(&queue.with_file_name(IDS_KEY_FILE), "")?,
        (None, None) => bail!(
            "ids.key is not set: give every role the same secret of at least {} bytes in CONTATO__IDS__KEY or, as a file, in CONTATO__IDS__KEY_FILE (make one once with `openssl rand -hex 32` and never change it)",
            IdKey::MIN_BYTES
        ),
    };
    IdKey::new(secret.as_bytes()).context("ids.key cannot be used")
}

/// The keys under which payloads of dead letters are kept; only who reads or keeps those needs them.
///
/// # Errors
/// If `deadLetters.keys` is not set where it has to be; the error says how to make one.
pub fn payload_keys(settings: &Settings) -> anyhow::Result<PayloadKeys> {
    let keys = match (&settings.dead_letters.keys, settings.embedded_queue()) {
        (Some(keys), _) => keys.expose().to_owned(),
        (None, Some(queue)) => kept(&queue.with_file_name(DEAD_LETTERS_KEY_FILE), "1:")?,
        (None, None) => bail!(
            "deadLetters.keys is not set: give dlq-function a key in CONTATO__DEAD_LETTERS__KEYS or, as a file, in CONTATO__DEAD_LETTERS__KEYS_FILE (make one with `echo 1:$(openssl rand -hex 32)`)"
        ),
    };
    PayloadKeys::parse(&keys).context("deadLetters.keys cannot be used")
}

/// The secret in a file; made if there is none, with `prefix` before it. Written aside and linked into place, so that a crash leaves no half of it and
/// of two processes that start together one wins.
fn kept(path: &Path, prefix: &str) -> anyhow::Result<String> {
    match fs::read_to_string(path) {
        Ok(text) => return Ok(text.trim().to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
    // The parent of a bare name is an empty path, which is no folder.
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = parent.unwrap_or(Path::new("."));
    make(path, folder, prefix).with_context(|| format!("cannot make {}", path.display()))?;
    Ok(fs::read_to_string(path)?.trim().to_owned())
}

fn make(path: &Path, folder: &Path, prefix: &str) -> std::io::Result<()> {
    make_folder_of(path)?;
    let secret: [u8; 32] = rand::random();
    let text: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let aside = path.with_extension(format!("key.{}", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&aside)?;
    writeln!(file, "{prefix}{text}")?;
    file.sync_all()?;
    let linked = fs::hard_link(&aside, path);
    fs::remove_file(&aside)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    File::open(folder)?.sync_all()
}
