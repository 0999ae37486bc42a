//! Ids that prove themselves: UUIDs of version 8 (RFC 9562 section 5.8) that end in a 32-bit tag, a truncated
//! HMAC-SHA-256 (RFC 2104) over the kind of id and its 90 free bits.
//!
//! The first free bit says which form follows: `0`, 48-bit milliseconds and a 41-bit count, so that ids sort
//! by time; `1`, 89 bits of a hash of what the client sent with its `Idempotency-Key`. A tag says "issued by
//! contato" without a look into any table. It authorises nothing.

use std::{fmt, marker::PhantomData, ops::RangeInclusive, str::FromStr, sync::Mutex, time::Duration};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What an id names. Part of the tag, so that a contact's id never passes for a command's.
pub trait Kind: 'static {
    /// The word that goes into the tag.
    const WORD: &'static str;
}

/// The kind of [`CommandId`].
pub enum CommandKind {}
impl Kind for CommandKind {
    const WORD: &'static str = "command";
}

/// The kind of [`ContactId`].
pub enum ContactKind {}
impl Kind for ContactKind {
    const WORD: &'static str = "contact";
}

/// The kind of [`ImportId`].
pub enum ImportKind {}
impl Kind for ImportKind {
    const WORD: &'static str = "import";
}

/// The id of one command.
pub type CommandId = Id<CommandKind>;
/// The id of one contact.
pub type ContactId = Id<ContactKind>;
/// The id of one import.
pub type ImportId = Id<ImportKind>;

/// A UUID of one kind. Any UUID can be one; [`IdKey::proves`] says whether contato issued it.
pub struct Id<K>(Uuid, PhantomData<fn() -> K>);

/// The text is not a UUID in its hyphenated form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a UUID of the form 00000000-0000-0000-0000-000000000000")]
pub struct IdError;

const FREE_BITS: u32 = 90;
const KEYED_BIT: u128 = 1 << (FREE_BITS - 1);
const COUNT_BITS: u32 = 41;
const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;
const MS_MAX: u64 = (1 << 48) - 1;
const ROW_BITS: u32 = 20;
/// The most rows of an import, as many as a sheet of Excel holds.
pub const MAX_IMPORT_ROWS: u32 = 1 << ROW_BITS;

impl<K: Kind> Id<K> {
    /// Takes any UUID.
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }

    /// The UUID.
    pub fn as_uuid(&self) -> Uuid {
        self.0
    }

    /// When the id was issued, in milliseconds since the Unix epoch; `None` for an id made from a key.
    /// Means something only for an id that [`IdKey::proves`].
    pub fn issued_at_ms(&self) -> Option<u64> {
        let free = self.free();
        (free & KEYED_BIT == 0).then_some((free >> COUNT_BITS) as u64)
    }

    fn assemble(free: u128, tag: u32) -> Self {
        let high = free >> 42; // 48 bits
        let middle = (free >> 30) & 0xfff; // 12 bits
        let low = free & 0x3fff_ffff; // 30 bits
        let bits = (high << 80) | (0x8 << 76) | (middle << 64) | (0b10 << 62) | (low << 32) | u128::from(tag);
        Self::from_uuid(Uuid::from_u128(bits))
    }

    fn free(&self) -> u128 {
        let bits = self.0.as_u128();
        ((bits >> 80) << 42) | (((bits >> 64) & 0xfff) << 30) | ((bits >> 32) & 0x3fff_ffff)
    }

    fn tag(&self) -> u32 {
        self.0.as_u128() as u32
    }

    fn is_version_8(&self) -> bool {
        let bits = self.0.as_u128();
        (bits >> 76) & 0xf == 0x8 && (bits >> 62) & 0b11 == 0b10
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> std::hash::Hash for Id<K> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl<K: Kind> FromStr for Id<K> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.len() != 36 {
            return Err(IdError);
        }
        Uuid::try_parse(text).map(Self::from_uuid).map_err(|_| IdError)
    }
}

/// 128 bits that stand for (principal, idempotency key) without telling either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash([u8; 16]);

/// 128 bits that stand for one request without telling what was in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestHash([u8; 16]);

macro_rules! hash_type {
    ($name:ident) => {
        impl $name {
            /// The 16 bytes.
            pub fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// The hash of 16 bytes; `None` for another length.
            pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", u128::from_be_bytes(self.0))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                if text.len() != 32 || !digits {
                    return Err(IdError);
                }
                u128::from_str_radix(text, 16).map(|bits| Self(bits.to_be_bytes())).map_err(|_| IdError)
            }
        }
    };
}
hash_type!(KeyHash);
hash_type!(RequestHash);

/// The secret behind the tags (`ids.key`): at least [`IdKey::MIN_BYTES`] bytes, set once, shared by all replicas.
#[derive(Clone)]
pub struct IdKey(Hmac<Sha256>);

/// What a command is of which nothing is recorded. Its id tells: one with our tag was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unrecorded {
    /// Never issued.
    Unknown,
    /// Older than outcomes are kept.
    Forgotten,
    /// Issued, without an outcome yet.
    Pending,
}

/// The secret is too short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have at least {} bytes", IdKey::MIN_BYTES)]
pub struct IdKeyError;

impl IdKey {
    /// The shortest secret, in bytes.
    pub const MIN_BYTES: usize = 32;

    /// Takes the secret.
    ///
    /// # Errors
    /// If it is shorter than [`IdKey::MIN_BYTES`].
    pub fn new(secret: &[u8]) -> Result<Self, IdKeyError> {
        if secret.len() < Self::MIN_BYTES {
            return Err(IdKeyError);
        }
        Hmac::new_from_slice(secret).map(Self).map_err(|_| IdKeyError)
    }

    /// Whether the id was issued under this key.
    pub fn proves<K: Kind>(&self, id: Id<K>) -> bool {
        id.is_version_8() && self.tag::<K>(id.free()) == id.tag()
    }

    /// What a command is of which nothing is recorded, at a time; outcomes are kept for `kept`.
    pub fn unrecorded(&self, id: CommandId, now_ms: u64, kept: Duration) -> Unrecorded {
        if !self.proves(id) {
            return Unrecorded::Unknown;
        }
        // An id made from a key does not say when.
        let age_ms = id
            .issued_at_ms()
            .map_or(0, |issued| now_ms.saturating_sub(issued));
        if u128::from(age_ms) > kept.as_millis() {
            Unrecorded::Forgotten
        } else {
            Unrecorded::Pending
        }
    }

    /// The hash of a principal and its idempotency key.
    pub fn key_hash(&self, principal: &str, key: &str) -> KeyHash {
        KeyHash(self.digest("idempotency-key", &[principal.as_bytes(), key.as_bytes()]))
    }

    /// The hash of one request: everything that decides its effect, as received.
    pub fn request_hash(
        &self,
        principal: &str,
        method: &str,
        path: &str,
        if_match: &str,
        body: &[u8],
    ) -> RequestHash {
        let parts = [
            principal.as_bytes(),
            method.as_bytes(),
            path.as_bytes(),
            if_match.as_bytes(),
            body,
        ];
        RequestHash(self.digest("request", &parts))
    }

    /// The command id of a request that carried an idempotency key: the same for the same request.
    pub fn keyed_command_id(&self, key: KeyHash, request: RequestHash) -> CommandId {
        self.seal(keyed_bits(&[b"command", &key.0, &request.0]))
    }

    /// The contact id of a `create` that carried an idempotency key: the same for the same key.
    pub fn keyed_contact_id(&self, key: KeyHash) -> ContactId {
        self.seal(keyed_contact_bits(key))
    }

    /// The import id of a request that carried an idempotency key: the same for the same key.
    pub fn keyed_import_id(&self, key: KeyHash) -> ImportId {
        self.seal(keyed_bits(&[b"import", &key.0]))
    }

    /// The ids of the command that a row of an import becomes, and of its contact. `row` counts from 0 and is below
    /// [`MAX_IMPORT_ROWS`].
    pub fn row_ids(&self, import: ImportId, row: u32) -> IssuedIds {
        let free = row_bits(import) | u128::from(row % MAX_IMPORT_ROWS);
        IssuedIds {
            command: self.seal(free),
            contact: self.seal(free),
        }
    }

    fn seal<K: Kind>(&self, free: u128) -> Id<K> {
        Id::assemble(free, self.tag::<K>(free))
    }

    fn tag<K: Kind>(&self, free: u128) -> u32 {
        let mac = self.digest(K::WORD, &[&free.to_be_bytes()]);
        u32::from_be_bytes([mac[0], mac[1], mac[2], mac[3]])
    }

    /// A key of 256 bits for another purpose, which the word names. Tells nothing of this one.
    pub fn derived_key(&self, purpose: &str) -> [u8; 32] {
        self.mac("derived-key", &[purpose.as_bytes()])
    }

    /// [`mac`](Self::mac), cut to 128 bits.
    fn digest(&self, word: &str, parts: &[&[u8]]) -> [u8; 16] {
        let full = self.mac(word, parts);
        full[..16].try_into().expect("SHA-256 has 32 bytes")
    }

    /// HMAC over a domain word and length-prefixed parts.
    fn mac(&self, word: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(&(word.len() as u64).to_be_bytes());
        mac.update(word.as_bytes());
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for IdKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdKey(..)")
    }
}

fn keyed_contact_bits(key: KeyHash) -> u128 {
    keyed_bits(&[b"contact", &key.0])
}

/// The free bits of an import's first row: behind the bit that says "keyed", 69 bits of a hash of the import's id. The
/// number of the row stands in the rest, so that the commands of an import are neighbours.
fn row_bits(import: ImportId) -> u128 {
    let bits = keyed_bits(&[b"import-row", import.0.as_bytes()]);
    bits & !u128::from(MAX_IMPORT_ROWS - 1)
}

/// The ids among which all commands of an import are, and no others.
pub fn import_commands(import: ImportId) -> RangeInclusive<CommandId> {
    let first = row_bits(import);
    let last = first | u128::from(MAX_IMPORT_ROWS - 1);
    Id::assemble(first, 0)..=Id::assemble(last, u32::MAX)
}

/// 89 bits of a hash behind the bit that says so. Only over values that are themselves keyed hashes, so that a
/// consumer can check how ids belong together without the secret, also after the secret was replaced.
fn keyed_bits(parts: &[&[u8]]) -> u128 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let bits = u128::from_be_bytes(digest[..16].try_into().expect("SHA-256 has 32 bytes"));
    (bits >> (128 - (FREE_BITS - 1))) | KEYED_BIT
}

/// Whether a `create` of this command id may make this contact: the free bits of a timed id are the contact's
/// too, those of a keyed one follow from the key's hash. Needs no secret.
pub(super) fn create_belongs(command: CommandId, contact: ContactId, key: Option<KeyHash>) -> bool {
    contact.is_version_8()
        && match key {
            None => contact.free() == command.free(),
            Some(key) => contact.free() == keyed_contact_bits(key),
        }
}

/// The ids of a new command; `contact` is the contact's if the command is a `create`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssuedIds {
    /// The command.
    pub command: CommandId,
    /// The contact that a `create` makes.
    pub contact: ContactId,
}

/// One process's source of timed ids.
#[derive(Debug)]
pub struct IdIssuer {
    key: IdKey,
    last: Mutex<(u64, u64)>,
}

impl IdIssuer {
    /// A source of ids under a key.
    pub fn new(key: IdKey) -> Self {
        Self {
            key,
            last: Mutex::new((0, 0)),
        }
    }

    /// The key.
    pub fn key(&self) -> &IdKey {
        &self.key
    }

    /// New ids. `now_ms` is the time in milliseconds since the Unix epoch; `random` starts the count of a
    /// millisecond that has none yet. Ids of one issuer grow, also when the clock stands or goes back.
    pub fn issue(&self, now_ms: u64, random: u64) -> IssuedIds {
        let free = self.next_free(now_ms, random);
        IssuedIds {
            command: self.key.seal(free),
            contact: self.key.seal(free),
        }
    }

    /// A new id of an import, as [`issue`](Self::issue) makes them.
    pub fn issue_import(&self, now_ms: u64, random: u64) -> ImportId {
        self.key.seal(self.next_free(now_ms, random))
    }

    fn next_free(&self, now_ms: u64, random: u64) -> u128 {
        let mut last = self
            .last
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *last = match *last {
            (ms, _) if now_ms > ms => (now_ms & MS_MAX, random & (COUNT_MAX >> 1)),
            (ms, COUNT_MAX) => (ms + 1, random & (COUNT_MAX >> 1)),
            (ms, count) => (ms, count + 1),
        };
        let (ms, count) = *last;
        (u128::from(ms) << COUNT_BITS) | u128::from(count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> IdKey {
        IdKey::new(&[7; 32]).unwrap()
    }

    #[test]
    fn an_id_says_what_a_command_without_a_record_is() {
        let key = IdKey::new(&[7; 32]).unwrap();
        let kept = Duration::from_secs(10);
        let issued = IdIssuer::new(key.clone()).issue(1_000, 0).command;
        let keyed = key.keyed_command_id(key.key_hash("", "a"), RequestHash::from_bytes(&[0; 16]).unwrap());
        let foreign = CommandId::from_uuid(Uuid::nil());
        for (id, now_ms, expected) in [
            (issued, 0, Unrecorded::Pending),
            (issued, 11_000, Unrecorded::Pending),
            (issued, 11_001, Unrecorded::Forgotten),
            (keyed, u64::MAX, Unrecorded::Pending),
            (foreign, 1_000, Unrecorded::Unknown),
        ] {
            assert_eq!(key.unrecorded(id, now_ms, kept), expected, "{id} at {now_ms}");
        }
    }

    #[test]
    fn short_secrets_are_refused() {
        assert!(IdKey::new(&[7; 31]).is_err());
    }

    #[test]
    fn ids_grow_and_tell_their_time() {
        let issuer = IdIssuer::new(key());
        let ids: Vec<_> = [5, 5, 4, 6].map(|ms| issuer.issue(ms, u64::MAX).command).into();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
        assert_eq!(
            ids.iter()
                .map(|id| id.issued_at_ms().unwrap())
                .collect::<Vec<_>>(),
            [5, 5, 5, 6]
        );
    }

    #[test]
    fn a_contact_id_does_not_pass_for_a_command_id() {
        let ids = IdIssuer::new(key()).issue(1, 2);
        assert!(key().proves(ids.command) && key().proves(ids.contact));
        assert!(!key().proves(CommandId::from_uuid(ids.contact.as_uuid())));
        assert!(!IdKey::new(&[8; 32]).unwrap().proves(ids.command));
    }

    #[test]
    fn one_key_one_contact_and_one_command_for_each_request() {
        let (a, b) = (key().key_hash("p", "a"), key().key_hash("p", "b"));
        let request = |body: &str| key().request_hash("p", "POST", "/v1/contacts", "", body.as_bytes());
        assert_eq!(
            key().keyed_command_id(a, request("1")),
            key().keyed_command_id(a, request("1"))
        );
        assert_ne!(
            key().keyed_command_id(a, request("1")),
            key().keyed_command_id(a, request("2"))
        );
        assert_ne!(key().keyed_contact_id(a), key().keyed_contact_id(b));
        assert_eq!(key().keyed_contact_id(a).issued_at_ms(), None);
        assert!(key().proves(key().keyed_contact_id(a)));
        // Parts are length-prefixed: moving a character from one to the next is another hash.
        assert_ne!(key().key_hash("pa", ""), a);
    }

    #[test]
    fn a_create_belongs_to_its_contact_whatever_the_secret() {
        let ids = IdIssuer::new(key()).issue(1, 2);
        let other = IdIssuer::new(IdKey::new(&[9; 32]).unwrap()).issue(3, 4);
        assert!(create_belongs(ids.command, ids.contact, None));
        assert!(!create_belongs(ids.command, other.contact, None));
        let hash = key().key_hash("p", "a");
        assert!(create_belongs(
            ids.command,
            key().keyed_contact_id(hash),
            Some(hash)
        ));
        assert!(!create_belongs(ids.command, ids.contact, Some(hash)));
    }

    #[test]
    fn an_import_has_its_own_ids_under_a_key() {
        let (a, b) = (key().key_hash("p", "a"), key().key_hash("p", "b"));
        assert_eq!(key().keyed_import_id(a), key().keyed_import_id(a));
        assert_ne!(key().keyed_import_id(a), key().keyed_import_id(b));
        assert_ne!(key().keyed_import_id(a).free(), key().keyed_contact_id(a).free());
        let issuer = IdIssuer::new(key());
        let (first, second) = (issuer.issue_import(5, 7), issuer.issue_import(5, 7));
        assert!(first < second && key().proves(first) && first.issued_at_ms() == Some(5));
        assert!(!key().proves(CommandId::from_uuid(first.as_uuid())));
    }

    proptest! {
        #[test]
        fn rows_are_neighbours_in_order_and_make_their_own_contacts(
            one: u128, other: u128, row in 0..MAX_IMPORT_ROWS - 1,
        ) {
            prop_assume!(one != other);
            let (one, other) = (ImportId::from_uuid(Uuid::from_u128(one)), ImportId::from_uuid(Uuid::from_u128(other)));
            let (ids, next) = (key().row_ids(one, row), key().row_ids(one, row + 1));
            prop_assert!(key().proves(ids.command) && key().proves(ids.contact));
            prop_assert!(create_belongs(ids.command, ids.contact, None));
            prop_assert!(!create_belongs(ids.command, next.contact, None));
            prop_assert!(ids.command < next.command && ids.command.issued_at_ms().is_none());
            prop_assert!(import_commands(one).contains(&ids.command));
            prop_assert!(import_commands(one).contains(&key().row_ids(one, MAX_IMPORT_ROWS - 1).command));
            prop_assert!(!import_commands(other).contains(&ids.command));
        }

        #[test]
        fn free_bits_survive_and_any_flipped_bit_is_noticed(ms in 0..MS_MAX, random: u64, bit in 0..128u32) {
            let id = IdIssuer::new(key()).issue(ms.max(1), random).command;
            prop_assert_eq!(id.to_string().parse::<CommandId>(), Ok(id));
            prop_assert_eq!(id.as_uuid().get_version_num(), 8);
            prop_assert!(key().proves(id));
            let flipped = CommandId::from_uuid(Uuid::from_u128(id.as_uuid().as_u128() ^ (1 << bit)));
            prop_assert!(!key().proves(flipped));
        }

        #[test]
        fn hashes_read_back(bytes: [u8; 16]) {
            let hash = KeyHash(bytes);
            prop_assert_eq!(hash.to_string().parse::<KeyHash>(), Ok(hash));
        }
    }
}
