//! A reader who has some scopes only, where people have to say who they are.

use reqwest::Method;
use shared::{http::access::Scope, settings::AuthMode};
use test_support::Pair;

use super::{
    Browser, Page,
    sign_in::{PASSWORD, operators, sign_in},
};
use crate::dead_letters::Desk;

pub struct Reader {
    pub desk: Desk,
    browser: Browser,
}

impl Reader {
    pub async fn with(pair: &mut Pair, scopes: &[Scope]) -> Self {
        let mut arguments = vec!["ana"];
        arguments.extend(scopes.iter().flat_map(|scope| ["--scope", scope.as_str()]));
        pair.settings.auth.mode = AuthMode::Required;
        pair.settings.dlq_function.console.operators = Some(operators(&[&arguments]));
        let desk = Desk::open(pair).await;
        let browser = Browser::new(desk.address());
        sign_in(&browser, "/inbox", "ana", PASSWORD).await;
        Self { desk, browser }
    }

    /// Gets a page; no redirect is followed.
    pub async fn get(&self, path: &str) -> Page {
        self.browser.once(Method::GET, path, &[], None).await
    }
}
