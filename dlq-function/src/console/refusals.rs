//! Why an action was refused, as a sentence in the reader's language.

use shared::{broker::PublishError, payload_keys::Locked};
use uuid::Uuid;

use super::language::Language;
use crate::actions::{ActionError, BrokenRule};

impl Language {
    /// Why an action was refused or failed.
    pub(crate) fn why_not(self, error: &ActionError) -> String {
        let told = |english: &str, portuguese: &str| self.either(english, portuguese).to_owned();
        match error {
            ActionError::Missing => told("There is no such dead letter.", "Esta mensagem morta não existe."),
            ActionError::Resolved => told(
                "Its command has ended; there is nothing left to send again.",
                "O comando dela já terminou; não resta nada a reenviar.",
            ),
            ActionError::Discarded => told(
                "It was discarded; there is nothing left to send again.",
                "Ela foi descartada; não resta nada a reenviar.",
            ),
            ActionError::Replaced => told(
                "It was corrected, and the corrected one was sent in its place.",
                "Ela foi corrigida, e a versão corrigida foi enviada no lugar.",
            ),
            ActionError::UnderWay => told(
                "It was sent again, and what became of it is not known yet.",
                "Ela foi reenviada, e ainda não se sabe o desfecho.",
            ),
            ActionError::Broken(rules) => {
                let rules = sentences(rules);
                self.either(
                    format!("The correction breaks rules: {rules}."),
                    format!("A correção não segue as regras: {rules}."),
                )
            }
            ActionError::Unsent(id, error) => {
                let why = self.publish(error);
                self.either(
                    format!("{why} The correction is kept as {id}, which waits: replay that one."),
                    format!("{why} A correção ficou guardada como {id} e espera: reenvie essa."),
                )
            }
            ActionError::Erased => told(
                "Its message was erased with the data of its contact. It can only be discarded.",
                "A mensagem foi apagada com os dados do contato. Só resta descartá-la.",
            ),
            ActionError::Newer(id) => self.either(
                format!("It failed again since; the newer failure is the one to replay: {id}."),
                format!("Ela falhou de novo depois; a falha mais nova é a que deve ser reenviada: {id}."),
            ),
            ActionError::NoReplay => told("There is no such replay.", "Este reenvio não existe."),
            ActionError::ReplayEnded => told("The replay has ended.", "O reenvio já terminou."),
            ActionError::Unexpected { expected, found } => {
                let (expected, found) = (self.number(*expected), self.number(*found));
                self.either(
                    format!("{expected} were expected and {found} match now. Go back and look again."),
                    format!("Eram esperadas {expected} e agora são {found}. Volte e confira de novo."),
                )
            }
            ActionError::Locked(locked) => self.locked(locked),
            ActionError::Broker(error) => self.publish(error),
            ActionError::Store(_) => told(
                "The database does not answer. Try again in a moment.",
                "O banco de dados não responde. Tente de novo em instantes.",
            ),
        }
    }

    fn locked(self, locked: &Locked) -> String {
        match locked {
            Locked::KeyMissing(key) => self.either(
                format!("Its message is encrypted with the key {key}, which deadLetters.keys does not have."),
                format!("A mensagem está cifrada com a chave {key}, que não está em deadLetters.keys."),
            ),
            Locked::Altered(key) => self.either(
                format!("Its message cannot be decrypted with the key {key} of deadLetters.keys."),
                format!("A mensagem não pode ser decifrada com a chave {key} de deadLetters.keys."),
            ),
        }
    }

    fn publish(self, error: &PublishError) -> String {
        let told = match error {
            PublishError::Unavailable => self.either(
                "It was not sent: the broker is not connected. Try again in a moment.",
                "Não foi enviada: não há conexão com a fila. Tente de novo em instantes.",
            ),
            PublishError::Blocked => self.either(
                "It was not sent: the broker takes nothing at the moment. Try again later.",
                "Não foi enviada: a fila não aceita nada no momento. Tente de novo mais tarde.",
            ),
            PublishError::Refused => self.either(
                "It was not sent: the broker refused it. The queue may be full.",
                "Não foi enviada: a fila a recusou. Ela pode estar cheia.",
            ),
            PublishError::Unroutable => self.either(
                "It was not sent: the broker has no queue for it.",
                "Não foi enviada: não existe uma fila para ela.",
            ),
            PublishError::Unconfirmed => self.either(
                "The broker did not confirm it: it may have been sent. Sending it again does no harm.",
                "A fila não confirmou: talvez tenha sido enviada. Reenviar não estraga nada.",
            ),
        };
        told.to_owned()
    }
}

/// The dead letter that is the one to look at instead.
pub(crate) fn instead(error: &ActionError) -> Option<Uuid> {
    if let ActionError::Unsent(id, _) | ActionError::Newer(id) = error {
        Some(*id)
    } else {
        None
    }
}

fn sentences(broken: &[BrokenRule]) -> String {
    let sentence = |rule: &BrokenRule| format!("{} {}", rule.member, rule.detail).trim().to_owned();
    broken.iter().map(sentence).collect::<Vec<_>>().join("; ")
}
