//! The state of one contact as far as `merge` is concerned: its life, and for each field who set it last.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

use super::{
    email::Email,
    ids::{CommandId, ContactId},
    name::Name,
    phone::Phone,
    stamp::Stamp,
};

/// Who set a field: commands are ordered by (stamp, command id).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// The stamp that the field was set with.
    pub stamp: Stamp,
    /// The command that set it.
    pub command: CommandId,
}

/// A field and who set it last. `set_by` is `None` while nobody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot<T> {
    /// The value; `None` is empty.
    pub value: Option<T>,
    /// The last command that decided this field.
    pub set_by: Option<Mark>,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self {
            value: None,
            set_by: None,
        }
    }
}

impl<T> Slot<T> {
    /// Sets the field if the mark is greater than the last one; says whether it was.
    pub(super) fn set(&mut self, value: Option<T>, mark: Mark) -> bool {
        let younger = self.set_by.is_none_or(|last| mark > last);
        if younger {
            *self = Self {
                value,
                set_by: Some(mark),
            };
        }
        younger
    }
}

/// Where a contact is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// An update arrived before the create: kept, not shown.
    Unborn,
    /// Created, by this command.
    Born(CommandId),
    /// Deleted for good: a tombstone without personal data.
    Deleted,
}

/// One contact: the input and output of [`merge`](super::merge()).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactState {
    /// Which contact.
    pub id: ContactId,
    /// Unborn, born or deleted.
    pub life: Life,
    /// The name.
    pub name: Slot<Name>,
    /// The telephone number.
    pub phone: Slot<Phone>,
    /// The e-mail address.
    pub email: Slot<Email>,
}

impl ContactState {
    /// A contact of which nothing is known yet.
    pub(super) fn unborn(id: ContactId) -> Self {
        Self {
            id,
            life: Life::Unborn,
            name: Slot::default(),
            phone: Slot::default(),
            email: Slot::default(),
        }
    }

    /// What remains of a deleted contact.
    pub(super) fn tombstone(id: ContactId) -> Self {
        Self {
            life: Life::Deleted,
            ..Self::unborn(id)
        }
    }

    /// The greatest stamp of any field; [`Stamp::ZERO`] if no field was set.
    pub fn newest_stamp(&self) -> Stamp {
        self.marks()
            .into_iter()
            .flatten()
            .map(|mark| mark.stamp)
            .max()
            .unwrap_or(Stamp::ZERO)
    }

    /// The entity tag (RFC 9110 section 8.8.3, strong): a hash over the (stamp, id) of every field.
    pub fn etag(&self) -> ETag {
        let mut hash = Sha256::new();
        for mark in self.marks() {
            hash.update(mark.map_or(-1, |mark| mark.stamp.to_i64()).to_be_bytes());
            hash.update(mark.map_or([0; 16], |mark| *mark.command.as_uuid().as_bytes()));
        }
        let digest = hash.finalize();
        ETag(u128::from_be_bytes(
            digest[..16].try_into().expect("SHA-256 has 32 bytes"),
        ))
    }

    fn marks(&self) -> [Option<Mark>; 3] {
        [self.name.set_by, self.phone.set_by, self.email.set_by]
    }
}

/// The entity tag of a contact: 32 hexadecimal digits, without quotation marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ETag(u128);

/// The text is not 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 32 lower-case hexadecimal digits")]
pub struct ETagError;

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for ETag {
    type Err = ETagError;

    fn from_str(text: &str) -> Result<Self, ETagError> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() != 32 || !digits {
            return Err(ETagError);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| ETagError)
    }
}
