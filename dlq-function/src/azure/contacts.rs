//! The function `contacts`: reads contacts for whoever sends the host an HTTP request. One by its id, or a page, with the members
//! and the filters of producer-api's list.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Payload, Query},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    domain::{ContactId, IdKey, Life},
    http::{
        contact::{ContactItem, ContactPage, ContactQuery, ContactView, MEMBERS},
        edge,
        page::PageView,
        problem::{PROBLEM_JSON, Problem},
        query,
    },
    store::Store,
};

use super::{
    Functions, REQUEST_BINDING,
    answer::{HttpOutput, answered},
    body,
    invocation::Invocation,
};

const JSON: &str = "application/json";

/// Where a caller may put the key of the function, which the host has looked at and passes on.
const OF_THE_HOST: [&str; 2] = ["code", "clientId"];

/// The request that the host was sent, as far as it matters.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Forwarded {
    #[serde(default)]
    query: Value,
    #[serde(default)]
    params: Value,
    #[serde(default)]
    url: Value,
}

/// Answers a contact or a page; refusals are answers of the function, too.
///
/// # Errors
/// `malformed-request` for what is no invocation.
pub(super) async fn read(
    functions: Data<Functions>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let forwarded: Forwarded = {
        let body = body::read(payload).await?;
        let invocation = Invocation::read(&body)?;
        let value = invocation.value(REQUEST_BINDING)?;
        serde_json::from_str(value.get())
            .map_err(|_| Problem::malformed("Data.req is not the shape of an HTTP request."))?
    };
    let output = match found(&functions, &forwarded).await {
        Ok(body) => output(200, JSON, body),
        Err(problem) => refusal(&request, &problem),
    };
    Ok(answered(output))
}

async fn found(functions: &Data<Functions>, forwarded: &Forwarded) -> Result<String, Problem> {
    let permit = functions.contacts.clone().try_acquire_owned();
    let permit = permit.map_err(|_| Problem::overloaded())?;
    let parameters = forwarded.parameters()?;
    let id = forwarded.id();
    let (store, ids) = (functions.store.clone(), functions.ids.clone());
    let work = async move {
        let found = match id {
            Some(id) => one(&store, &id, parameters).await,
            None => page(&store, &ids, parameters).await,
        };
        drop(permit);
        found
    };
    functions.runtime.run(work).await
}

async fn one(store: &Store, id: &str, parameters: Vec<(String, String)>) -> Result<String, Problem> {
    query::of_pairs(parameters, &[])?;
    // What is no id was never issued.
    let id: ContactId = id.parse().map_err(|_| Problem::contact_not_found())?;
    let found = store.contact(id).await.map_err(|error| Problem::store(&error))?;
    let contact = found.ok_or_else(Problem::contact_not_found)?;
    match contact.state.life {
        Life::Born(_) => Ok(json(&ContactView::from(&contact))),
        Life::Unborn => Err(Problem::contact_not_found()),
        Life::Deleted => Err(Problem::contact_deleted()),
    }
}

async fn page(store: &Store, ids: &IdKey, parameters: Vec<(String, String)>) -> Result<String, Problem> {
    let query = ContactQuery::from_parameters(query::of_pairs(parameters, &MEMBERS)?)?;
    let page = ContactPage::read(store, ids, query).await?;
    // Where its neighbours are only whoever named this function app knows: no links, both cursors.
    Ok(json(&PageView {
        items: page.contacts.iter().map(ContactItem::from).collect(),
        next_cursor: page.next,
        prev_cursor: page.previous,
    }))
}

fn json(answer: &impl Serialize) -> String {
    serde_json::to_string(answer).expect("strings and numbers always become JSON")
}

fn refusal(request: &HttpRequest, problem: &Problem) -> HttpOutput {
    let status = problem.code().declaration().status.as_u16();
    let mut output = output(status, PROBLEM_JSON, json(&edge::document(request, problem)));
    for (name, value) in problem.headers() {
        if let Ok(value) = value.to_str() {
            output.headers.insert(name.to_string(), value.to_owned());
        }
    }
    output
}

fn output(status: u16, media: &str, body: String) -> HttpOutput {
    let headers = [(header::CONTENT_TYPE, media), (header::CACHE_CONTROL, "no-store")];
    HttpOutput {
        status_code: status,
        status,
        headers: headers
            .map(|(name, value)| (name.to_string(), value.to_owned()))
            .into(),
        body,
    }
}

impl Forwarded {
    /// The id in the path, if there is one.
    fn id(&self) -> Option<String> {
        let id = self.params.get("id").and_then(Value::as_str);
        id.filter(|id| !id.is_empty()).map(str::to_owned)
    }

    /// The query: as an object, as an older host writes that, in a string, or as it stands in the URL.
    fn parameters(&self) -> Result<Vec<(String, String)>, Problem> {
        let read = |text: &str| serde_json::from_str(text).ok();
        let query = match &self.query {
            Value::String(text) => read(text),
            Value::Object(members) => Some(members.clone()),
            _ => None,
        };
        let unreadable = || Problem::malformed("The query cannot be read.");
        let pairs: Vec<(String, String)> = match query {
            Some(members) => {
                let pair = |(name, value): (String, Value)| Some((name, value.as_str()?.to_owned()));
                members
                    .into_iter()
                    .map(pair)
                    .collect::<Option<_>>()
                    .ok_or_else(unreadable)?
            }
            None => {
                let url = self.url.as_str().unwrap_or_default();
                let query = url.split_once('?').map_or("", |(_, query)| query);
                Query::<Vec<(String, String)>>::from_query(query)
                    .map_err(|_| unreadable())?
                    .into_inner()
            }
        };
        let is_ours = |(name, _): &(String, String)| !OF_THE_HOST.contains(&name.as_str());
        Ok(pairs.into_iter().filter(is_ours).collect())
    }
}
