//! What is wrong with a search, in the reader's language.

use shared::{
    domain::{Email, SearchQuery},
    http::problem::Fault,
};

use crate::console::language::Language;

/// The member that a fault is about, and what is wrong with it.
pub(super) fn told(language: Language, fault: &Fault) -> (String, String) {
    let member = fault.pointer.trim_start_matches('/');
    let said = match language {
        Language::English => None,
        Language::Portuguese => portuguese(member, &fault.code),
    };
    let sentence = said.unwrap_or_else(|| fault.detail.to_string());
    (member.to_owned(), sentence)
}

/// The rules of the API in Portuguese; those that this form cannot break are told as the API does.
fn portuguese(member: &str, code: &str) -> Option<String> {
    let told = match (member, code) {
        (_, "unknown-area-code") => "deve ter um dos 67 DDDs em uso".to_owned(),
        (_, "unknown-state") => "deve ser a sigla de uma UF".to_owned(),
        ("phone", "malformed") => {
            "deve ser um telefone: com DDD ((11) 98765-4321) ou internacional (+5511987654321)".to_owned()
        }
        ("phone", "invalid") => "deve ser um telefone válido no seu país; no Brasil, com DDD".to_owned(),
        ("phone", "extension") => "não pode ter ramal".to_owned(),
        ("email", "malformed") => "deve ser um e-mail como ana@example.com".to_owned(),
        ("email", "too-long") => format!("deve ter no máximo {} caracteres", Email::MAX_CHARS),
        ("q", "too-long") => format!("deve ter no máximo {} caracteres", SearchQuery::MAX_CHARS),
        ("q", "too-many-words") => format!("deve ter no máximo {} palavras", SearchQuery::MAX_WORDS),
        ("q", "no-word") => "deve ter ao menos uma letra ou um número".to_owned(),
        _ => return None,
    };
    Some(told)
}
