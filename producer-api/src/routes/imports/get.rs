//! `GET /v1/imports/{id}`: how far an import has come, and what became of its commands.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Path},
};
use shared::http::{
    access::Caller,
    openapi::Description,
    problem::{Code, Problem},
    query,
};

use super::{READERS, import_id, recorded, view};
use crate::{
    answer::PENDING_RETRY_AFTER_SECONDS,
    api::Api,
    import::resource::ImportView,
    openapi::{IMPORTS_TAG, examples, parts},
};

/// The operation in the description of the API.
pub fn describe() -> Description {
    let about = "`receiving` while its file comes, `interrupted` where that broke off, `applying` while commands of it are pending, then `finished`.";
    Description::new("get-import", IMPORTS_TAG, "Follow an import", about)
        .scopes(READERS)
        .parameters([parts::id("import")])
        .json::<ImportView>(
            StatusCode::OK,
            "The import.",
            [parts::retry_after_of_import()],
            Some(examples::import()),
        )
        .problems([Code::ImportNotFound, Code::StoreUnavailable])
}

/// Answers an import.
///
/// # Errors
/// As the contract has it.
pub async fn get(api: Data<Api>, request: HttpRequest, id: Path<String>) -> Result<HttpResponse, Problem> {
    Caller::with(&request, READERS)?;
    query::none(&request)?;
    let record = recorded(&api, import_id(&id)?).await?;
    let view = view(&api, &record).await?;
    let mut response = HttpResponse::Ok();
    if view.goes_on() {
        response.insert_header((header::RETRY_AFTER, PENDING_RETRY_AFTER_SECONDS));
    }
    Ok(response.json(view))
}
