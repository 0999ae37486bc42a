//! Which of the media types that an answer may have a client wants (`Accept`, RFC 9110 section 12.5.1).
//!
//! Whoever asks for none of them gets the first, which that section allows, rather than nothing.

use actix_web::{
    HttpRequest,
    http::header::{Accept, Header, Quality, QualityItem},
    mime::{self, Mime},
};

/// A media type that can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Such as `text`.
    pub main: mime::Name<'static>,
    /// Such as `csv`.
    pub sub: &'static str,
    /// The value of the parameter `version`, of which no other is served.
    pub version: Option<&'static str>,
}

/// How much a client wants a media type: its quality, then how exactly it was named.
type Wish = (Quality, u8);

/// The one of some offers that a request wants most; the first of those that it wants alike.
pub fn wanted<T: Copy>(request: &HttpRequest, first: T, others: &[T], offer: impl Fn(T) -> Offer) -> T {
    let accepted = Accept::parse(request).map(|accept| accept.0).unwrap_or_default();
    let wish = |one: T| {
        offer(one)
            .wish(&accepted)
            .filter(|(quality, _)| *quality > Quality::ZERO)
    };
    others.iter().fold(
        first,
        |best, other| {
            if wish(*other) > wish(best) { *other } else { best }
        },
    )
}

impl Offer {
    /// The range that names it most exactly decides.
    fn wish(self, accepted: &[QualityItem<Mime>]) -> Option<Wish> {
        let found = accepted
            .iter()
            .filter_map(|range| Some((self.exactness(&range.item)?, range.quality)));
        found.max().map(|(exactness, quality)| (quality, exactness))
    }

    /// How exactly a range names it; `None` if it does not.
    fn exactness(self, range: &Mime) -> Option<u8> {
        // Whoever asks for version 3.0 is not served with 4.0.
        let other_version = range
            .get_param("version")
            .is_some_and(|version| self.version.is_none_or(|ours| version != ours));
        match (range.type_(), range.subtype()) {
            _ if other_version => None,
            (mime::STAR, mime::STAR) => Some(0),
            (named, mime::STAR) if named == self.main => Some(1),
            (named, exactly) if named == self.main && exactly == self.sub => Some(2),
            _ => None,
        }
    }
}
