//! Looking at a resource until nothing more becomes of it.

use std::time::Duration;

use indicatif::ProgressBar;
use reqwest::{Method, Response};

use super::{
    api::{Api, retry_after},
    failure::Failure,
    resources::{Answered, CommandView, ImportView},
};

/// What the API is asked to hold its answer for.
pub(super) const WAIT: &str = "wait=30";
/// When to look again, unless the API says when.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The path of imports.
const IMPORTS: [&str; 2] = ["v1", "imports"];
/// The path of commands.
const COMMANDS: [&str; 2] = ["v1", "commands"];

/// A command as it is now.
pub(super) async fn command(api: &Api, id: &str) -> Result<Answered<CommandView>, Failure> {
    Answered::read(get(api, &[COMMANDS[0], COMMANDS[1], id], None).await?).await
}

/// A command once it has ended.
pub(super) async fn ended_command(api: &Api, id: &str) -> Result<Answered<CommandView>, Failure> {
    loop {
        let response = get(api, &[COMMANDS[0], COMMANDS[1], id], Some(WAIT)).await?;
        let pause = retry_after(&response).unwrap_or(LOOK_AGAIN);
        let command = Answered::<CommandView>::read(response).await?;
        if command.view.has_ended() {
            return Ok(command);
        }
        tokio::time::sleep(pause).await;
    }
}

/// An import as it is now.
pub(super) async fn import(api: &Api, id: &str) -> Result<Answered<ImportView>, Failure> {
    Answered::read(get(api, &[IMPORTS[0], IMPORTS[1], id], None).await?).await
}

/// An import once it has ended; the bar shows how far it is.
pub(super) async fn ended_import(
    api: &Api,
    id: &str,
    bar: &ProgressBar,
) -> Result<Answered<ImportView>, Failure> {
    loop {
        let response = get(api, &[IMPORTS[0], IMPORTS[1], id], None).await?;
        let pause = retry_after(&response).unwrap_or(LOOK_AGAIN);
        let import = Answered::<ImportView>::read(response).await?;
        bar.set_length(import.view.accepted);
        bar.set_position(import.view.accepted.saturating_sub(import.view.outcomes.pending));
        if import.view.has_ended() {
            return Ok(import);
        }
        tokio::time::sleep(pause).await;
    }
}

/// Reads a resource, also through a short outage.
async fn get(api: &Api, path: &[&str], prefer: Option<&str>) -> Result<Response, Failure> {
    let request = || {
        let request = api.request(Method::GET, api.url(path));
        match prefer {
            Some(prefer) => request.header("prefer", prefer),
            None => request,
        }
    };
    api.send_again(request).await
}
