//! The description of an API as the listener serves it: the OpenAPI document, and a page to try it that also explains every
//! problem.
//!
//! **Invariant:** the page loads nothing from elsewhere and runs no script but its own (Content Security Policy level 3).

use std::{borrow::Cow, fmt::Write};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Bytes, Data, Path, ServiceConfig},
};
use serde_json::Value;

use super::{
    edge::resource,
    problem::{Code, Problem},
    query,
};

/// Where the page is.
pub const PATH: &str = "/docs";
/// Where the document is.
pub const DOCUMENT_PATH: &str = "/openapi.json";

const ASSET_PATH: &str = "/docs/{file}";
const METHODS: &str = "GET, HEAD";

const PAGE: &str = include_str!("docs/index.html");
const START: &str = include_str!("docs/start.js");
const STYLE: &str = include_str!("docs/style.css");

/// The files of Swagger UI (Apache-2.0) that the page uses.
const SWAGGER_UI: [&str; 3] = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"];

/// Swagger UI's icons are `data:` images; it sets styles by script, which no policy has to allow.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What is served, made once.
#[derive(Clone, Debug)]
pub struct Docs {
    document: Bytes,
    page: Bytes,
}

impl Docs {
    /// The document and its page.
    pub fn new(document: &Value) -> Self {
        let title = document["info"]["title"].as_str().unwrap_or_default();
        let page = PAGE
            .replace("{title}", title)
            .replace("{problems}", &explained_codes());
        Self {
            document: Bytes::from(document.to_string()),
            page: Bytes::from(page),
        }
    }

    /// The routes.
    pub fn routes(self) -> impl FnOnce(&mut ServiceConfig) {
        move |config| {
            config
                .app_data(Data::new(self))
                .service(resource(DOCUMENT_PATH, METHODS).get(document).head(document))
                .service(resource(PATH, METHODS).get(page).head(page))
                .service(resource(ASSET_PATH, METHODS).get(asset).head(asset));
        }
    }
}

/// The rows of the table of codes. Each has the code for its anchor, which is what the `type` of a problem points to.
fn explained_codes() -> String {
    let mut rows = String::new();
    for code in Code::ALL {
        let declaration = code.declaration();
        let (word, status, title) = (declaration.word, declaration.status.as_u16(), declaration.title);
        let remedy = code.remedy();
        writeln!(
            rows,
            "<tr id=\"{word}\"><td><a href=\"#{word}\"><code>{word}</code></a></td><td>{status}</td><td>{title}.</td><td>{remedy}</td></tr>"
        )
        .expect("writing to a string does not fail");
    }
    rows
}

async fn document(docs: Data<Docs>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    query::none(&request)?;
    Ok(cacheable("application/json", docs.document.clone()))
}

async fn page(docs: Data<Docs>) -> HttpResponse {
    let mut response = cacheable("text/html; charset=utf-8", docs.page.clone());
    let policy = header::HeaderValue::from_static(POLICY);
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

async fn asset(file: Path<String>) -> Result<HttpResponse, Problem> {
    let file = file.as_str();
    let own = |kind, text: &'static str| Ok(cacheable(kind, Bytes::from_static(text.as_bytes())));
    match file {
        "start.js" => own("text/javascript; charset=utf-8", START),
        "style.css" => own("text/css; charset=utf-8", STYLE),
        _ => swagger_ui(file).ok_or_else(|| Problem::new(Code::NotFound, "The page has no such file.")),
    }
}

fn swagger_ui(file: &str) -> Option<HttpResponse> {
    let known = SWAGGER_UI.into_iter().find(|known| *known == file)?;
    let config = utoipa_swagger_ui::Config::from(DOCUMENT_PATH);
    let found = utoipa_swagger_ui::serve(known, config.into()).ok()??;
    let bytes = match found.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    Some(cacheable(&found.content_type, bytes))
}

/// None of it is personal; another version of the program has other files.
fn cacheable(kind: &str, body: Bytes) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(body)
}
