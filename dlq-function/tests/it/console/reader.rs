//! A reader who has some scopes only, where people have to say who they are.

use reqwest::Method;
use shared::{http::access::Scope, settings::AuthMode};
use tempfile::TempDir;
use test_support::{Pair, new_key};

use super::{Browser, Page};
use crate::dead_letters::Desk;

pub struct Reader {
    pub desk: Desk,
    browser: Browser,
    key: String,
    _folder: TempDir,
}

impl Reader {
    pub async fn with(pair: &mut Pair, scopes: &[Scope]) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("keys.json");
        let key = new_key(&file, scopes);
        pair.settings.auth.mode = AuthMode::Required;
        pair.settings.auth.api_keys = Some(file);
        let desk = Desk::open(pair).await;
        Self {
            browser: Browser::new(desk.address()),
            desk,
            key,
            _folder: folder,
        }
    }

    /// Gets a page; no redirect is followed.
    pub async fn get(&self, path: &str) -> Page {
        let headers = [("x-api-key", self.key.as_str())];
        self.browser.once(Method::GET, path, &headers, None).await
    }
}
