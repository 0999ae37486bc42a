//! What a page says of the act that led to it: a closed word in its address, so that nobody can put words on our pages.

use actix_web::HttpRequest;

use super::{address::Parameters, language::Language, pages::path_with};

/// The query parameter.
pub(crate) const DONE: &str = "done";

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// A dead letter was sent again.
    SentAgain,
    /// A corrected one was sent.
    Corrected,
    Archived,
    Restored,
    Discarded,
    /// Nothing was ticked, so nothing was done.
    NothingTicked,
}

impl Notice {
    const ALL: [Self; 6] = [
        Self::SentAgain,
        Self::Corrected,
        Self::Archived,
        Self::Restored,
        Self::Discarded,
        Self::NothingTicked,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::SentAgain => "sent-again",
            Self::Corrected => "corrected",
            Self::Archived => "archived",
            Self::Restored => "restored",
            Self::Discarded => "discarded",
            Self::NothingTicked => "nothing-ticked",
        }
    }

    /// The notice of a word; `None` if it is none of ours.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|notice| notice.as_str() == word)
    }

    /// The notice in the address of a page.
    pub(crate) fn of(request: &HttpRequest) -> Option<Self> {
        Self::from_word(Parameters::of(request).get(DONE)?)
    }

    /// A page with this notice.
    pub(crate) fn at(self, page: &str) -> String {
        path_with(page, &[(DONE, self.as_str())])
    }
}

impl Language {
    pub(crate) fn notice(self, notice: Notice) -> &'static str {
        match notice {
            Notice::SentAgain => self.either(
                "It was sent again. What becomes of it shows here by itself.",
                "Mensagem reenviada. O desfecho aparecerá aqui automaticamente.",
            ),
            Notice::Corrected => self.either(
                "This is the corrected one. It was sent; what becomes of it shows here by itself.",
                "Esta é a versão corrigida. Ela foi enviada; o desfecho aparecerá aqui automaticamente.",
            ),
            Notice::Archived => self.either(
                "It was archived. It still waits, and can be restored or replayed.",
                "Mensagem arquivada. Ela continua à espera e pode ser restaurada ou reenviada.",
            ),
            Notice::Restored => self.either(
                "It was restored: it is open again.",
                "Mensagem restaurada: está aberta de novo.",
            ),
            Notice::Discarded => self.either(
                "It was discarded: its command has ended as rejected.",
                "Mensagem descartada: o comando terminou como rejeitado.",
            ),
            Notice::NothingTicked => self.either(
                "Nothing was ticked, so nothing was done. Tick at least one.",
                "Nada foi marcado, então nada foi feito. Marque ao menos uma.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_of_ours_become_notices() {
        for notice in Notice::ALL {
            assert_eq!(Notice::from_word(notice.as_str()), Some(notice));
        }
        assert_eq!(Notice::from_word("Call this number"), None);
        assert_eq!(
            Notice::Archived.at("/dead-letters"),
            "/dead-letters?done=archived"
        );
    }
}
