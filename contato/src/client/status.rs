//! `contato status`: what became of a command or of an import.

use super::{
    Ended,
    api::{Api, Server},
    failure::Failure,
    follow, print, progress,
    resources::Answered,
};

/// Which command or import.
#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    /// The id of a command or of an import.
    id: String,
    /// Wait until it has ended.
    #[arg(long)]
    follow: bool,
    /// Print it as the API answers it.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

pub(super) async fn run(arguments: &Status) -> Result<Ended, Failure> {
    let api = Api::new(&arguments.server)?;
    let id = &arguments.id;
    let found = match arguments.follow {
        true => follow::ended_command(&api, id).await,
        false => follow::command(&api, id).await,
    };
    let no_command = match found {
        Ok(command) => {
            tell(&command, arguments)?;
            return Ok(command.view.ended());
        }
        Err(failure) if failure.is_not_found() => failure,
        Err(failure) => return Err(failure),
    };
    let found = match arguments.follow {
        true => {
            let bar = progress::commands("applying");
            let found = follow::ended_import(&api, id, &bar).await;
            bar.finish_and_clear();
            found
        }
        false => follow::import(&api, id).await,
    };
    match found {
        Ok(import) => {
            tell(&import, arguments)?;
            import.view.ended()
        }
        // Neither: what was said of the command says it.
        Err(failure) if failure.is_not_found() => Err(no_command),
        Err(failure) => Err(failure),
    }
}

fn tell<T: std::fmt::Display>(answered: &Answered<T>, arguments: &Status) -> Result<(), Failure> {
    match arguments.json {
        true => print(format_args!("{:#}\n", answered.json)),
        false => print(format_args!("{}", answered.view)),
    }
}
