//! What a page sends: the fields of a form, and proof that one of our pages sent it.
//!
//! **Invariant:** fields are handed out only of a form that carries the token of its reader's cookie, sent by no other site.

use actix_web::{HttpRequest, web::Payload};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use shared::{
    domain::IdKey,
    http::{
        body::{MediaType, read_body},
        problem::Problem,
    },
};
use subtle::ConstantTimeEq;

use super::{Trouble, Visit};

/// The field that has the token.
pub(crate) const TOKEN_FIELD: &str = "csrf";

/// The fields of a form, as they came, blank ones included.
pub(crate) struct Form(Vec<(String, String)>);

/// What people type stays out of logs.
impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Form({} fields)", self.0.len())
    }
}

impl Form {
    /// Reads the body of a form that one of our pages sent.
    ///
    /// # Errors
    /// If another site may have sent it, or it cannot be read.
    pub(crate) async fn read(
        visit: &Visit,
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<Self, Trouble> {
        visit.at_a_name_of_ours()?;
        // Fetch Metadata: browsers say who made them send a request. Older ones do not; the token decides for them.
        let site = request.headers().get("sec-fetch-site");
        if site.is_some_and(|site| site != "same-origin") {
            return Err(Trouble::Forged);
        }
        let body = read_body(request, payload, MediaType::Form).await?;
        let fields = actix_web::web::Query::<Vec<(String, String)>>::from_query(
            std::str::from_utf8(&body).map_err(|_| unreadable())?,
        );
        let form = Self(fields.map_err(|_| unreadable())?.into_inner());
        let token = form.text(TOKEN_FIELD).unwrap_or_default();
        if bool::from(token.as_bytes().ct_eq(visit.token().as_bytes())) {
            Ok(form)
        } else {
            Err(Trouble::Forged)
        }
    }

    /// What was typed into a field, blanks around it left out; `None` if that is nothing.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }

    /// All values of a field, such as the boxes that were ticked.
    pub(crate) fn texts<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

fn unreadable() -> Problem {
    Problem::malformed("The form cannot be read.")
}

/// The token of a cookie: only who can read our pages knows it.
pub(crate) fn token(ids: &IdKey, cookie: &str) -> String {
    let key = ids.derived_key("console form 1");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key of any length will do");
    mac.update(cookie.as_bytes());
    BASE64.encode(mac.finalize().into_bytes())
}
