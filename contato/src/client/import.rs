//! `contato import`: a file of contacts, sent as one request under one key, followed until all of it is applied.
//!
//! **Invariant:** a file has one key, unless another is given: the SHA-256 of its bytes. Sent again, after whatever happened, it
//! goes on where it was and imports nothing twice.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use indicatif::ProgressBar;
use reqwest::{Body, Method, header::CONTENT_TYPE};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::{
    Ended,
    api::{Api, Server, Tries},
    export::Format,
    failure::Failure,
    follow, print, progress,
    resources::{Answered, ImportView},
};

/// What is read and sent at once, in bytes.
const BLOCK_BYTES: usize = 64 * 1024;
/// Blocks that are read ahead of what is sent.
const BLOCKS_AHEAD: usize = 4;
/// How long nothing may be taken, and then how long the answer may take.
const STALL_MAX: Duration = Duration::from_secs(120);
/// The name of standard input.
const STDIN: &str = "-";
const READING: &str = "the file cannot be read";

/// What is imported.
#[derive(Debug, clap::Args)]
pub(crate) struct Import {
    /// The file, or - for standard input.
    file: PathBuf,
    /// The format; that of the file's name unless said.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The Idempotency-Key: what is sent again under the same key is not imported twice. Unless said, the SHA-256 of the
    /// file's bytes; for standard input a random one.
    #[arg(long)]
    key: Option<String>,
    /// Wait until all of it is applied (the default).
    #[arg(long, overrides_with = "no_wait")]
    wait: bool,
    /// Only until all of it is accepted.
    #[arg(long)]
    no_wait: bool,
    /// Print the import as the API answers it.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

pub(super) async fn run(arguments: &Import) -> Result<Ended, Failure> {
    let from_stdin = arguments.file.as_os_str() == STDIN;
    let format = arguments.format.or_else(|| Format::of(&arguments.file));
    let format = format.ok_or_else(|| {
        Failure::Usage("the format is not known by the name: give --format csv, ndjson or vcard".into())
    })?;
    let api = Api::new(&arguments.server)?;
    let key = match &arguments.key {
        Some(key) => key.clone(),
        None if from_stdin => uuid::Uuid::now_v7().to_string(),
        None => key_of(&arguments.file)?,
    };
    let import = if from_stdin {
        once(&api, format, &key, Box::new(io::stdin()), None)
            .await
            .inspect_err(|_| eprintln!("To go on, send the same input again with --key {key}"))?
    } else {
        repeatedly(&api, format, &key, &arguments.file).await?
    };
    let import = if arguments.no_wait {
        import
    } else {
        let bar = progress::commands("applying");
        let ended = follow::ended_import(&api, &import.view.id, &bar).await;
        bar.finish_and_clear();
        ended?
    };
    match arguments.json {
        true => print(format_args!("{:#}\n", import.json)),
        false => print(format_args!("{}", import.view)),
    }?;
    import.view.ended()
}

/// The SHA-256 of a file's bytes.
fn key_of(path: &Path) -> Result<String, Failure> {
    let mut hash = Sha256::new();
    let mut block = vec![0; BLOCK_BYTES];
    let mut file = open(path)?;
    loop {
        match file.read(&mut block) {
            Ok(0) => break,
            Ok(count) => hash.update(&block[..count]),
            Err(error) => return Err(Failure::Local(READING, error)),
        }
    }
    let digits = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(digits)
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| Failure::Local(READING, error))
}

/// Sends a file until it is accepted, as often as it is worth it.
async fn repeatedly(
    api: &Api,
    format: Format,
    key: &str,
    path: &Path,
) -> Result<Answered<ImportView>, Failure> {
    let mut tries = Tries::default();
    loop {
        let file = open(path)?;
        let length = file.metadata().ok().map(|file| file.len());
        let failure = match once(api, format, key, Box::new(file), length).await {
            Ok(import) => return Ok(import),
            Err(failure) => failure,
        };
        let Some(pause) = tries.pause(&failure) else {
            return Err(failure);
        };
        eprint!("{failure}");
        eprintln!("Sending it again in {pause:?}, with the same key.");
        tokio::time::sleep(pause).await;
    }
}

/// Sends the bytes of a reader.
async fn once(
    api: &Api,
    format: Format,
    key: &str,
    reader: Box<dyn Read + Send>,
    length: Option<u64>,
) -> Result<Answered<ImportView>, Failure> {
    let bar = progress::bytes("sending", length);
    let request = api
        .request(Method::POST, api.url(&["v1", "contacts", "import"]))
        .header(CONTENT_TYPE, format.media_type())
        .header("idempotency-key", key)
        .body(Body::wrap_stream(blocks(reader, bar.clone())));
    let sent = tokio::select! {
        sent = api.send(request) => sent,
        () = stalled(&bar) => Err(Failure::Stalled(STALL_MAX)),
    };
    bar.finish_and_clear();
    Answered::read(sent?).await
}

/// What a reader gives, read on a thread of its own: reading a file or a pipe may block.
fn blocks(
    mut reader: Box<dyn Read + Send>,
    bar: ProgressBar,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let (sender, mut blocks) = mpsc::channel(BLOCKS_AHEAD);
    tokio::task::spawn_blocking(move || {
        loop {
            let mut block = vec![0; BLOCK_BYTES];
            let read = match reader.read(&mut block) {
                Ok(0) => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read,
            };
            let ended = read.is_err();
            let block = read.map(|count| Bytes::from(block).slice(..count));
            if sender.blocking_send(block).is_err() || ended {
                return;
            }
        }
    });
    stream::poll_fn(move |cx| {
        let block = blocks.poll_recv(cx);
        if let std::task::Poll::Ready(Some(Ok(block))) = &block {
            bar.inc(block.len() as u64);
        }
        block
    })
}

/// Ends when nothing has been taken for too long.
async fn stalled(bar: &ProgressBar) {
    let mut before = None;
    while before != Some(bar.position()) {
        before = Some(bar.position());
        tokio::time::sleep(STALL_MAX).await;
    }
}
