//! Problem documents in the description of an API: their schema, and one answer for each set of codes of a status.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ContentBuilder, Ref, RefOr, Response, ResponseBuilder, Schema,
        example::ExampleBuilder,
        schema::{ArrayBuilder, ObjectBuilder},
    },
};

use super::{
    headers::{everywhere, reference},
    schema::{UuidText, integer, text},
};
use crate::http::problem::{Code, MAX_FAULTS, PROBLEM_JSON, Problem};

/// What every operation may refuse with.
pub(super) const COMMON: [Code; 7] = [
    Code::MalformedRequest,
    Code::RequestTimeout,
    Code::UriTooLong,
    Code::RateLimited,
    Code::HeaderTooLarge,
    Code::InternalError,
    Code::Overloaded,
];

/// The longest sentence of a problem, in characters.
const SENTENCE_MAX_CHARS: usize = 500;
/// The longest word, pointer or name in a problem, in characters.
const WORD_MAX_CHARS: usize = 120;

/// The schema of a problem document.
#[derive(Debug)]
pub struct ProblemSchema;

impl PartialSchema for ProblemSchema {
    fn schema() -> RefOr<Schema> {
        let sentence = || text(1, SENTENCE_MAX_CHARS).pattern(Some("^.+$"));
        let word = |pattern: &str| text(0, WORD_MAX_CHARS).pattern(Some(pattern));
        let fault = ObjectBuilder::new()
            .property("pointer", about(word("^(/.*)?$"), "Where: a JSON pointer (RFC 6901) into the body, or a slash and the name of a query parameter."))
            .property("code", about(word("^[a-z0-9-]+$"), "Which rule is broken."))
            .property("detail", about(sentence(), "The rule. Never the value."))
            .required("pointer")
            .required("code")
            .required("detail");
        let types = Code::ALL.map(Problem::type_of);
        ObjectBuilder::new()
            .description(Some("Why a request was refused (RFC 9457)."))
            .property(
                "type",
                about(
                    super::schema::words(types),
                    "The code, with the place where it is explained.",
                ),
            )
            .property(
                "title",
                about(sentence(), "The same for every occurrence of the code."),
            )
            .property("status", about(integer(400, 599), "The status of the answer."))
            .property(
                "detail",
                about(sentence(), "What is special about this occurrence."),
            )
            .property(
                "instance",
                about(word("^urn:.+$"), "This occurrence: the request, or the command."),
            )
            .property(
                "errors",
                ArrayBuilder::new()
                    .items(fault.build())
                    .max_items(Some(MAX_FAULTS))
                    .description(Some("All faults of the request.")),
            )
            .property(
                "traceId",
                about(
                    text(32, 32).pattern(Some("^[0-9a-f]{32}$")),
                    "The trace that the request belongs to, if the client sent one.",
                ),
            )
            .property("commandId", UuidText::schema())
            .property("importId", UuidText::schema())
            .required("type")
            .required("title")
            .required("status")
            .required("detail")
            .required("instance")
            .into()
    }
}

impl ToSchema for ProblemSchema {
    fn name() -> std::borrow::Cow<'static, str> {
        "Problem".into()
    }
}

fn about(schema: ObjectBuilder, description: &str) -> ObjectBuilder {
    schema.description(Some(description))
}

/// The codes, each once, in the order of the table, by status.
pub(super) fn by_status(codes: &[Code]) -> BTreeMap<String, Vec<Code>> {
    let mut found: BTreeMap<String, Vec<Code>> = BTreeMap::new();
    for code in Code::ALL.into_iter().filter(|code| codes.contains(code)) {
        let status = code.declaration().status.as_str().to_owned();
        found.entry(status).or_default().push(code);
    }
    found
}

/// The name of the answer that may be any of these.
pub(super) fn name(codes: &[Code]) -> String {
    let words: Vec<_> = codes.iter().map(|code| code.declaration().word).collect();
    words.join("_")
}

/// The answer that may be any of these.
pub(super) fn response(codes: &[Code]) -> Response {
    let titles: Vec<_> = codes
        .iter()
        .map(|code| {
            let declaration = code.declaration();
            format!("`{}`: {}.", declaration.word, declaration.title)
        })
        .collect();
    let examples = codes.iter().map(|code| {
        let example = ExampleBuilder::new().value(Some(example(*code))).build();
        (code.declaration().word, RefOr::T(example))
    });
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(ProblemSchema::name())))
        .examples_from_iter(examples)
        .build();
    let mut response = ResponseBuilder::new()
        .description(titles.join(" "))
        .content(PROBLEM_JSON, content);
    if codes.iter().any(|code| code.asks_to_come_again()) {
        response = response.header_ref("Retry-After", reference("Retry-After"));
    }
    if codes.iter().any(|code| code.challenges()) {
        response = response.header_ref("WWW-Authenticate", reference("WWW-Authenticate"));
    }
    everywhere(response).build()
}

fn example(code: Code) -> Value {
    let problem = Problem::new(code, format!("{}.", code.declaration().title));
    let instance = "urn:contato:request:01a20209-1005-729c-b70d-295690fe30f4";
    json!(problem.document(instance.to_owned(), None))
}
