//! The binaries of the roles, built with planned faults.
//!
//! A build without the feature replaces what stands in the target folder, so each binary gets a second name in a folder of
//! its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;

/// What cargo sets for the program that it runs, and what would be wrong for another build.
const OF_THIS_RUN: [&str; 6] = [
    "CARGO_PKG_",
    "CARGO_MANIFEST_",
    "CARGO_CRATE_NAME",
    "CARGO_BIN_",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_TMPDIR",
];

/// A role that runs as a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// HTTP in, commands out.
    ProducerApi,
    /// Commands in, SQL out.
    ConsumerWorker,
    /// Dead letters.
    DlqFunction,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::ProducerApi, Self::ConsumerWorker, Self::DlqFunction];

    /// The name of its crate and of its binary.
    pub fn name(self) -> &'static str {
        match self {
            Self::ProducerApi => "producer-api",
            Self::ConsumerWorker => "consumer-worker",
            Self::DlqFunction => "dlq-function",
        }
    }

    /// Its section in environment variables.
    pub(crate) fn section(self) -> &'static str {
        match self {
            Self::ProducerApi => "PRODUCER_API",
            Self::ConsumerWorker => "CONSUMER_WORKER",
            Self::DlqFunction => "DLQ_FUNCTION",
        }
    }

    /// The binary. The first call of a process builds all of them.
    ///
    /// # Panics
    /// If they cannot be built.
    pub fn binary(self) -> PathBuf {
        static FOLDER: OnceLock<PathBuf> = OnceLock::new();
        FOLDER.get_or_init(build).join(self.name())
    }
}

/// Builds the binaries as this program was built and gives the folder that they stand in.
///
/// The outer `cargo test` holds its lock on the target folder only while it builds, not while tests run.
fn build() -> PathBuf {
    let (target, profile) = target_and_profile();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if OF_THIS_RUN.iter().any(|prefix| name.starts_with(prefix)) {
            cargo.env_remove(&variable);
        }
    }
    cargo
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .args(["build", "--locked", "--bins", "--message-format=json"])
        .args(["--profile", &profile])
        .arg("--target-dir")
        .arg(&target)
        // It has no binary, but with it libraries get the features that they have in a build of everything, and what that
        // has built is used.
        .args(["-p", env!("CARGO_PKG_NAME")])
        .stderr(Stdio::piped());
    for role in Role::ALL {
        cargo.args(["-p", role.name()]);
        cargo.args(["--features", &format!("{}/planned-faults", role.name())]);
    }
    let output = cargo.output().expect("cargo can be run");
    assert!(
        output.status.success(),
        "the binaries cannot be built: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let messages = String::from_utf8_lossy(&output.stdout);
    let folder = scratch().join("survival-binaries");
    fs::create_dir_all(&folder).expect("a folder for the binaries");
    for role in Role::ALL {
        let built = executable(&messages, role.name())
            .unwrap_or_else(|| panic!("cargo names no executable of {}", role.name()));
        keep(&built, &folder.join(role.name()));
    }
    folder
}

/// A folder of the tests, inside the target folder.
pub(crate) fn scratch() -> PathBuf {
    target_and_profile().0.join("tmp")
}

/// Tests stand in `TARGET/PROFILE/deps`.
fn target_and_profile() -> (PathBuf, String) {
    let program = std::env::current_exe().expect("a test has a path");
    let folder = program
        .ancestors()
        .nth(2)
        .expect("a test stands in a target folder");
    let target = folder.parent().expect("a target folder").to_owned();
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        None | Some("debug") => "dev",
        Some(profile) => profile,
    };
    (target, profile.to_owned())
}

fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

/// Gives a file a second name, at once for whoever looks.
fn keep(file: &Path, name: &Path) {
    let fresh = name.with_extension(std::process::id().to_string());
    let _ = fs::remove_file(&fresh);
    fs::hard_link(file, &fresh)
        .or_else(|_| fs::copy(file, &fresh).map(drop))
        .and_then(|()| fs::rename(&fresh, name))
        .expect("the binary can be kept");
}
