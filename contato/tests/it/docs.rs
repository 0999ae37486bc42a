//! The pages for users, tried: each example of a page is typed into one bash session in the order of the page, against
//! the real binary in an empty folder, and must print what the page shows.
//!
//! Of the headers of an answer a page shows those that matter; JSON may be broken into lines. All else must be equal.

mod answer;
mod page;
mod runbooks;

use std::{collections::BTreeSet, ffi::OsString, fs, path::Path, process::Command, time::Duration};

use producer_api::{idempotency_key, prefer::MAX_WAIT_SECONDS};
use shared::{
    domain::{IfMatch, SearchQuery},
    http::{
        HEAD_TIMEOUT,
        body::{BODY_TIMEOUT, MAX_BODY_BYTES},
        json::MAX_DEPTH,
        listener::{MAX_HEADER_BYTES, MAX_URI_BYTES},
        page::MAX_LIMIT,
        problem::Code,
    },
    settings::Settings,
    store::dead_letters::DeadLetterState,
    wire::Reason,
};
use tempfile::TempDir;

pub use self::page::text;
use self::{
    answer::{Names, both},
    page::{Block, Example},
};
use super::Contato;

const GUIDE: [&str; 2] = ["docs/http.md", "docs/http.pt-BR.md"];
const ACCESS: [&str; 2] = ["docs/access.md", "docs/access.pt-BR.md"];
const DEAD_LETTERS: [&str; 2] = ["docs/dead-letters.md", "docs/dead-letters.pt-BR.md"];
const CONSOLE: [&str; 2] = ["docs/console.md", "docs/console.pt-BR.md"];
const AZURE: [&str; 2] = ["docs/azure.md", "docs/azure.pt-BR.md"];
const DEPLOY: [&str; 2] = ["docs/deploy.md", "docs/deploy.pt-BR.md"];
const LOAD: [&str; 2] = ["docs/load.md", "docs/load.pt-BR.md"];
const BACKUP: [&str; 2] = ["docs/backup.md", "docs/backup.pt-BR.md"];
/// What each role tells of itself: `metrics.rs` tries these.
pub const METRICS: [&str; 2] = ["docs/metrics.md", "docs/metrics.pt-BR.md"];
const TRACES: [&str; 2] = ["docs/traces.md", "docs/traces.pt-BR.md"];
const OBSERVE: [&str; 2] = ["docs/observe.md", "docs/observe.pt-BR.md"];
const README: [&str; 2] = ["README.md", "README.pt-BR.md"];
/// Where the pages say that the API is, and that of dead letters.
const USUAL_ADDRESSES: [&str; 2] = ["127.0.0.1:8080", "127.0.0.1:8081"];
/// Who types the commands of the pages: the audit names the account.
const READER: &str = "ana";
/// What curl does unless a page says otherwise: it ends, whatever happens.
const CURL_SETTINGS: &str = "max-time = 20\n";

/// What the reader would have on the screen after a command.
struct Printed {
    status: String,
    text: String,
}

/// How pages call the binary.
const USUAL_BINARY: &str = "cargo run -q --";

/// Types the commands into one bash session.
fn typed(examples: &[Example], addresses: [&str; 2], folder: &Path) -> Vec<Printed> {
    let file = |index: usize, what: &str| folder.join(format!("{index}.{what}"));
    let mut script = String::new();
    for (index, example) in examples.iter().enumerate() {
        let command = renamed(&example.command, USUAL_ADDRESSES, addresses);
        let command = command.replace(USUAL_BINARY, env!("CARGO_BIN_EXE_contato"));
        let (text, status) = (file(index, "text"), file(index, "status"));
        let (text, status) = (text.display(), status.display());
        script.push_str(&format!("{{\n{command}\n}} >{text} 2>&1\necho $? >{status}\n"));
    }
    // What the commands write stays in the folder, and a curl configuration of the reader's own does not matter.
    fs::write(folder.join(".curlrc"), CURL_SETTINGS).unwrap();
    let ended = Command::new("bash")
        .args(["--norc", "-c", &script])
        .current_dir(folder)
        .env("CURL_HOME", folder)
        .env("PATH", with_contato())
        .env("USER", READER)
        .env_remove("SUDO_USER")
        .output()
        .expect("bash is there");
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    let read = |path: &Path| fs::read_to_string(path).expect("text");
    let printed = |index| Printed {
        status: read(&file(index, "status")).trim().to_owned(),
        text: renamed(
            &read(&file(index, "text")).replace('\r', ""),
            addresses,
            USUAL_ADDRESSES,
        ),
    };
    (0..examples.len()).map(printed).collect()
}

/// A text with other addresses in it.
fn renamed(text: &str, from: [&str; 2], to: [&str; 2]) -> String {
    from.into_iter()
        .zip(to)
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// What cargo sets for this program, and what would be wrong for another build.
const OF_THIS_RUN: [&str; 6] = [
    "CARGO_PKG_",
    "CARGO_MANIFEST_",
    "CARGO_CRATE_NAME",
    "CARGO_BIN_",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_TMPDIR",
];

/// Builds dlq-function beside contato's binary, as this program was built; `cargo test` builds the binaries of the package
/// alone that it tests. Of the whole workspace, so that libraries have the features that they have in a build of everything.
fn build_dlq_function() {
    let contato = Path::new(env!("CARGO_BIN_EXE_contato"));
    let folder = contato.parent().expect("a folder");
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        None | Some("debug") => "dev",
        Some(profile) => profile,
    };
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if OF_THIS_RUN.iter().any(|prefix| text.starts_with(prefix)) {
            cargo.env_remove(&name);
        }
    }
    let built = cargo
        .current_dir(page::path("."))
        .args(["build", "--quiet", "--locked", "--profile", profile])
        .args(["--workspace", "--bin", "dlq-function", "--target-dir"])
        .arg(folder.parent().expect("a target folder"))
        .output()
        .expect("cargo can be run");
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
}

/// Where the reader's shell finds programs, contato and dlq-function among them.
fn with_contato() -> OsString {
    let own = Path::new(env!("CARGO_BIN_EXE_contato"))
        .parent()
        .map(Path::to_owned);
    let usual = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(own.into_iter().chain(std::env::split_paths(&usual))).unwrap()
}

/// Runs the examples of a page and holds them against what the page shows: what stands before the first `cargo run`, then,
/// with contato running in the same folder, the rest.
fn try_page(name: &str, blocks: &[Block]) {
    let folder = TempDir::new().unwrap();
    let start = blocks.iter().position(|block| block.language == "sh");
    let (before, after) = blocks.split_at(start.unwrap_or_default());
    let (before, after) = (page::examples(before), page::examples(after));
    let mut printed = typed(&before, USUAL_ADDRESSES, folder.path());
    let contato = Contato::start_with(folder.path(), &page::settings(blocks));
    let api = contato.api.strip_prefix("http://").expect("an address");
    printed.extend(typed(&after, [api, &contato.dlq], folder.path()));
    let (mut of_page, mut of_run) = (Names::default(), Names::default());
    for (example, printed) in before.iter().chain(&after).zip(printed) {
        let (Example { line, command, shown }, Printed { status, text }) = (example, printed);
        assert_eq!(status, "0", "{name}:{line}: {command}\n{text}");
        let (page, run) = both(shown, &text, &mut of_page, &mut of_run);
        assert_eq!(page, run, "\n{name}:{line}: {command}\nprints\n{text}");
    }
    contato.signal("TERM");
    assert_eq!(contato.end().0.code(), Some(0));
}

/// To see it red: answer a create that was waited for 200 instead of 201, or change a status, a header, a body or a command in the page.
#[test]
fn each_example_of_the_guide_prints_what_the_page_shows() {
    let blocks = page::blocks(&page::text(GUIDE[0]));
    for block in &blocks {
        let known = ["console", "sh"].contains(&block.language.as_str());
        assert!(known, "{}:{}: not understood", GUIDE[0], block.line);
    }
    try_page(GUIDE[0], &blocks);
}

/// To see it red: start the page's contato without `auth.mode`.
#[test]
fn each_example_of_the_page_about_access_prints_what_the_page_shows() {
    try_page(ACCESS[0], &page::blocks(&page::text(ACCESS[0])));
}

/// To see it red: leave the reason out of the table that `list` prints, or change a number in the page.
#[test]
fn each_example_of_the_page_about_dead_letters_prints_what_the_page_shows() {
    build_dlq_function();
    let blocks = page::blocks(&page::text(DEAD_LETTERS[0]));
    try_page(DEAD_LETTERS[0], &blocks);
}

/// To see it red: leave a row out of a table of reasons or states.
#[test]
fn the_page_about_dead_letters_explains_every_reason_and_state() {
    let reasons = Reason::ALL.map(Reason::as_str);
    let states = DeadLetterState::ALL.map(DeadLetterState::as_str);
    for name in DEAD_LETTERS {
        let text = page::text(name);
        for word in reasons.into_iter().chain(states) {
            let row = format!("\n| `{word}` | ");
            assert!(text.contains(&row), "{name}: {word}");
        }
    }
}

/// To see it red: change a body in the page's answer of 422.
#[test]
fn each_example_of_the_readme_prints_what_the_page_shows() {
    let mut blocks = page::blocks(&page::text(README[0]));
    blocks.retain(|block| block.language == "console");
    assert!(blocks.len() >= 2, "the examples are marked as console");
    try_page(README[0], &blocks);
}

/// To see it red: change a letter of a command in one of the pages.
#[test]
fn both_languages_have_the_same_examples() {
    for [english, portuguese] in [GUIDE, ACCESS, DEAD_LETTERS, LOAD, OBSERVE, TRACES, README] {
        let examples = |name: &str| -> Vec<_> {
            let blocks = page::blocks(&page::text(name)).into_iter();
            let same = blocks.filter(|block| block.language == "console" || !README.contains(&name));
            same.map(|block| (block.language, block.lines)).collect()
        };
        let (ours, theirs) = (examples(english), examples(portuguese));
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "{english}, {portuguese}");
        }
        assert_eq!(ours.len(), theirs.len(), "{english}, {portuguese}");
    }
}

/// To see it red: leave a row out, or give one another status.
#[test]
fn the_guide_explains_every_code_with_its_status() {
    let declared: BTreeSet<_> = Code::ALL
        .iter()
        .map(|code| code.declaration())
        .map(|code| (code.word.to_owned(), code.status.as_u16()))
        .collect();
    for name in GUIDE {
        let explained = page::codes(&page::text(name));
        assert_eq!(explained.len(), declared.len(), "{name}: a row each");
        assert_eq!(BTreeSet::from_iter(explained), declared, "{name}");
    }
}

/// To see it red: change a constant, or a number in a page.
#[test]
fn the_guide_tells_the_limits_as_they_are() {
    let settings = Settings::default();
    let kib = |bytes: usize| bytes / 1024;
    let seconds = |time: Duration| usize::try_from(time.as_secs()).unwrap();
    let limits = [
        kib(MAX_BODY_BYTES),
        seconds(BODY_TIMEOUT),
        seconds(HEAD_TIMEOUT),
        kib(MAX_URI_BYTES),
        kib(MAX_HEADER_BYTES),
        MAX_DEPTH,
        idempotency_key::MAX_CHARS,
        IfMatch::MAX_TAGS,
        SearchQuery::MAX_CHARS,
        SearchQuery::MAX_WORDS,
        usize::try_from(MAX_LIMIT).unwrap(),
        usize::try_from(MAX_WAIT_SECONDS).unwrap(),
        settings.producer_api.max_waiting,
        settings.http.max_requests,
        usize::try_from(settings.http.rate_limit).unwrap(),
    ];
    for (name, heading) in GUIDE.into_iter().zip(["## Limits", "## Limites"]) {
        assert_eq!(page::numbers(&page::text(name), heading), limits, "{name}");
    }
}

/// To see it red: change a heading.
#[test]
fn links_lead_somewhere() {
    for name in [
        GUIDE,
        ACCESS,
        DEAD_LETTERS,
        CONSOLE,
        DEPLOY,
        AZURE,
        BACKUP,
        LOAD,
        METRICS,
        TRACES,
        OBSERVE,
        README,
    ]
    .concat()
    {
        assert_links_lead_somewhere(name);
    }
}

/// Holds each link of a page to another page, or to a heading, against what is there.
fn assert_links_lead_somewhere(name: &str) {
    let text = page::text(name);
    for link in page::links(&text).filter(|link| !link.contains("://")) {
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let target = match file {
            "" => name.to_owned(),
            _ => Path::new(name).with_file_name(file).display().to_string(),
        };
        assert!(page::path(&target).exists(), "{name}: {link}");
        let found = anchor.is_empty() || page::anchors(&page::text(&target)).iter().any(|a| a == anchor);
        assert!(found, "{name}: {link}");
    }
}
