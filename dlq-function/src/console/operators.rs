//! Operators who sign in with a password: their list, and checking what somebody typed.
//!
//! A line is `name:hash` or `name:scope,scope:hash`; the hash is Argon2id (RFC 9106) as a PHC string, which has its parameters and
//! its salt. Passwords follow NIST SP 800-63B-4, section 3.1.1: long rather than odd.
//!
//! **Invariant:** an answer takes as long for a name that nobody has as for one that somebody has, and what is wrong with the
//! list is told by the number of a line.

use std::{fmt, sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use sha2::{Digest, Sha256};
use shared::http::{
    access::{Caller, Scope},
    problem::Problem,
};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;

/// What the principal of an operator begins with; the name follows.
pub(crate) const PRINCIPAL: &str = "operator:";
/// The shortest password, in characters.
pub(crate) const PASSWORD_MIN_CHARS: usize = 12;
/// The longest password that is looked at, in bytes.
const PASSWORD_MAX_BYTES: usize = 1024;
/// The longest name, in characters.
const NAME_MAX_CHARS: usize = 64;
/// What a hash may cost at most: memory in KiB, passes, lanes. More is a mistake, or an attack on this process.
const COST_MAX: [u32; 3] = [1024 * 1024, 64, 64];
/// How many passwords are looked at at once: each takes memory and a processor.
const AT_ONCE: usize = 2;
/// How long one waits for that.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// What a new hash costs: 19 MiB, two passes, one lane (OWASP Password Storage Cheat Sheet).
fn argon2id() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default())
}

struct Operator {
    name: String,
    scopes: Vec<Scope>,
    hash: PasswordHash,
    /// What follows from the line, and is another for another.
    mark: String,
}

/// Those who may sign in with a password.
#[derive(Clone)]
pub(crate) struct Operators {
    /// At least one.
    list: Arc<[Operator]>,
    at_once: Arc<Semaphore>,
}

impl fmt::Debug for Operators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Operators({})", self.list.len())
    }
}

/// What is wrong with a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ListError {
    #[error("has no operator")]
    Empty,
    #[error("line {0} is not name:hash or name:scope,scope:hash, as `dlq-function operator` prints it")]
    Malformed(usize),
    #[error("line {0} has a scope that is not known")]
    Scope(usize),
    #[error(
        "line {0} has a hash that is not Argon2id, version 19, at a bounded cost; make one with `dlq-function operator`"
    )]
    Hash(usize),
    #[error("line {0} has the name of another line")]
    Twice(usize),
}

impl Operators {
    /// Reads a list: one a line, or with `;` between. Lines with nothing, or a comment (`#`), count for their numbers only.
    ///
    /// # Errors
    /// If anything in it is not understood.
    pub(crate) fn parse(text: &str) -> Result<Self, ListError> {
        let mut list: Vec<Operator> = Vec::new();
        for (at, line) in text.split(['\n', ';']).enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let operator = Operator::parse(line, at + 1)?;
            if list.iter().any(|known| known.name == operator.name) {
                return Err(ListError::Twice(at + 1));
            }
            list.push(operator);
        }
        if list.is_empty() {
            return Err(ListError::Empty);
        }
        Ok(Self {
            list: list.into(),
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
        })
    }

    /// What a session of somebody has to have been begun with, to be theirs still: another line, with another password or other
    /// scopes, has another. `None` if nobody on the list is called so.
    pub(crate) fn mark(&self, principal: &str) -> Option<&str> {
        let name = principal.strip_prefix(PRINCIPAL)?;
        let operator = self.list.iter().find(|operator| operator.name == name)?;
        Some(&operator.mark)
    }

    /// Who has this name and this password; `None` if nobody. To be asked on the process's runtime.
    ///
    /// # Errors
    /// If too many are asked at once.
    pub(crate) async fn who(&self, name: String, password: String) -> Result<Option<Caller>, Problem> {
        let waiting = tokio::time::timeout(WAIT_MAX, self.at_once.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = waiting else {
            return Err(Problem::overloaded());
        };
        let list = self.list.clone();
        let check = move || {
            let _permit = permit;
            check(&list, &name, &password)
        };
        match tokio::task::spawn_blocking(check).await {
            Ok(caller) => Ok(caller),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

fn check(list: &[Operator], name: &str, password: &str) -> Option<Caller> {
    let found = list.iter().find(|operator| operator.name == name);
    // A name that nobody has costs what another does.
    let operator = found.or_else(|| list.first())?;
    let password = normalised(password);
    let fits = password.len() <= PASSWORD_MAX_BYTES;
    let password = if fits { password.as_str() } else { "" };
    let holds = argon2id()
        .verify_password(password.as_bytes(), &operator.hash)
        .is_ok();
    (holds && fits && found.is_some()).then(|| {
        let principal = format!("{PRINCIPAL}{}", operator.name);
        Caller::signed_in(&principal, operator.scopes.iter().copied())
    })
}

impl Operator {
    fn parse(line: &str, number: usize) -> Result<Self, ListError> {
        let parts: Vec<_> = line.split(':').map(str::trim).collect();
        let (name, scopes, hash) = match parts.as_slice() {
            [name, hash] => (*name, None, *hash),
            [name, scopes, hash] => (*name, Some(*scopes), *hash),
            _ => return Err(ListError::Malformed(number)),
        };
        if !is_name(name) {
            return Err(ListError::Malformed(number));
        }
        let scopes: Option<Vec<_>> = match scopes {
            None => Some(Scope::ALL.to_vec()),
            Some(words) => words
                .split(',')
                .map(|word| Scope::from_word(word.trim()))
                .collect(),
        };
        Ok(Self {
            name: name.to_owned(),
            scopes: scopes.ok_or(ListError::Scope(number))?,
            hash: hash_of(hash).ok_or(ListError::Hash(number))?,
            mark: mark_of(line),
        })
    }
}

/// It tells nothing of the line to whoever does not have it: the salt is in there, too.
fn mark_of(line: &str) -> String {
    let digest = Sha256::digest(line.as_bytes());
    digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash_of(text: &str) -> Option<PasswordHash> {
    let hash = PasswordHash::new(text).ok()?;
    let whole = hash.salt.is_some() && hash.hash.is_some();
    let kind = hash.algorithm == Algorithm::Argon2id.ident() && hash.version == Some(Version::V0x13.into());
    let params = Params::try_from(&hash).ok()?;
    let cost = [params.m_cost(), params.t_cost(), params.p_cost()];
    let bounded = cost.iter().zip(COST_MAX).all(|(cost, most)| *cost <= most);
    (whole && kind && bounded).then_some(hash)
}

/// Whether somebody may be called so.
pub(crate) fn is_name(text: &str) -> bool {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte);
    (1..=NAME_MAX_CHARS).contains(&text.len()) && text.bytes().all(usual)
}

/// However a keyboard puts characters together, it is the same password.
fn normalised(password: &str) -> String {
    password.nfkc().collect()
}

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotTaken {
    #[error("a password has at least {PASSWORD_MIN_CHARS} characters; several words are good")]
    Short,
    #[error("a password has at most {PASSWORD_MAX_BYTES} bytes")]
    Long,
    #[error("the password cannot be hashed")]
    Hash,
}

/// The line of an operator; no scopes for all.
///
/// # Errors
/// If the password is too short or too long.
pub(crate) fn line(name: &str, scopes: &[Scope], password: &str) -> Result<String, NotTaken> {
    let password = normalised(password);
    if password.chars().count() < PASSWORD_MIN_CHARS {
        return Err(NotTaken::Short);
    }
    if password.len() > PASSWORD_MAX_BYTES {
        return Err(NotTaken::Long);
    }
    let hash: PasswordHash = argon2id()
        .hash_password(password.as_bytes())
        .map_err(|_| NotTaken::Hash)?;
    let words: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
    Ok(match words.is_empty() {
        true => format!("{name}:{hash}"),
        false => format!("{name}:{}:{hash}", words.join(",")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "correct horse battery";

    #[tokio::test]
    async fn somebody_is_known_by_name_and_password_alone() {
        let ana = line("ana", &[], PASSWORD).unwrap();
        let bia = line(
            "bia@example.com",
            &[Scope::DeadLettersRead, Scope::AuditRead],
            "Straße e café 12",
        )
        .unwrap();
        for between in ["\n", ";", "\r\n\r\n# those on call\r\n"] {
            let operators = Operators::parse(&format!("{ana}{between}{bia}")).unwrap();
            let who = async |name: &str, password: &str| {
                operators.who(name.to_owned(), password.to_owned()).await.unwrap()
            };
            let found = who("ana", PASSWORD).await.unwrap();
            assert_eq!((found.principal(), found.scopes().count()), ("operator:ana", 7));
            // The accent typed on its own.
            let found = who("bia@example.com", "Straße e cafe\u{301} 12").await.unwrap();
            assert!(found.scopes().eq([Scope::DeadLettersRead, Scope::AuditRead]));
            for (name, password) in [
                ("ana", "Straße e café 12"),
                ("ana", ""),
                ("ana", "correct horse battery "),
                ("Ana", PASSWORD),
                ("eva", PASSWORD),
                ("", PASSWORD),
            ] {
                assert!(who(name, password).await.is_none(), "{name}");
            }
        }
    }

    #[test]
    fn a_list_that_is_not_understood_is_told_by_its_line() {
        let good = line("ana", &[], PASSWORD).unwrap();
        let hash = good.strip_prefix("ana:").unwrap();
        let costly = good.replace("m=19456", "m=99999999");
        for (text, expected) in [
            (String::new(), ListError::Empty),
            ("\n# nobody".to_owned(), ListError::Empty),
            (format!("{good}\ngeheim"), ListError::Malformed(2)),
            (format!("\n\na:b:c:{hash}"), ListError::Malformed(3)),
            (format!("an a:{hash}"), ListError::Malformed(1)),
            (format!("bia:contacts.raed:{hash}"), ListError::Scope(1)),
            (format!("bia::{hash}"), ListError::Scope(1)),
            (format!("{good};ana:{hash}"), ListError::Twice(2)),
            ("ana:geheim".to_owned(), ListError::Hash(1)),
            (good.replace("argon2id", "argon2i"), ListError::Hash(1)),
            (good.replace("v=19", "v=16"), ListError::Hash(1)),
            (costly, ListError::Hash(1)),
        ] {
            let error = Operators::parse(&text).unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!error.to_string().contains("geheim"));
        }
    }

    #[test]
    fn short_passwords_are_not_taken() {
        assert_eq!(line("ana", &[], "elevenchars"), Err(NotTaken::Short));
        assert_eq!(line("ana", &[], &"a".repeat(1025)), Err(NotTaken::Long));
        assert!(line("ana", &[], "twelve chars").is_ok());
    }
}
