//! `/contacts`: search, and one contact with the history of its commands. What is shown here is personal data: none of it is
//! in an address, so a search is sent as a form.

use super::{CONTACTS, resource};
use crate::console::texts;
use actix_web::web::ServiceConfig;

mod search;
mod show;

const CONTACT: &str = "/contacts/{id}";

texts! {
    title: "Contacts", "Contatos";
    q: "Name, phone or e-mail", "Nome, telefone ou e-mail";
    area_code: "Area code (DDD)", "DDD";
    state: "State (UF)", "UF";
    phone: "Phone", "Telefone";
    exact_phone: "Whole phone", "Telefone completo";
    email: "E-mail", "E-mail";
    exact_email: "Whole e-mail", "E-mail completo";
    sort: "Order", "Ordem";
    newest_first: "newest first", "mais novos primeiro";
    oldest_first: "oldest first", "mais antigos primeiro";
    changed_first: "last changed first", "últimos alterados primeiro";
    by_name: "by name", "por nome";
    any: "any", "qualquer";
    search: "Search", "Buscar";
    how: "Words are found from their beginning, in any order; case and accents do not matter. An id leads to its contact.", "As palavras são encontradas pelo começo, em qualquer ordem; maiúsculas e acentos não importam. Um id leva ao seu contato.";
    nothing: "No contact has all of this.", "Nenhum contato corresponde a tudo isso.";
    nothing_advice: "Try fewer words or only their first letters, and leave filters out. Contacts that were deleted are never found.", "Tente menos palavras ou só as primeiras letras, e retire filtros. Contatos excluídos nunca são encontrados.";
    found: "Contacts found", "Contatos encontrados";
    name: "Name", "Nome";
    created: "Created", "Criado";
    updated: "Changed", "Alterado";
    next: "Next", "Próximos";
    previous: "Previous", "Anteriores";
    contact: "Contact", "Contato";
    id: "Id", "Id";
    version: "Version (ETag)", "Versão (ETag)";
    no_value: "none", "nenhum";
    deleted: "deleted", "excluído";
    deleted_about: "This contact was deleted for good. Its data was erased, also in dead letters; only that it existed is kept, so that no late command brings it back.", "Este contato foi excluído definitivamente. Seus dados foram apagados, também nas mensagens mortas; só se guarda que ele existiu, para que nenhum comando atrasado o traga de volta.";
    deleted_at: "Deleted", "Excluído";
    unborn: "not created yet", "ainda não criado";
    unborn_about: "A change arrived before the create. It is kept and shows once the create is applied; look below for what became of that.", "Uma alteração chegou antes da criação. Ela fica guardada e aparece quando a criação for aplicada; veja abaixo o que houve com a criação.";
    waiting: "nothing applied yet", "nada aplicado ainda";
    waiting_about: "contato issued this id, but no command of it was applied: its create is on its way, or waits as a dead letter.", "Este id foi emitido aqui, mas nenhum comando dele foi aplicado: a criação está a caminho, ou espera como mensagem morta.";
    unknown: "Unknown contact", "Contato desconhecido";
    unknown_about: "contato never issued this id. Was it cut off when it was copied, or is it the id of a command?", "Este id nunca foi emitido aqui. Ele foi cortado ao copiar, ou é o id de um comando?";
    history: "History of its commands", "Histórico de comandos";
    no_history: "No command of it has ended, or their outcomes are no longer kept.", "Nenhum comando dele terminou, ou os desfechos não são mais guardados.";
    command: "Command", "Comando";
    operation: "Operation", "Operação";
    status: "Status", "Situação";
    accepted: "Accepted", "Aceito";
    finished: "Ended", "Terminou";
    attempts: "Attempts", "Tentativas";
    older: "Older", "Mais antigos";
    newest: "Newest", "Mais novos";
    another: "Search contacts", "Buscar contatos";
}

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(
        resource(CONTACTS, "GET, HEAD, POST")
            .get(search::ask)
            .head(search::ask)
            .post(search::search),
    );
    super::page(config, CONTACT, show::show);
}
