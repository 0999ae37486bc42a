//! `contato export`: all contacts, or those that filters let through, into a file or to standard output.
//!
//! **Invariant:** a file is there whole or not at all. It is written beside its name, readable by its owner alone, and named
//! when the last byte is there.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::ValueEnum;
use reqwest::{
    Method, Response, Url,
    header::{ACCEPT, ACCEPT_LANGUAGE},
};
use shared::role::stop_at_signal;
use tempfile::NamedTempFile;

use super::{
    Ended,
    api::{Api, Server, lost},
    failure::Failure,
    progress,
};

/// How long the API may send nothing. It looks for the next contacts for a minute at most.
const SILENCE_MAX: Duration = Duration::from_secs(90);

/// A format of contacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For spreadsheets.
    Csv,
    /// A JSON text a line, for programs.
    Ndjson,
    /// For address books.
    Vcard,
}

impl Format {
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Ndjson => "application/x-ndjson",
            Self::Vcard => "text/vcard",
        }
    }

    /// The format of a file by its name.
    pub(super) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "vcf" | "vcard" => Some(Self::Vcard),
            _ => None,
        }
    }
}

/// What is exported, and where to.
#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// The file; standard output unless said.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The format; that of the file's name unless said, else CSV.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The language of the columns of CSV; pt-BR has semicolons between them, as spreadsheets of Brazil expect.
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<String>,
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct Filters {
    /// Only contacts with this area code (DDD).
    #[arg(long)]
    area_code: Option<String>,
    /// Only contacts of this state (UF).
    #[arg(long)]
    state: Option<String>,
    /// Only contacts with this phone.
    #[arg(long)]
    phone: Option<String>,
    /// Only contacts with this e-mail address.
    #[arg(long)]
    email: Option<String>,
    /// Only contacts that have words that begin so.
    #[arg(long)]
    q: Option<String>,
    /// Only what was changed at or after this time (RFC 3339).
    #[arg(long)]
    updated_since: Option<String>,
    /// name, createdAt or updatedAt, with a minus sign before it for the reverse (--sort=-name).
    #[arg(long)]
    sort: Option<String>,
}

impl Filters {
    fn add_to(&self, url: &mut Url) {
        let filters = [
            ("areaCode", &self.area_code),
            ("state", &self.state),
            ("phone", &self.phone),
            ("email", &self.email),
            ("q", &self.q),
            ("updatedSince", &self.updated_since),
            ("sort", &self.sort),
        ];
        for (name, value) in filters {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
    }
}

pub(super) async fn run(arguments: &Export) -> Result<Ended, Failure> {
    let stop = stop_at_signal().map_err(|_| Failure::Stopped)?;
    tokio::select! {
        ended = export(arguments) => ended,
        // The file that is not whole goes with what writes it.
        () = stop.cancelled() => Err(Failure::Stopped),
    }
}

async fn export(arguments: &Export) -> Result<Ended, Failure> {
    let api = Api::new(&arguments.server)?;
    let of_name = arguments.output.as_deref().and_then(Format::of);
    let format = arguments.format.or(of_name).unwrap_or(Format::Csv);
    let mut url = api.url(&["v1", "contacts", "export"]);
    arguments.filters.add_to(&mut url);
    let mut request = api.request(Method::GET, url).header(ACCEPT, format.media_type());
    if let Some(language) = &arguments.language {
        request = request.header(ACCEPT_LANGUAGE, language);
    }
    // Before anything is asked for: a folder that cannot be written to is known at once.
    let file = match &arguments.output {
        Some(path) => Some((beside(path)?, path)),
        None => None,
    };
    let response = api.send(request).await?;
    match file {
        Some((mut file, path)) => {
            copy(response, &mut file).await?;
            let kept = file.as_file().sync_all().and_then(|()| Ok(file.persist(path)?));
            kept.map_err(|error| Failure::Local(WRITING, error))?;
        }
        None => copy(response, &mut io::stdout()).await?,
    }
    Ok(Ended::Done)
}

const WRITING: &str = "the export cannot be written";

/// A file beside another, gone unless it is kept.
fn beside(path: &Path) -> Result<NamedTempFile, Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let file = tempfile::Builder::new()
        .prefix(".contato-export-")
        .tempfile_in(folder.unwrap_or(Path::new(".")));
    file.map_err(|error| Failure::Local(WRITING, error))
}

/// Writes the body as it comes. One that breaks off is a failure.
async fn copy(mut response: Response, to: &mut impl Write) -> Result<(), Failure> {
    let bar = progress::bytes("exporting", None);
    let copied = async {
        loop {
            let next = tokio::time::timeout(SILENCE_MAX, response.chunk()).await;
            let next = next.map_err(|_| Failure::Stalled(SILENCE_MAX))?;
            let Some(bytes) = next.map_err(lost)? else {
                return to.flush().map_err(|error| Failure::Local(WRITING, error));
            };
            to.write_all(&bytes)
                .map_err(|error| Failure::Local(WRITING, error))?;
            bar.inc(bytes.len() as u64);
        }
    };
    let copied = copied.await;
    bar.finish_and_clear();
    copied
}
