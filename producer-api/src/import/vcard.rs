//! vCards 2.1, 3.0 (RFC 2426) and 4.0 (RFC 6350), one after the other, read by `calcard`.
//!
//! They are cut here, by their lines, so that one that cannot be read or is too large does not stop the others.

use std::io::{self, BufRead};

use calcard::{
    Entry, Parser,
    vcard::{VCard, VCardEntry, VCardParameterName, VCardParameterValue, VCardProperty, VCardValue},
};
use shared::http::problem::Fault;

use super::{
    Fields, MAX_CARD_BYTES, Row,
    encoding::Charset,
    invalid_encoding,
    lines::{Line, Lines},
    too_large,
};

/// The rank of what is not preferred.
const NO_PREFERENCE: u32 = 101;

pub(super) struct VCardRows<B> {
    lines: Lines<B>,
    charset: Charset,
    /// Where a card has begun, before the one before it had ended.
    begun: Option<u64>,
}

impl<B: BufRead> VCardRows<B> {
    pub(super) fn new(body: B, charset: Charset) -> Self {
        Self {
            lines: Lines::new(body, MAX_CARD_BYTES),
            charset,
            begun: None,
        }
    }

    /// The next card, or what is in its place.
    pub(super) fn next(&mut self) -> io::Result<Option<Row>> {
        if let Some(begin) = self.begun.take() {
            return self.card(begin).map(Some);
        }
        let mut between = None;
        loop {
            let line = self.lines.read()?;
            let ends = line == Line::End || is(&self.lines.text, b"BEGIN:VCARD");
            if line != Line::End && is(&self.lines.text, b"BEGIN:VCARD") {
                self.begun = Some(self.lines.number);
            }
            if ends {
                return match (between, self.begun) {
                    (Some(line), _) => Ok(Some(Row::refused(line, malformed()))),
                    (None, Some(_)) => self.next(),
                    (None, None) => Ok(None),
                };
            }
            if !self.lines.text.trim_ascii().is_empty() {
                between.get_or_insert(self.lines.number);
            }
        }
    }

    fn card(&mut self, begin: u64) -> io::Result<Row> {
        let mut text = b"BEGIN:VCARD\r\n".to_vec();
        let mut large = false;
        loop {
            let line = self.lines.read()?;
            if line == Line::End {
                return Ok(Row::refused(begin, malformed()));
            }
            if is(&self.lines.text, b"BEGIN:VCARD") {
                self.begun = Some(self.lines.number);
                return Ok(Row::refused(begin, malformed()));
            }
            large |= line == Line::TooLong || text.len() + self.lines.text.len() > MAX_CARD_BYTES;
            if !large {
                text.extend_from_slice(&self.lines.text);
                text.extend_from_slice(b"\r\n");
            }
            if is(&self.lines.text, b"END:VCARD") {
                break;
            }
        }
        if large {
            return Ok(Row::refused(begin, too_large(MAX_CARD_BYTES)));
        }
        let decoded = self.charset.decode(&[text.as_slice()]);
        let Some(text) = decoded.and_then(|mut texts| texts.pop()) else {
            return Ok(Row::refused(begin, invalid_encoding()));
        };
        Ok(match Parser::new(&text).entry() {
            Entry::VCard(card) => Row::of_fields(begin, fields(&card)),
            _ => Row::refused(begin, malformed()),
        })
    }
}

fn is(line: &[u8], what: &[u8]) -> bool {
    line.trim_ascii().eq_ignore_ascii_case(what)
}

fn malformed() -> Fault {
    Fault::new("", "malformed", "must be a vCard from BEGIN:VCARD to END:VCARD")
}

fn fields(card: &VCard) -> Fields {
    let phone = preferred(card, &VCardProperty::Tel);
    Fields {
        name: name(card),
        phone: phone.strip_prefix("tel:").unwrap_or(&phone).to_owned(),
        email: preferred(card, &VCardProperty::Email),
    }
}

/// The formatted name, or what the structured one makes.
fn name(card: &VCard) -> String {
    let formatted = preferred(card, &VCardProperty::Fn);
    if !formatted.is_empty() {
        return formatted;
    }
    let structured = card.entries.iter().find(|entry| entry.name == VCardProperty::N);
    let values = structured
        .map(|entry| entry.values.as_slice())
        .unwrap_or_default();
    let part = |place: usize| values.get(place).map(text).unwrap_or_default();
    // Family, given, additional.
    let parts = [1, 2, 0].map(part);
    let there: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    there.join(" ")
}

/// The value that is preferred, or that of a mobile phone, or the first.
fn preferred(card: &VCard, property: &VCardProperty) -> String {
    let values = card.entries.iter().filter(|entry| entry.name == *property);
    let values = values.filter_map(|entry| {
        let text = entry.values.first().map(text)?;
        (!text.is_empty()).then_some((rank(entry), text))
    });
    let first = values.min_by_key(|(rank, _)| *rank);
    first.map(|(_, text)| text).unwrap_or_default()
}

/// How much it is preferred (1 is most, 0 is vCard 3.0's `TYPE=PREF`), and whether it is not a mobile phone's.
fn rank(entry: &VCardEntry) -> (u32, bool) {
    let says = |word: &str| {
        entry.params.iter().any(|parameter| {
            let value = parameter.value.as_text().unwrap_or_default();
            // vCard 2.1 has the words alone.
            value.eq_ignore_ascii_case(word) || parameter.name.as_str().eq_ignore_ascii_case(word)
        })
    };
    let number = entry.params.iter().find_map(|parameter| match parameter.value {
        VCardParameterValue::Integer(number) if parameter.name == VCardParameterName::Pref => Some(number),
        _ => None,
    });
    let preference = number.unwrap_or(if says("pref") { 0 } else { NO_PREFERENCE });
    (preference, !says("cell"))
}

fn text(value: &VCardValue) -> String {
    match value {
        VCardValue::Text(text) => text.trim().to_owned(),
        VCardValue::Component(parts) => parts.join(" ").trim().to_owned(),
        _ => String::new(),
    }
}
