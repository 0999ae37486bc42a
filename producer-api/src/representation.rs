//! In which form a contact is answered: JSON, or vCard for those who say so (`Accept`, RFC 9110 section 12.5.1).
//!
//! Whoever asks for neither gets JSON, which that section allows, rather than nothing.

use actix_web::{
    HttpRequest,
    http::header::{Accept, Header, Quality, QualityItem},
    mime::{self, Mime},
};
use shared::domain::ETag;

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Representation {
    /// `application/json`.
    Json,
    /// `text/vcard`, version 4.0.
    VCard,
}

/// How much a client wants a form: its quality, then how exactly it was named.
type Wish = (Quality, u8);

impl Representation {
    /// What a request asks for.
    pub fn wanted(request: &HttpRequest) -> Self {
        let accepted = Accept::parse(request).map(|accept| accept.0).unwrap_or_default();
        let wish = |form: Self| {
            form.wish(&accepted)
                .filter(|(quality, _)| *quality > Quality::ZERO)
        };
        if wish(Self::VCard) > wish(Self::Json) {
            Self::VCard
        } else {
            Self::Json
        }
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

    /// The range that names it most exactly decides.
    fn wish(self, accepted: &[QualityItem<Mime>]) -> Option<Wish> {
        let found = accepted
            .iter()
            .filter_map(|range| Some((self.exactness(&range.item)?, range.quality)));
        found.max().map(|(exactness, quality)| (quality, exactness))
    }

    /// How exactly a range names it; `None` if it does not.
    fn exactness(self, range: &Mime) -> Option<u8> {
        let (main, sub) = match self {
            Self::Json => (mime::APPLICATION, mime::JSON.as_str()),
            Self::VCard => (mime::TEXT, "vcard"),
        };
        // Whoever asks for version 3.0 is not served with 4.0.
        let other_version = range
            .get_param("version")
            .is_some_and(|version| self == Self::Json || version != "4.0");
        match (range.type_(), range.subtype()) {
            _ if other_version => None,
            (mime::STAR, mime::STAR) => Some(0),
            (named, mime::STAR) if named == main => Some(1),
            (named, exactly) if named == main && exactly == sub => Some(2),
            _ => None,
        }
    }
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
