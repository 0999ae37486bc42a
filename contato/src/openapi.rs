//! `contato openapi`: the descriptions of the HTTP APIs, as they are served and committed.

use clap::ValueEnum;
use shared::http::openapi::flattened;

/// Which description.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The role whose API it is.
    #[arg(value_enum, default_value = "producer-api")]
    role: Role,
    /// As OpenAPI 3.0.3 within the import limits of Azure API Management.
    #[arg(long)]
    api_management: bool,
}

/// A role with an HTTP API.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    /// Contacts and commands.
    ProducerApi,
    /// Dead letters.
    DlqFunction,
}

pub(crate) fn print(arguments: &Arguments) {
    let document = match arguments.role {
        Role::ProducerApi => producer_api::openapi::api().document(),
        Role::DlqFunction => dlq_function::openapi::api().document(),
    };
    let document = if arguments.api_management {
        flattened(&document)
    } else {
        document
    };
    println!("{document:#}");
}
