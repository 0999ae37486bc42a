//! What the closed words of contato are called on pages, and what they mean, in both languages. The word itself, as the API
//! and logs have it, stands beside it.

use shared::{
    domain::{Operation, Rejection},
    store::{
        audit::Act,
        dead_letters::DeadLetterState,
        replays::{ItemState, Refusal, ReplayState},
    },
    wire::CommandStatus,
};

use super::language::Language;
use crate::actions::{POLICY, Prediction};

impl Language {
    pub(crate) fn operation(self, operation: Operation) -> &'static str {
        match operation {
            Operation::Create => self.either("create", "criar"),
            Operation::Update => self.either("update", "alterar"),
            Operation::Delete => self.either("delete", "excluir"),
        }
    }

    pub(crate) fn state(self, state: DeadLetterState) -> &'static str {
        match state {
            DeadLetterState::Open => self.either("open", "aberta"),
            DeadLetterState::Archived => self.either("archived", "arquivada"),
            DeadLetterState::Replayed => self.either("sent again", "reenviada"),
            DeadLetterState::Resolved => self.either("resolved", "resolvida"),
            DeadLetterState::Replaced => self.either("corrected", "corrigida"),
            DeadLetterState::Discarded => self.either("discarded", "descartada"),
        }
    }

    /// What an operation is called, by its word.
    pub(crate) fn operation_of(self, word: &str) -> &str {
        word.parse().map_or(word, |operation| self.operation(operation))
    }

    /// What a state of a dead letter is called, by its word.
    pub(crate) fn state_of(self, word: &str) -> &str {
        DeadLetterState::from_word(word).map_or(word, |state| self.state(state))
    }

    pub(crate) fn command_status(self, status: CommandStatus) -> &'static str {
        match status {
            CommandStatus::Pending => self.either("pending", "pendente"),
            CommandStatus::Applied => self.either("applied", "aplicado"),
            CommandStatus::Superseded => self.either("superseded", "superado"),
            CommandStatus::Rejected(_) => self.either("rejected", "rejeitado"),
            CommandStatus::DeadLettered => self.either("dead-lettered", "virou mensagem morta"),
        }
    }

    pub(crate) fn rejection(self, rejection: Rejection) -> &'static str {
        match rejection {
            Rejection::PreconditionFailed => self.either(
                "The contact had changed since the client read it (If-Match).",
                "O contato havia mudado desde que o cliente o leu (If-Match).",
            ),
            Rejection::IdempotencyKeyReused => self.either(
                "Its idempotency key had been used for another request.",
                "A chave de idempotência já havia sido usada em outro pedido.",
            ),
            Rejection::Discarded => self.either(
                "An operator discarded its dead letter.",
                "Um operador descartou a mensagem morta dele.",
            ),
        }
    }

    pub(crate) fn replay_state(self, state: ReplayState) -> &'static str {
        match state {
            ReplayState::Running => self.either("running", "em andamento"),
            ReplayState::Stopped => self.either("stopped", "parado"),
            ReplayState::Braked => self.either("braked", "freado"),
            ReplayState::Finished => self.either("finished", "terminado"),
        }
    }

    pub(crate) fn item_state(self, state: ItemState) -> &'static str {
        match state {
            ItemState::Waiting => self.either("waiting", "aguardando"),
            ItemState::Sent => self.either("sent, outcome not known yet", "enviadas, ainda sem desfecho"),
            ItemState::Applied => self.either("applied", "aplicadas"),
            ItemState::Superseded => self.either("superseded", "superadas"),
            ItemState::Rejected => self.either("rejected", "rejeitadas"),
            ItemState::DeadAgain => self.either("dead again", "morreram de novo"),
            ItemState::Refused => self.either("not sent", "não enviadas"),
            ItemState::Unknown => self.either("unknown", "sem notícias"),
        }
    }

    pub(crate) fn refusal(self, refusal: Refusal) -> &'static str {
        match refusal {
            Refusal::Missing => self.either("there is no such dead letter", "a mensagem morta não existe"),
            Refusal::Resolved => self.either("its command has ended", "o comando já terminou"),
            Refusal::Discarded => self.either("it was discarded", "foi descartada"),
            Refusal::Replaced => self.either(
                "a corrected one was sent in its place",
                "uma versão corrigida foi enviada no lugar",
            ),
            Refusal::Erased => self.either("its payload was erased", "o conteúdo foi apagado"),
            Refusal::Locked => self.either(
                "its payload cannot be decrypted: the key is not there",
                "o conteúdo não pode ser decifrado: falta a chave",
            ),
            Refusal::Newer => self.either(
                "it failed again since: the newer failure is the one to replay",
                "falhou de novo depois: a falha mais nova é a que deve ser reenviada",
            ),
        }
    }

    pub(crate) fn prediction(self, prediction: Prediction) -> &'static str {
        match prediction {
            Prediction::WouldApply => self.either("would apply", "seria aplicada"),
            Prediction::WouldBeSuperseded => self.either(
                "would be superseded by newer writes",
                "seria superada por escritas mais novas",
            ),
            Prediction::WouldBeRejected => {
                self.either("would be rejected by a rule", "seria rejeitada por uma regra")
            }
            Prediction::HasEnded => self.either(
                "would change nothing: its command has ended",
                "não mudaria nada: o comando já terminou",
            ),
            Prediction::WouldFailAgain => self.either("would fail again", "falharia de novo"),
            Prediction::CannotBeSent => self.either("cannot be sent", "não pode ser enviada"),
        }
    }

    pub(crate) fn act(self, act: Act) -> &'static str {
        match act {
            Act::Replay => self.either("sent again", "reenviou"),
            Act::ReplayStarted => self.either("started a replay", "iniciou um reenvio"),
            Act::ReplayStopped => self.either("stopped a replay", "parou um reenvio"),
            Act::ReplayResumed => self.either("resumed a replay", "retomou um reenvio"),
            Act::EditAndReplay => self.either("corrected and sent", "corrigiu e reenviou"),
            Act::Discard => self.either("discarded", "descartou"),
            Act::Archive => self.either("archived", "arquivou"),
            Act::Restore => self.either("restored", "restaurou"),
            Act::Reveal => self.either("revealed", "revelou"),
            Act::ParkingRestored => {
                self.either("put back from the parking queue", "devolveu da fila parking")
            }
        }
    }

    /// Who did something.
    pub(crate) fn principal(self, principal: &str) -> String {
        match principal {
            "" => self
                .either("nobody had to sign in", "ninguém precisou entrar")
                .to_owned(),
            POLICY => self
                .either("the automatic policy", "a política automática")
                .to_owned(),
            principal => principal.to_owned(),
        }
    }
}
