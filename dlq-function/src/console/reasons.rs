//! What the reasons of dead letters mean, and what to do about each.

use shared::wire::Reason;

use super::{language::Language, texts};

texts! {
    store_refused: "The database refused this command at every attempt, while it took others.", "O banco de dados recusou este comando em todas as tentativas, enquanto aceitava outros.";
    store_refused_advice: "Find out why: the detail has the SQLSTATE. Mend it (a trigger, a full tablespace, a constraint), then replay.", "Descubra por quê: o detalhe traz o SQLSTATE. Conserte a causa (um trigger, um tablespace cheio, uma constraint) e reenvie.";
    handler_panic: "A defect of the worker.", "Um defeito do worker.";
    handler_panic_advice: "Report it with this page. Replay once a mended version runs.", "Abra um chamado com o que está nesta página. Reenvie quando a versão corrigida estiver no ar.";
    unstorable: "A value that the database cannot hold, which the API lets nobody send: somebody wrote to the queue past it, or an older version did.", "Um valor que não cabe no banco de dados e que a API não deixa passar: alguém escreveu na fila sem passar por ela, ou foi uma versão antiga.";
    unstorable_advice: "Correct it, or discard it.", "Corrija ou descarte.";
    stamp_ahead: "Stamped later than the worker's clock allows.", "Carimbada mais adiante do que o relógio do worker permite.";
    stamp_ahead_advice: "Set the clocks (NTP), then replay: it applies once its time has come.", "Acerte os relógios (NTP) e reenvie: será aplicada quando a hora chegar.";
    contact_unknown: "An update or delete of an id that contato did not issue.", "Alteração ou exclusão de um id que não foi emitido aqui.";
    contact_unknown_advice: "Discard it. If there are many, some producer-api has another ids.key: mend that, then replay.", "Descarte. Se forem muitas, alguma producer-api está com outro ids.key: conserte isso e reenvie.";
    id_conflict: "Another request under a command id that had been used.", "Outro pedido com um id de comando já usado.";
    id_conflict_advice: "Look at both, then discard one. Clients of the API never cause it.", "Compare as duas mensagens e descarte uma. Não acontece com clientes da API.";
    undecodable: "It is not JSON, or not a command.", "Não é JSON, ou não é um comando.";
    undecodable_advice: "Discard it, and find who wrote to the queue past the API.", "Descarte e descubra quem escreveu na fila sem passar pela API.";
    unknown_version: "Written by a newer version than the worker's.", "Escrita por uma versão mais nova que a do worker.";
    unknown_version_advice: "Update the workers, then replay.", "Atualize os workers e reenvie.";
    unknown_operation: "An operation that the worker does not know.", "Uma operação que o worker não conhece.";
    unknown_operation_advice: "Update the workers, then replay. If that does not help, discard it.", "Atualize os workers e reenvie; se não resolver, descarte.";
    too_large: "Larger than a message may be.", "Maior do que uma mensagem pode ser.";
    too_large_advice: "Discard it: the API never sends one.", "Descarte: a API nunca envia isso.";
    delivery_limit: "Delivered too often without an end: it may have killed the worker each time.", "Entregue vezes demais sem chegar ao fim: pode ter derrubado o worker a cada vez.";
    delivery_limit_advice: "Read the worker's log of that time. Replay it alone, with the worker watched.", "Leia o log do worker daquele momento. Reenvie-a sozinha, de olho no worker.";
    expired: "The broker let it expire; contato sets no expiry on commands.", "Expirou na fila, embora comandos não tenham prazo de validade.";
    expired_advice: "Look for a policy on the broker and take it away, then replay.", "Procure uma policy no broker, retire-a e reenvie.";
    unknown: "It came to the dead-letter queue, and nobody said why.", "Chegou à fila de mensagens mortas e ninguém disse por quê.";
    unknown_advice: "Look who publishes to contato.dlq. Replay it.", "Veja quem publica em contato.dlq. Reenvie.";
}

/// Why something is dead, explained.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Explained {
    /// What happened.
    pub(crate) meaning: &'static str,
    /// What to do.
    pub(crate) advice: &'static str,
}

impl Language {
    /// A reason, explained.
    pub(crate) fn reason(self, reason: Reason) -> Explained {
        let t = Texts::of(self);
        let (meaning, advice) = match reason {
            Reason::StoreRefused => (t.store_refused, t.store_refused_advice),
            Reason::HandlerPanic => (t.handler_panic, t.handler_panic_advice),
            Reason::Unstorable => (t.unstorable, t.unstorable_advice),
            Reason::StampAhead => (t.stamp_ahead, t.stamp_ahead_advice),
            Reason::ContactUnknown => (t.contact_unknown, t.contact_unknown_advice),
            Reason::IdConflict => (t.id_conflict, t.id_conflict_advice),
            Reason::Undecodable => (t.undecodable, t.undecodable_advice),
            Reason::UnknownVersion => (t.unknown_version, t.unknown_version_advice),
            Reason::UnknownOperation => (t.unknown_operation, t.unknown_operation_advice),
            Reason::TooLarge => (t.too_large, t.too_large_advice),
            Reason::DeliveryLimit => (t.delivery_limit, t.delivery_limit_advice),
            Reason::Expired => (t.expired, t.expired_advice),
            Reason::Unknown => (t.unknown, t.unknown_advice),
        };
        Explained { meaning, advice }
    }
}
