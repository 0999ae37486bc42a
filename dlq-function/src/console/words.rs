//! What the closed words of contato are called on pages, and what they mean, in both languages. The word itself, as the API
//! and logs have it, stands beside it.

use shared::{
    domain::Operation,
    store::{
        audit::Act,
        dead_letters::DeadLetterState,
        replays::{ItemState, Refusal, ReplayState},
    },
    wire::{CommandStatus, Reason},
};

use super::language::Language;
use crate::actions::{POLICY, Prediction};

/// Why something is dead, explained.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Explained {
    /// What happened.
    pub(crate) meaning: &'static str,
    /// What to do.
    pub(crate) advice: &'static str,
}

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
            CommandStatus::Rejected(_) => self.either("rejected", "recusado"),
            CommandStatus::DeadLettered => self.either("dead-lettered", "em mensagem morta"),
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
            ItemState::Sent => self.either("sent, outcome not known yet", "enviadas, sem resultado ainda"),
            ItemState::Applied => self.either("applied", "aplicadas"),
            ItemState::Superseded => self.either("superseded", "superadas"),
            ItemState::Rejected => self.either("rejected", "recusadas"),
            ItemState::DeadAgain => self.either("dead again", "mortas de novo"),
            ItemState::Refused => self.either("not sent", "não enviadas"),
            ItemState::Unknown => self.either("unknown", "sem notícia"),
        }
    }

    pub(crate) fn refusal(self, refusal: Refusal) -> &'static str {
        match refusal {
            Refusal::Missing => self.either("there is no such dead letter", "não existe tal mensagem morta"),
            Refusal::Resolved => self.either("its command has ended", "seu comando já terminou"),
            Refusal::Discarded => self.either("it was discarded", "foi descartada"),
            Refusal::Replaced => self.either(
                "a corrected one was sent in its place",
                "uma corrigida foi enviada em seu lugar",
            ),
            Refusal::Erased => self.either("its payload was erased", "seu conteúdo foi apagado"),
            Refusal::Locked => self.either(
                "its payload cannot be decrypted: the key is not there",
                "seu conteúdo não pode ser decifrado: falta a chave",
            ),
            Refusal::Newer => self.either(
                "it failed again since: the newer failure is the one to replay",
                "falhou de novo desde então: a falha mais nova é a que se deve reenviar",
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
                self.either("would be rejected by a rule", "seria recusada por uma regra")
            }
            Prediction::HasEnded => {
                self.either("has ended: nothing would change", "já terminou: nada mudaria")
            }
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
            Act::ParkingRestored => self.either("put back from parking", "devolveu do estacionamento"),
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

    pub(crate) fn reason(self, reason: Reason) -> Explained {
        let explained = |english: [&'static str; 2], portuguese: [&'static str; 2]| {
            let [meaning, advice] = self.either(english, portuguese);
            Explained { meaning, advice }
        };
        match reason {
            Reason::StoreRefused => explained(
                [
                    "The database refused this command at every attempt, while it took others.",
                    "Find out why: the detail has the SQLSTATE. Mend it (a trigger, a full tablespace, a constraint), then replay.",
                ],
                [
                    "O banco de dados recusou este comando em todas as tentativas, mas aceitou outros.",
                    "Descubra por quê: o detalhe traz o SQLSTATE. Corrija (um gatilho, um tablespace cheio, uma restrição) e reenvie.",
                ],
            ),
            Reason::HandlerPanic => explained(
                [
                    "A defect of the worker.",
                    "Report it with this page. Replay once a mended version runs.",
                ],
                [
                    "Um defeito do worker.",
                    "Informe-o com esta página. Reenvie quando uma versão corrigida estiver rodando.",
                ],
            ),
            Reason::Unstorable => explained(
                [
                    "A value that the database cannot hold, which the API lets nobody send: somebody wrote to the queue past it, or an older version did.",
                    "Edit it, or discard it.",
                ],
                [
                    "Um valor que o banco de dados não comporta e que a API não deixa passar: alguém escreveu na fila sem usá-la, ou foi uma versão antiga.",
                    "Corrija ou descarte.",
                ],
            ),
            Reason::StampAhead => explained(
                [
                    "Stamped later than the worker's clock allows.",
                    "Set the clocks (NTP), then replay: it applies once its time has come.",
                ],
                [
                    "Carimbado depois do que o relógio do worker permite.",
                    "Acerte os relógios (NTP) e reenvie: será aplicado quando sua hora chegar.",
                ],
            ),
            Reason::ContactUnknown => explained(
                [
                    "An update or delete of an id that contato did not issue.",
                    "Discard it. If there are many, one producer has another ids.key: mend that, then replay.",
                ],
                [
                    "Alteração ou exclusão de um identificador que o contato não emitiu.",
                    "Descarte. Se houver muitas, algum producer tem outra ids.key: corrija isso e reenvie.",
                ],
            ),
            Reason::IdConflict => explained(
                [
                    "Another request under a command id that had been used.",
                    "Look at both, then discard one. Clients of the API never cause it.",
                ],
                [
                    "Outro pedido com um identificador de comando já usado.",
                    "Compare os dois e descarte um. Clientes da API nunca causam isto.",
                ],
            ),
            Reason::Undecodable => explained(
                [
                    "It is no JSON, or no command.",
                    "Discard it, and find who wrote to the queue past the API.",
                ],
                [
                    "Não é JSON, ou não é um comando.",
                    "Descarte e descubra quem escreveu na fila sem usar a API.",
                ],
            ),
            Reason::UnknownVersion => explained(
                [
                    "Written by a newer version than the worker's.",
                    "Update the workers, then replay.",
                ],
                [
                    "Escrita por uma versão mais nova que a do worker.",
                    "Atualize os workers e reenvie.",
                ],
            ),
            Reason::UnknownOperation => explained(
                [
                    "An operation that the worker does not know.",
                    "Update the workers, then replay; else discard it.",
                ],
                [
                    "Uma operação que o worker não conhece.",
                    "Atualize os workers e reenvie; senão, descarte.",
                ],
            ),
            Reason::TooLarge => explained(
                [
                    "Larger than a message may be.",
                    "Discard it: the API never sends such.",
                ],
                [
                    "Maior do que uma mensagem pode ser.",
                    "Descarte: a API nunca envia algo assim.",
                ],
            ),
            Reason::DeliveryLimit => explained(
                [
                    "Delivered too often without an end: it may have killed the worker each time.",
                    "Read the worker's log of that time. Replay it alone, with the worker watched.",
                ],
                [
                    "Entregue vezes demais sem fim: pode ter derrubado o worker a cada vez.",
                    "Leia o log do worker daquela hora. Reenvie-a sozinha, observando o worker.",
                ],
            ),
            Reason::Expired => explained(
                [
                    "The broker let it expire; contato sets no expiry on commands.",
                    "Look for a policy on the broker and take it away, then replay.",
                ],
                [
                    "A fila a deixou expirar; o contato não define validade para comandos.",
                    "Procure uma política no RabbitMQ, remova-a e reenvie.",
                ],
            ),
            Reason::Unknown => explained(
                [
                    "It came to the dead letters and nobody said why.",
                    "Look who publishes to contato.dlq. Replay it.",
                ],
                [
                    "Chegou às mensagens mortas sem que se dissesse por quê.",
                    "Veja quem publica em contato.dlq. Reenvie.",
                ],
            ),
        }
    }
}
