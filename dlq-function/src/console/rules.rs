//! The rules that what somebody typed may break, in the reader's language.

use shared::domain::{Email, Name, SearchQuery};

use super::language::Language;

impl Language {
    /// A rule of the API, which is told in English there. Those that a form hardly breaks are told as the API does.
    pub(crate) fn rule(self, member: &str, code: &str, english: &str) -> String {
        let told = match self {
            Self::English => None,
            Self::Portuguese => portuguese(member, code),
        };
        told.unwrap_or_else(|| english.to_owned())
    }
}

fn portuguese(member: &str, code: &str) -> Option<String> {
    let told = match (member, code) {
        (_, "unknown-area-code") => "deve ter um dos 67 DDDs em uso".to_owned(),
        (_, "unknown-state") => "deve ser a sigla de uma UF".to_owned(),
        (_, "phone-or-email-required") => "deve haver um telefone ou um e-mail".to_owned(),
        (_, "changes-nothing") => "não muda nada".to_owned(),
        (_, "control-character") => "não pode ter caracteres de controle".to_owned(),
        ("name", "too-short") => format!("deve ter ao menos {} caracteres", Name::MIN_CHARS),
        ("name", "too-long") => format!("deve ter no máximo {} caracteres", Name::MAX_CHARS),
        ("name", "no-letter") => "deve ter ao menos uma letra".to_owned(),
        ("phone", "malformed") => {
            "deve ser um telefone: com DDD ((11) 98765-4321) ou internacional (+5511987654321)".to_owned()
        }
        ("phone", "invalid") => "deve ser um telefone válido no seu país; no Brasil, com DDD".to_owned(),
        ("phone", "extension") => "não pode ter ramal".to_owned(),
        ("email", "malformed") => "deve ser um e-mail como ana@example.com".to_owned(),
        ("email", "too-long") => format!("deve ter no máximo {} caracteres", Email::MAX_CHARS),
        ("name" | "phone" | "email", "unstorable") => {
            "não pode ser processado como está: precisa ser corrigido também".to_owned()
        }
        ("q", "too-long") => format!("deve ter no máximo {} caracteres", SearchQuery::MAX_CHARS),
        ("q", "too-many-words") => format!("deve ter no máximo {} palavras", SearchQuery::MAX_WORDS),
        ("q", "no-word") => "deve ter ao menos uma letra ou um número".to_owned(),
        _ => return None,
    };
    Some(told)
}
