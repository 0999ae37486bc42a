//! `If-Match` and `If-None-Match` (RFC 9110 sections 13.1.1 and 13.1.2).
//!
//! `If-Match` is only read here; the worker decides it. `If-None-Match` decides whether a GET answers 304.

use actix_web::http::header::{self, HeaderMap};
use shared::domain::{ETag, IfMatch};

use shared::http::{lists, problem::Problem};

use crate::representation::Representation;

/// The longest `If-Match`, in characters: ours are far shorter.
pub const IF_MATCH_MAX_CHARS: usize = 2048;

/// The entity tag that no contact has: what a tag is read as that is well-formed but cannot be one of ours.
const NO_CONTACTS_TAG: &str = "00000000000000000000000000000000";

/// `If-Match` as it was received, if it was: its lines with `, ` between.
pub fn if_match_as_received(headers: &HeaderMap) -> Option<String> {
    let lines: Vec<_> = headers
        .get_all(header::IF_MATCH)
        .map(|line| String::from_utf8_lossy(line.as_bytes()))
        .collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

/// Reads `If-Match`.
///
/// # Errors
/// `malformed-request` if it is neither `*` nor a list of 1 to [`IfMatch::MAX_TAGS`] entity tags of at most
/// [`IF_MATCH_MAX_CHARS`] in all: whoever sends an empty one meant a condition, and must not change what others wrote.
pub fn if_match(text: &str) -> Result<IfMatch, Problem> {
    parse(text).ok_or_else(|| {
        Problem::malformed(format!(
            "If-Match must be * or a list of at most {} quoted entity tags, {IF_MATCH_MAX_CHARS} characters in all.",
            IfMatch::MAX_TAGS
        ))
    })
}

fn parse(text: &str) -> Option<IfMatch> {
    if text.len() > IF_MATCH_MAX_CHARS {
        return None;
    }
    if text.trim() == "*" {
        return Some(IfMatch::Any);
    }
    let tags: Option<Vec<_>> = lists::split(text, ',').map(strong_tag).collect();
    tags.filter(|tags| (1..=IfMatch::MAX_TAGS).contains(&tags.len()))
        .map(IfMatch::Tags)
}

/// A weak tag never matches in a strong comparison; it is read, and matches nothing.
fn strong_tag(element: &str) -> Option<ETag> {
    let (weak, opaque) = entity_tag(element)?;
    let ours = opaque
        .strip_suffix(Representation::VCARD_SUFFIX)
        .unwrap_or(opaque);
    match ours.parse() {
        Ok(tag) if !weak => Some(tag),
        _ => NO_CONTACTS_TAG.parse().ok(),
    }
}

/// Whether an entity tag is weak, and what stands between its quotation marks.
fn entity_tag(element: &str) -> Option<(bool, &str)> {
    let (weak, rest) = match element.strip_prefix("W/") {
        Some(rest) => (true, rest),
        None => (false, element),
    };
    let opaque = rest.strip_prefix('"')?.strip_suffix('"')?;
    let etagc = |c: char| !c.is_ascii_control() && c != '"' && c != ' ';
    opaque.chars().all(etagc).then_some((weak, opaque))
}

/// Whether `If-None-Match` names this value of `ETag`, so that a GET answers 304. What cannot be read names nothing.
pub fn none_match_names(headers: &HeaderMap, etag: &str) -> bool {
    let tag = entity_tag(etag).map(|(_, opaque)| opaque);
    headers
        .get_all(header::IF_NONE_MATCH)
        .filter_map(|line| line.to_str().ok())
        .any(|line| {
            line.trim() == "*"
                || lists::split(line, ',')
                    .filter_map(entity_tag)
                    .any(|(_, opaque)| Some(opaque) == tag)
        })
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const TAG: &str = "0123456789abcdef0123456789abcdef";

    fn tag() -> ETag {
        TAG.parse().unwrap()
    }

    #[test]
    fn conditions_are_read_in_every_form() {
        assert_eq!(parse("*"), Some(IfMatch::Any));
        for text in [format!("\"{TAG}\""), format!(" \"{TAG}-v\" ,")] {
            assert_eq!(parse(&text), Some(IfMatch::Tags(vec![tag()])), "{text}");
        }
        let two = parse(&format!("\"{TAG}\", \"{TAG}-v\""));
        assert_eq!(two, Some(IfMatch::Tags(vec![tag(), tag()])));
    }

    #[test]
    fn tags_that_cannot_be_ours_match_nothing() {
        let nothing = Some(IfMatch::Tags(vec![NO_CONTACTS_TAG.parse().unwrap()]));
        for text in [format!("W/\"{TAG}\""), "\"abc\"".to_owned(), "\"\"".to_owned()] {
            assert_eq!(parse(&text), nothing, "{text}");
        }
    }

    #[test]
    fn what_is_no_list_of_tags_is_refused() {
        let many = vec![format!("\"{TAG}\""); IfMatch::MAX_TAGS + 1].join(",");
        for text in [TAG, "*, \"a\"", "\"a", "a\"", "\"a b\"", ",", "w/\"a\"", &many] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn none_match_compares_weakly_and_knows_the_star() {
        let names = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_str(text).unwrap());
            none_match_names(&headers, &format!("\"{TAG}\""))
        };
        assert!(names("*"));
        assert!(names(&format!("\"x\", W/\"{TAG}\"")));
        assert!(!names(&format!("\"{TAG}-v\"")));
        assert!(!names(TAG));
    }

    proptest! {
        #[test]
        fn lists_of_tags_read_back(tags in proptest::collection::vec("[0-9a-f]{32}", 1..=IfMatch::MAX_TAGS)) {
            let text: Vec<_> = tags.iter().map(|tag| format!("\"{tag}\"")).collect();
            let expected = tags.iter().map(|tag| tag.parse().unwrap()).collect();
            prop_assert_eq!(parse(&text.join(" , ")), Some(IfMatch::Tags(expected)));
        }

        #[test]
        fn anything_is_read_or_refused(text in "\\PC{0,200}") {
            if let Some(IfMatch::Tags(tags)) = parse(&text) {
                prop_assert!((1..=IfMatch::MAX_TAGS).contains(&tags.len()));
            }
        }
    }
}
