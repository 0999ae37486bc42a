//! What a status of a command means.

use shared::{domain::Rejection, wire::CommandStatus};

use crate::console::language::Language;

impl Language {
    pub(super) fn command_meaning(self, status: CommandStatus) -> &'static str {
        match status {
            CommandStatus::Pending => self.either(
                "It was accepted and has no outcome yet: it waits in the queue, or for its next attempt.",
                "Foi aceito e ainda não tem resultado: espera na fila, ou pela próxima tentativa.",
            ),
            CommandStatus::Applied => self.either("It did what it asked for.", "Fez o que foi pedido."),
            CommandStatus::Superseded => self.either(
                "Newer commands had already decided everything that it sets. Nothing is wrong.",
                "Comandos mais novos já haviam decidido tudo o que ele define. Não há nada de errado.",
            ),
            CommandStatus::Rejected(_) => self.either(
                "It was refused for good; nothing changed.",
                "Foi recusado em definitivo; nada mudou.",
            ),
            CommandStatus::DeadLettered => self.either(
                "It failed at every attempt and waits as a dead letter for a person.",
                "Falhou em todas as tentativas e espera, como mensagem morta, por uma pessoa.",
            ),
        }
    }

    pub(in crate::console::pages) fn rejection(self, rejection: Rejection) -> &'static str {
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
}
