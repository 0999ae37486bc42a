//! The files of the pages, in the binary: a style sheet and scripts of ours, and htmx, which puts fresh numbers into pages.
//!
//! A page names each file with its hash, so that what is not as it was built is not run (Subresource Integrity), and a new
//! version is another address.

use std::sync::LazyLock;

use actix_web::{
    HttpResponse,
    http::header,
    web::{Bytes, Path, ServiceConfig},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use sha2::{Digest, Sha256};
use shared::http::{
    edge::resource,
    problem::{Code, Problem},
};

const PATH: &str = "/assets/{version}/{file}";

/// A file.
#[derive(Debug)]
struct Asset {
    name: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
}

/// Every file that pages load. `htmx.min.js` is htmx.org 4.0.1 of npm (0BSD), as it came.
const ASSETS: [Asset; 4] = [
    Asset {
        name: "console.css",
        media_type: "text/css; charset=utf-8",
        bytes: include_bytes!("assets/console.css"),
    },
    Asset {
        name: "console.js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("assets/console.js"),
    },
    Asset {
        name: "htmx.min.js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("assets/htmx.min.js"),
    },
    Asset {
        name: "icon.svg",
        media_type: "image/svg+xml",
        bytes: include_bytes!("assets/icon.svg"),
    },
];

/// Where a page finds a file, and what it must be.
#[derive(Debug)]
pub(crate) struct Place {
    /// The path.
    pub(crate) path: String,
    /// The value of `integrity`.
    pub(crate) integrity: String,
}

/// Where pages find everything.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) style: Place,
    pub(crate) script: Place,
    pub(crate) htmx: Place,
    pub(crate) icon: Place,
}

/// Where pages find everything: worked out once.
pub(crate) fn places() -> &'static Places {
    static PLACES: LazyLock<Places> = LazyLock::new(|| {
        let [style, script, htmx, icon] = &ASSETS;
        Places {
            style: style.place(),
            script: script.place(),
            htmx: htmx.place(),
            icon: icon.place(),
        }
    });
    &PLACES
}

impl Places {
    /// In the order of [`ASSETS`].
    fn all(&self) -> [&Place; ASSETS.len()] {
        [&self.style, &self.script, &self.htmx, &self.icon]
    }
}

impl Asset {
    fn place(&self) -> Place {
        let digest = Sha256::digest(self.bytes);
        let version: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Place {
            path: format!("/assets/{version}/{}", self.name),
            integrity: format!("sha256-{}", BASE64.encode(digest)),
        }
    }
}

/// The route of the files.
pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(resource(PATH, "GET, HEAD").get(get).head(get));
}

/// Answers a file. Nothing in it is personal, and another version has another path.
async fn get(path: Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let (version, name) = path.into_inner();
    let asked = format!("/assets/{version}/{name}");
    let found = ASSETS
        .iter()
        .zip(places().all())
        .find(|(_, place)| place.path == asked);
    let (asset, _) = found.ok_or_else(|| Problem::new(Code::NotFound, "The console has no such file."))?;
    Ok(HttpResponse::Ok()
        .content_type(asset.media_type)
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(Bytes::from_static(asset.bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A new version is a decision: its hash is that of `dist/htmx.min.js` in the package of npm.
    #[test]
    fn htmx_is_as_it_came() {
        assert_eq!(
            places().htmx.integrity,
            "sha256-oKuwTy9FofidHUhEAjJFU35eYBTIexRFU+Bge0zDITA="
        );
    }
}
