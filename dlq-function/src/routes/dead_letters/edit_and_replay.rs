//! `POST /v1/dead-letters/{id}/edit-and-replay`: sends a corrected message in the place of a dead letter.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload},
};
use serde_json::json;
use shared::http::{
    access::{Caller, Scope},
    body::MediaType,
    contact_body::PartOfContact,
    faults::{self, fault},
    json::{Field, Members},
    openapi::Description,
    problem::{Code, Problem},
};
use validator::{Validate, ValidationError};

use crate::routes::{Desk, by, id, problem, selection};
use crate::{
    actions::{Correction, Message},
    openapi::{DEAD_LETTERS_TAG, id_parameter, schemas::CorrectionBody},
    view::{CorrectedView, CorrectionView},
};

const SCOPES: &[Scope] = &[Scope::DeadLettersEdit, Scope::DeadLettersReplay];

/// The body.
#[derive(Debug, Validate)]
#[validate(schema(function = "one_way", skip_on_field_errors = false))]
struct Fields {
    #[validate(nested)]
    contact: PartOfContact,
    #[validate(custom(function = "message_holds"))]
    message: Field,
    #[validate(custom(function = "selection::flag_holds"))]
    dry_run: Field,
}

/// The operation in the description of the API.
pub(crate) fn describe() -> Description {
    let about = "Some fields of the contact, or, where those cannot be read, all of the message. It keeps its command id and its place in the order of commands. The original is kept, marked as replaced, and never sent. With `dryRun` nothing is changed.";
    Description::new(
        "edit-and-replay-dead-letter",
        DEAD_LETTERS_TAG,
        "Correct a command and send it again",
        about,
    )
    .all_scopes(SCOPES)
    .parameters([id_parameter()])
    .body::<CorrectionBody>(
        MediaType::Json.as_str(),
        "What is corrected.",
        json!({ "phone": "(21) 2345-6789", "dryRun": true }),
    )
    .json::<CorrectionView>(StatusCode::OK, "With `dryRun`: what would be changed.", [], None)
    .json::<CorrectedView>(
        StatusCode::ACCEPTED,
        "The broker has stored the corrected command.",
        [],
        None,
    )
    .problems([
        Code::ValidationFailed,
        Code::DeadLetterNotFound,
        Code::DeadLetterClosed,
        Code::DeadLetterErased,
        Code::PayloadLocked,
        Code::BrokerUnavailable,
        Code::PublishUnconfirmed,
        Code::StoreUnavailable,
    ])
}

/// Answers 202 with the new dead letter once the broker has stored the corrected command, or 200 with what would be changed.
///
/// # Errors
/// `validation-failed`, `dead-letter-not-found`, `dead-letter-closed`, `dead-letter-erased`, `payload-locked`,
/// `broker-unavailable`, `publish-unconfirmed`, `store-unavailable`; what bodies are refused for.
pub(in crate::routes) async fn edit_and_replay(
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::with_all(&request, SCOPES)?;
    let id = id(&path)?;
    let (correction, dry_run) = read(selection::members(&request, payload).await?)?;
    let actions = desk.actions.clone();
    if dry_run {
        let preview = async move { actions.preview_edit(id, &correction).await };
        let preview = desk.runtime.run(preview).await.map_err(problem)?;
        return Ok(HttpResponse::Ok().json(CorrectionView::from(preview)));
    }
    let edited = desk.edit(id, correction, by(&caller)).await.map_err(problem)?;
    let detail = desk.detail(edited.id).await.map_err(problem)?;
    Ok(HttpResponse::Accepted().json(CorrectedView {
        correction: CorrectionView::from(edited.preview),
        dead_letter: detail,
    }))
}

/// The correction, and whether it is only to be tried.
///
/// # Errors
/// `validation-failed`.
pub(crate) fn read(mut members: Members) -> Result<(Correction, bool), Problem> {
    let fields = Fields {
        contact: PartOfContact::take(&mut members),
        message: members.take("message"),
        dry_run: members.take("dryRun"),
    };
    faults::check(&fields, members)?;
    let dry_run = fields.dry_run == Field::Flag(true);
    let correction = match fields.message {
        Field::Text(text) => Correction::Message(Message(text)),
        Field::Absent | Field::Null | Field::Number(_) | Field::Flag(_) | Field::Texts(_) | Field::Other => {
            let changes = fields.contact.changes();
            Correction::Fields(changes.map_err(faults::unprocessable)?)
        }
    };
    Ok((correction, dry_run))
}

fn message_holds(field: &Field) -> Result<(), ValidationError> {
    faults::parsed(field, |_| Ok(())).map(drop)
}

/// Either fields or a message.
fn one_way(fields: &Fields) -> Result<(), ValidationError> {
    let has_message = matches!(fields.message, Field::Text(_));
    if has_message && fields.contact.has_any() {
        return Err(fault(
            "fields-and-message",
            "must have either fields of the contact or a message",
        ));
    }
    Ok(())
}
