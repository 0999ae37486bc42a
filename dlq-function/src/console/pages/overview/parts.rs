//! The parts of contato: how each stands, and what happens while it is down.

use crate::{
    console::{language::Language, texts},
    watch::{Part, Stands},
};

texts! {
    writer: "SQL, written to", "SQL, escrita";
    writer_down: "Nothing is applied and nothing can be done here. Nothing is lost: commands and dead letters wait in their queues.", "Nada é aplicado e nada pode ser feito aqui. Nada se perde: comandos e mensagens mortas esperam nas filas.";
    reader: "SQL, read from", "SQL, leitura";
    reader_down: "Contacts and commands cannot be read; writes are accepted and applied as ever.", "Contatos e comandos não podem ser lidos; as escritas continuam sendo aceitas e aplicadas.";
    broker: "Broker", "Fila";
    broker_down: "Nothing can be sent again, and the API accepts no writes.", "Nada pode ser reenviado, e a API não aceita escritas.";
    collector: "Collector of dead letters", "Coletor de mensagens mortas";
    collector_down: "New dead letters wait in contato.dlq and are not seen here yet: the broker or SQL cannot be used.", "Novas mensagens mortas esperam em contato.dlq e ainda não aparecem aqui: não é possível usar a fila ou o SQL.";
    schema: "Schema of the database", "Esquema do banco de dados";
    schema_down: "The database is older than this program: run contato migrate up. If SQL is down, it is not known.", "O banco de dados é mais antigo que este programa: rode contato migrate up. Com o SQL fora do ar, não há como saber.";
    up: "up", "no ar";
    down: "down", "fora do ar";
    silent: "not answering", "não responde";
}

/// A part.
#[derive(Debug)]
pub(super) struct PartLine {
    pub(super) name: &'static str,
    pub(super) stands: &'static str,
    pub(super) tag: &'static str,
    /// What happens while it is down, if it is.
    pub(super) means: Option<&'static str>,
}

impl PartLine {
    pub(super) fn of(language: Language, part: Part, stands: Stands) -> Self {
        let t = Texts::of(language);
        let (name, means) = match part {
            Part::Writer => (t.writer, t.writer_down),
            Part::Reader => (t.reader, t.reader_down),
            Part::Broker => (t.broker, t.broker_down),
            Part::Collector => (t.collector, t.collector_down),
            Part::Schema => (t.schema, t.schema_down),
        };
        let is_down = stands != Stands::Up;
        let (stands, tag) = match stands {
            Stands::Up => (t.up, "good"),
            Stands::Down => (t.down, "bad"),
            Stands::Silent => (t.silent, "bad"),
        };
        Self {
            name,
            stands,
            tag,
            means: is_down.then_some(means),
        }
    }
}
