//! In which form a contact is answered: JSON, or vCard for those who say so (`Accept`, RFC 9110 section 12.5.1).
//!
//! Whoever asks for neither gets JSON, which that section allows, rather than nothing.

use actix_web::{HttpRequest, mime};
use shared::domain::ETag;

use crate::{
    media::{self, Offer},
    vcard,
};

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Representation {
    /// `application/json`.
    Json,
    /// `text/vcard`, version 4.0.
    VCard,
}

impl Representation {
    /// What a request asks for.
    pub fn wanted(request: &HttpRequest) -> Self {
        media::wanted(request, Self::Json, &[Self::VCard], |form| match form {
            Self::Json => Offer {
                main: mime::APPLICATION,
                sub: mime::JSON.as_str(),
                version: None,
            },
            Self::VCard => vcard::OFFER,
        })
    }

    /// The entity tag of a contact in this form, as the headers have it.
    pub fn etag(self, tag: ETag) -> String {
        match self {
            Self::Json => format!("\"{tag}\""),
            Self::VCard => format!("\"{tag}{}\"", Self::VCARD_SUFFIX),
        }
    }

    /// What is appended to the entity tag of a contact's vCard.
    pub const VCARD_SUFFIX: &str = "-v";
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_form_is_the_one_that_is_wanted_more() {
        for (accept, wanted) in [
            ("text/vcard", Representation::VCard),
            ("text/vcard;version=4.0", Representation::VCard),
            ("text/vcard, */*", Representation::VCard),
            ("text/*, application/json;q=0.9", Representation::VCard),
            ("application/json;q=0, text/vcard;q=0.1", Representation::VCard),
            ("", Representation::Json),
            ("*/*", Representation::Json),
            ("text/vcard, application/json", Representation::Json),
            ("text/vcard;q=0.5, */*;q=0.6", Representation::Json),
            ("text/vcard;q=0, text/*;q=0.1", Representation::Json),
            ("text/vcard;version=3.0", Representation::Json),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Representation::Json),
            ("application/xml", Representation::Json),
            ("nonsense", Representation::Json),
        ] {
            let request = TestRequest::get()
                .insert_header(("accept", accept))
                .to_http_request();
            assert_eq!(Representation::wanted(&request), wanted, "{accept}");
        }
        let request = TestRequest::get().to_http_request();
        assert_eq!(Representation::wanted(&request), Representation::Json);
    }
}
