//! The description of an API as an OpenAPI 3.1 document: what the documents of all listeners have in common.
//!
//! Each endpoint's file describes its own operation (`describe`); what every answer carries and every operation may refuse
//! with is added here.
//!
//! **Invariant:** a limit in the document is the constant that the code uses.

use actix_web::http::{Method, StatusCode};
use serde_json::{Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        self, ComponentsBuilder, Content, ContentBuilder, Header, InfoBuilder, LicenseBuilder,
        OpenApiBuilder, PathItem, PathsBuilder, Ref, RefOr, Required, Response, ResponseBuilder, Schema,
        ServerBuilder,
        extensions::ExtensionsBuilder,
        info::ContactBuilder,
        path::{HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
        request_body::{RequestBody, RequestBodyBuilder},
        tag::TagBuilder,
    },
};

use super::{access::Scope, problem::Code};

mod flatten;
mod headers;
mod inlined;
mod problems;
pub mod schema;
mod security;

pub use flatten::flattened;
pub use headers::{HEADER_VALUE_MAX_CHARS, header_of, link};
pub use problems::ProblemSchema;

/// An API.
#[derive(Debug)]
pub struct Api {
    /// Its name.
    pub title: &'static str,
    /// What it is for, in Markdown.
    pub description: &'static str,
    /// The groups of its operations, each with a sentence.
    pub tags: &'static [(&'static str, &'static str)],
    /// Its operations in the order in which people read them: method, path, description.
    pub operations: Vec<(Method, &'static str, Description)>,
}

/// An operation.
#[derive(Debug)]
pub struct Description {
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
    description: &'static str,
    parameters: Vec<Parameter>,
    body: Option<RequestBody>,
    answers: Vec<(StatusCode, Response)>,
    problems: Vec<Code>,
    schemas: Vec<(String, RefOr<Schema>)>,
    scopes: Needed,
}

/// The scopes that an operation needs.
#[derive(Clone, Copy, Debug)]
enum Needed {
    OneOf(&'static [Scope]),
    All(&'static [Scope]),
}

impl Description {
    /// An operation: its stable id, its group, a few words and some sentences.
    pub fn new(
        id: &'static str,
        tag: &'static str,
        summary: &'static str,
        description: &'static str,
    ) -> Self {
        Self {
            id,
            tag,
            summary,
            description,
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            problems: problems::COMMON.to_vec(),
            schemas: Vec::new(),
            scopes: Needed::OneOf(&[]),
        }
    }

    /// For callers with one of the scopes, the same that the handler asks of
    /// [`Caller::with`](super::access::Caller::with).
    pub fn scopes(mut self, any_of: &'static [Scope]) -> Self {
        self.scopes = Needed::OneOf(any_of);
        self.problems(security::PROBLEMS)
    }

    /// For callers with all of the scopes, the same that the handler asks of
    /// [`Caller::with_all`](super::access::Caller::with_all).
    pub fn all_scopes(mut self, scopes: &'static [Scope]) -> Self {
        self.scopes = Needed::All(scopes);
        self.problems(security::PROBLEMS)
    }

    /// With parameters.
    pub fn parameters(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// With a body that must be there.
    pub fn body<T: ToSchema>(mut self, media_type: &str, description: &str, example: Value) -> Self {
        let content = self.content_of::<T>(Some(example));
        let body = RequestBodyBuilder::new()
            .description(Some(description))
            .required(Some(Required::True))
            .content(media_type, content);
        self.body = Some(body.build());
        self.problems
            .extend([Code::UnsupportedMediaType, Code::PayloadTooLarge]);
        self
    }

    /// With another media type for the body that is there.
    pub fn also_taken<T: ToSchema>(mut self, media_type: &str, example: Value) -> Self {
        let content = RefOr::T(self.content_of::<T>(Some(example)));
        if let Some(body) = &mut self.body {
            body.content.insert(media_type.to_owned(), content);
        }
        self
    }

    /// With an answer without a body.
    pub fn answer(
        self,
        status: StatusCode,
        description: &str,
        headers: impl IntoIterator<Item = (&'static str, Header)>,
    ) -> Self {
        self.answered(status, ResponseBuilder::new().description(description), headers)
    }

    /// With an answer in JSON.
    pub fn json<T: ToSchema>(
        mut self,
        status: StatusCode,
        description: &str,
        headers: impl IntoIterator<Item = (&'static str, Header)>,
        example: Option<Value>,
    ) -> Self {
        let content = self.content_of::<T>(example);
        let response = ResponseBuilder::new()
            .description(description)
            .content("application/json", content);
        self.answered(status, response, headers)
    }

    /// With an answer of another media type.
    pub fn content(
        self,
        status: StatusCode,
        description: &str,
        media_type: &str,
        content: Content,
        headers: impl IntoIterator<Item = (&'static str, Header)>,
    ) -> Self {
        let response = ResponseBuilder::new()
            .description(description)
            .content(media_type, content);
        self.answered(status, response, headers)
    }

    /// With another media type for an answer that is there.
    ///
    /// # Panics
    /// If there is no such answer.
    pub fn also(mut self, status: StatusCode, media_type: &str, content: Content) -> Self {
        let found = self.answers.iter().position(|(known, _)| *known == status);
        let place = found.expect("an answer that is there");
        let content = RefOr::T(content);
        self.answers[place]
            .1
            .content
            .insert(media_type.to_owned(), content);
        self
    }

    /// With problems besides those that every operation has.
    pub fn problems(mut self, codes: impl IntoIterator<Item = Code>) -> Self {
        self.problems.extend(codes);
        self
    }

    fn answered(
        mut self,
        status: StatusCode,
        mut response: ResponseBuilder,
        headers: impl IntoIterator<Item = (&'static str, Header)>,
    ) -> Self {
        for (name, header) in headers {
            response = response.header(name, header);
        }
        self.answers.push((status, headers::everywhere(response).build()));
        self
    }

    fn content_of<T: ToSchema>(&mut self, example: Option<Value>) -> Content {
        let mut schemas = Vec::new();
        T::schemas(&mut schemas);
        self.schemas.push((T::name().into_owned(), T::schema()));
        self.schemas.extend(schemas);
        ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(T::name())))
            .example(example)
            .build()
    }

    fn operation(&self) -> OperationBuilder {
        let mut operation = OperationBuilder::new()
            .operation_id(Some(self.id))
            .tag(self.tag)
            .summary(Some(self.summary))
            .description(Some(self.description))
            .request_body(self.body.clone())
            .securities(Some(security::requirements(self.scopes)));
        for parameter in &self.parameters {
            operation = operation.parameter(parameter.clone());
        }
        for (status, response) in &self.answers {
            operation = operation.response(status.as_str(), response.clone());
        }
        for (status, codes) in problems::by_status(&self.problems) {
            operation = operation.response(status.as_str(), Ref::from_response_name(problems::name(&codes)));
        }
        operation
    }

    fn problem_answers(&self) -> impl Iterator<Item = (String, Response)> {
        let groups = problems::by_status(&self.problems);
        groups
            .into_values()
            .map(|codes| (problems::name(&codes), problems::response(&codes)))
    }
}

impl Api {
    /// The document, as JSON.
    pub fn document(&self) -> Value {
        let mut components = ComponentsBuilder::new().schema_from::<problems::ProblemSchema>();
        let mut paths: Vec<(&str, PathItem)> = Vec::new();
        for (method, path, description) in &self.operations {
            let item = PathItem::new(method_of(method), description.operation());
            match paths.iter_mut().find(|(known, _)| known == path) {
                Some((_, known)) => known.merge_operations(item),
                None => paths.push((path, item)),
            }
            for (name, schema) in &description.schemas {
                components = components.schema(name, schema.clone());
            }
            for (name, response) in description.problem_answers() {
                components = components.response(name, response);
            }
        }
        for (name, header) in headers::components() {
            components = components.header(name, header);
        }
        for (name, scheme) in security::schemes() {
            components = components.security_scheme(name, scheme);
        }
        let paths = paths
            .into_iter()
            .fold(PathsBuilder::new(), |paths, (path, item)| paths.path(path, item));
        let document = OpenApiBuilder::new()
            .info(self.info())
            .servers(Some([here()]))
            .tags(Some(self.tags.iter().map(|(name, description)| {
                TagBuilder::new()
                    .name(*name)
                    .description(Some(*description))
                    .build()
            })))
            .paths(paths)
            .components(Some(components.build()))
            .build();
        let mut document = serde_json::to_value(document).expect("a document has only text for keys");
        headers::require(&mut document);
        inlined::describe(&mut document);
        document
    }

    fn info(&self) -> openapi::Info {
        let license = LicenseBuilder::new()
            .name("MIT OR Apache-2.0")
            .identifier(Some("MIT OR Apache-2.0"));
        InfoBuilder::new()
            .title(self.title)
            .version(env!("CARGO_PKG_VERSION"))
            .description(Some(self.description))
            .contact(Some(ContactBuilder::new().name(Some("contato")).build()))
            .license(Some(license.build()))
            .build()
    }
}

/// Whoever serves the document serves the API.
fn here() -> openapi::Server {
    let visibility = ExtensionsBuilder::new().add("internal", json!(false)).build();
    ServerBuilder::new()
        .url("/")
        .description(Some(
            "The installation that serves this document, be it local, a test or production.",
        ))
        .extensions(Some(visibility))
        .build()
}

fn method_of(method: &Method) -> HttpMethod {
    match method.as_str() {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

/// A parameter with an example.
pub fn parameter<T: PartialSchema>(
    name: &str,
    place: ParameterIn,
    description: &str,
    example: Option<Value>,
) -> Parameter {
    let required = match place {
        ParameterIn::Path => Required::True,
        ParameterIn::Query | ParameterIn::Header | ParameterIn::Cookie | ParameterIn::QueryString => {
            Required::False
        }
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(description))
        .schema(Some(T::schema()))
        .example(example)
        .build()
}

/// The same parameter, which must be there.
pub fn required(mut parameter: Parameter) -> Parameter {
    parameter.required = Required::True;
    parameter
}
