//! What a status of a command means.

use shared::wire::CommandStatus;

use crate::console::language::Language;

impl Language {
    pub(super) fn command_meaning(self, status: CommandStatus) -> &'static str {
        match status {
            CommandStatus::Pending => self.either(
                "It was accepted and has no outcome yet: it waits in the queue, or for its next attempt.",
                "Foi aceito e ainda não tem desfecho: espera na fila, ou pela próxima tentativa.",
            ),
            CommandStatus::Applied => self.either("It did what it asked for.", "Fez o que foi pedido."),
            CommandStatus::Superseded => self.either(
                "Newer commands had already decided everything that it sets. Nothing is wrong.",
                "Comandos mais novos já haviam decidido tudo o que ele define. Não há nada errado.",
            ),
            CommandStatus::Rejected(_) => self.either(
                "It was rejected for good; nothing changed.",
                "Foi rejeitado definitivamente; nada mudou.",
            ),
            CommandStatus::DeadLettered => self.either(
                "It failed at every attempt and waits as a dead letter for a person.",
                "Falhou em todas as tentativas e espera, como mensagem morta, por uma pessoa.",
            ),
        }
    }
}
