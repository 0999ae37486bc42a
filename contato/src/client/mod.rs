//! contato as a client of the API: import, export, what became of what was sent, a contact that shows whether it works, and people
//! who do not exist.
//!
//! **Invariant:** standard output has the result and nothing else; all else goes to standard error. Nothing personal is in an
//! error, and no credential is taken from the command line, which other users of the machine can read.

use std::{
    fmt,
    io::{self, Write},
    process::ExitCode,
};

use clap_complete::Shell;
use shared::role::CommonArguments;

mod api;
mod export;
mod failure;
mod follow;
mod import;
mod progress;
mod resources;
mod simulate;
mod smoke;
mod status;

pub(crate) use api::{below, http};
pub(crate) use export::Export;
pub(crate) use failure::innermost;
pub(crate) use import::Import;
pub(crate) use simulate::Simulate;
pub(crate) use smoke::Smoke;
pub(crate) use status::Status;

use failure::Failure;

/// What the exit codes and the variables are, for `--help`.
pub(crate) const HELP: &str = "Exit codes:
  0  done
  1  failed
  2  the command line, or a variable, cannot be understood
  3  done, but rows were refused, or commands were rejected or dead-lettered

Variables:
  CONTATO_URL           where the API is
  CONTATO_API_KEY       an API key; or CONTATO_API_KEY_FILE, a file with it
  CONTATO_TOKEN         a bearer token; or CONTATO_TOKEN_FILE, a file with it
  CONTATO_GATEWAY_KEY   what a gateway shows the API, where it asks for that; or CONTATO_GATEWAY_KEY_FILE, a file with it";

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// As it was wanted.
    Done,
    /// To the end, but not everything was taken.
    WithRefusals,
}

/// The exit code, and the last words of a failure.
fn exit(outcome: Result<Ended, Failure>) -> ExitCode {
    match outcome {
        Ok(Ended::Done) => ExitCode::SUCCESS,
        Ok(Ended::WithRefusals) => ExitCode::from(3),
        Err(failure) => {
            eprint!("{failure}");
            match failure {
                Failure::Usage(_) => ExitCode::from(2),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

/// Prints a result. Who reads no further, such as `head`, has what they wanted.
fn print(text: fmt::Arguments<'_>) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    match output.write_fmt(text).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Local("the result cannot be written", error))
        }
        _ => Ok(()),
    }
}

/// Prints what makes a shell complete the commands.
pub(crate) fn completions(mut command: clap::Command, shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "contato", &mut script);
    let script = String::from_utf8_lossy(&script);
    exit(print(format_args!("{script}")).map(|()| Ended::Done))
}

/// Imports a file.
pub(crate) async fn import(arguments: &Import) -> ExitCode {
    exit(import::run(arguments).await)
}

/// Exports contacts.
pub(crate) async fn export(arguments: &Export) -> ExitCode {
    exit(export::run(arguments).await)
}

/// Tells what became of a command or of an import.
pub(crate) async fn status(arguments: &Status) -> ExitCode {
    exit(status::run(arguments).await)
}

/// Creates a contact, follows it, and deletes it.
pub(crate) async fn smoke(arguments: &Smoke) -> ExitCode {
    exit(smoke::run(arguments).await)
}

/// Sends what people would send.
pub(crate) async fn simulate(common: &CommonArguments, arguments: &Simulate) -> ExitCode {
    exit(simulate::run(common, arguments).await)
}
