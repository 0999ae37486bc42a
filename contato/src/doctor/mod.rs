//! `contato doctor`: whether settings, broker, SQL, rights and clocks are as the services need them.
//!
//! It looks with the settings and the users of the role that is named, and changes nothing. A finding says what is wrong in plain
//! words and what to do about it.

use std::process::ExitCode;

use shared::{role::CommonArguments, service::Service, settings::Settings};

mod broker;
mod report;
mod settings;
mod store;

pub(crate) use broker::in_words;
use report::Report;
pub(crate) use store::in_full;

/// What the exit codes are, for `--help`.
pub(crate) const HELP: &str = "Exit codes:
  0  nothing is wrong; there may be warnings
  1  something is wrong

It takes the settings of the role, as that does: CONTATO__SECTION__KEY, or --config FILE. Nothing is changed.";

/// What is looked at.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Whose settings these are; those of a process that has all three roles without it.
    #[arg(long, value_enum)]
    role: Option<Service>,
}

/// Looks, and prints a line for each thing looked at.
pub(crate) async fn run(common: &CommonArguments, arguments: &Arguments) -> ExitCode {
    let mut report = Report::default();
    match common.start_command() {
        Ok(None) => return ExitCode::SUCCESS,
        Ok(Some(settings)) => {
            let roles = arguments.role.map_or(Service::ALL.to_vec(), |role| vec![role]);
            look(&settings, &roles, &mut report).await;
        }
        Err(error) => report.fails(
            "settings",
            format!("{error:#}"),
            "correct the variable or the key that it names; a service would not start",
        ),
    }
    report.end()
}

async fn look(settings: &Settings, roles: &[Service], report: &mut Report) {
    settings::look(settings, roles, report);
    broker::look(settings, roles, report).await;
    store::look(settings, roles, report).await;
}
