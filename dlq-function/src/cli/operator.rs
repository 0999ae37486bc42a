//! `dlq-function operator NAME`: the line that lets somebody sign in to the console with a password.

use std::io::{IsTerminal, Read, stdin};

use anyhow::{Context, ensure};
use clap::{Args, builder::TypedValueParser};
use console::Term;
use shared::http::access::Scope;

use super::{
    arguments::words,
    output::{DONE, print},
};
use crate::console::operators::{is_name, line};

pub(super) const EXAMPLES: &str = "\
Examples:
  dlq-function operator ana >>operators
  dlq-function operator bia --scope dead-letters.read --scope audit.read >>operators
  CONTATO__DLQ_FUNCTION__CONSOLE__OPERATORS_FILE=operators CONTATO__AUTH__MODE=required dlq-function

The password is asked for, or read from standard input up to its first line break. It is not kept: the line has a hash of it.";

/// The most that is read of a password, in bytes.
const READ_MAX_BYTES: u64 = 64 * 1024;

/// Who is to sign in.
#[derive(Debug, Args)]
pub struct Operator {
    /// Their name: letters, digits and . _ @ -
    name: String,
    /// What they may do; everything unless set. Can be given several times.
    #[arg(long = "scope", value_name = "SCOPE", value_parser = scopes())]
    scopes: Vec<Scope>,
}

fn scopes() -> impl TypedValueParser<Value = Scope> {
    words(Scope::ALL.map(Scope::as_str).to_vec(), Scope::from_word)
}

pub(super) fn run(arguments: &Operator) -> anyhow::Result<u8> {
    let Operator { name, scopes } = arguments;
    ensure!(
        is_name(name),
        "a name has 1 to 64 letters, digits and . _ @ -, without accents"
    );
    print(&line(name, scopes, &password()?)?);
    Ok(DONE)
}

fn password() -> anyhow::Result<String> {
    if stdin().is_terminal() {
        let terminal = Term::stderr();
        let first = asked(&terminal, "Password: ")?;
        ensure!(first == asked(&terminal, "Once more: ")?, "they are not the same");
        return Ok(first);
    }
    let mut text = String::new();
    stdin()
        .take(READ_MAX_BYTES)
        .read_to_string(&mut text)
        .context("no password can be read from standard input")?;
    let first = text.lines().next().unwrap_or_default();
    Ok(first.to_owned())
}

fn asked(terminal: &Term, question: &str) -> anyhow::Result<String> {
    terminal.write_str(question)?;
    terminal.read_secure_line().context("no password was typed")
}
