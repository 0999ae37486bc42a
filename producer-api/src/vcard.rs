//! Contacts as vCards 4.0 (RFC 6350): for address books.
//!
//! Nothing that vCard has no place for is put into an extension: the area code and the state are in the number.

use actix_web::mime;
use calcard::vcard::{
    VCard, VCardEntry, VCardParameter, VCardProperty, VCardValue, VCardValueType, VCardVersion,
};
use shared::store::contacts::Contact;

use crate::media::Offer;

/// The media type of vCards.
pub const TEXT_VCARD: &str = "text/vcard; charset=utf-8";

/// What asks for them.
pub const OFFER: Offer = Offer {
    main: mime::TEXT,
    sub: "vcard",
    version: Some("4.0"),
};

const PRODUCT: &str = concat!("-//contato//contato ", env!("CARGO_PKG_VERSION"), "//EN");

/// The vCards of these contacts, one after the other. A tombstone has none.
pub fn vcards<'a>(contacts: impl IntoIterator<Item = &'a Contact>) -> String {
    let mut text = String::new();
    for contact in contacts
        .into_iter()
        .filter(|contact| contact.deleted_at.is_none())
    {
        vcard(contact)
            .write_to(&mut text, VCardVersion::V4_0)
            .expect("writing to a string does not fail");
    }
    text
}

fn vcard(contact: &Contact) -> VCard {
    let state = &contact.state;
    let text = |property, text: String| VCardEntry::new(property).with_value(text);
    let mut entries = vec![
        text(VCardProperty::Prodid, PRODUCT.to_owned()),
        uri(VCardProperty::Uid, format!("urn:uuid:{}", state.id)),
    ];
    entries.extend(
        state
            .name
            .value
            .as_ref()
            .map(|name| text(VCardProperty::Fn, name.as_str().to_owned())),
    );
    // RFC 3966 takes the digits of E.164 as they are.
    entries.extend(state.phone.value.as_ref().map(|phone| {
        uri(VCardProperty::Tel, format!("tel:{}", phone.as_str()))
            .with_param(VCardParameter::value(VCardValueType::Uri))
    }));
    entries.extend(
        state
            .email
            .value
            .as_ref()
            .map(|email| text(VCardProperty::Email, email.as_str().to_owned())),
    );
    entries.extend(contact.updated_at.map(|time| {
        let stamp = time.format("%Y%m%dT%H%M%SZ").to_string();
        VCardEntry::new(VCardProperty::Rev).with_value(stamp)
    }));
    VCard { entries }
}

fn uri(property: VCardProperty, uri: String) -> VCardEntry {
    VCardEntry::new(property).with_value(VCardValue::Text(uri))
}
