//! What surrounds every page: its head, the way to the others, and the choices of language and theme.

use super::{
    Visit, assets,
    language::Language,
    pages::{
        AUDIT, COMMANDS, CONTACTS, DEAD_LETTERS, FOLLOWERS, INBOX, OVERVIEW, PREFERENCES, REPLAYS, SIGN_OUT,
    },
    texts,
    visit::Theme,
};
use shared::http::access::Scope;

texts! {
    skip: "Skip to the content", "Ir para o conteúdo";
    pages: "Pages", "Páginas";
    overview: "Overview", "Visão geral";
    inbox: "Inbox", "Caixa de entrada";
    dead_letters: "Dead letters", "Mensagens mortas";
    replays: "Replays", "Reenvios";
    contacts: "Contacts", "Contatos";
    commands: "Commands", "Comandos";
    audit: "Audit", "Auditoria";
    sign_out: "Sign out", "Sair";
    signed_in_as: "Signed in as", "Você entrou como";
    language: "Language", "Idioma";
    theme: "Theme", "Tema";
    system: "System", "Sistema";
    light: "Light", "Claro";
    dark: "Dark", "Escuro";
    choose: "Apply", "Aplicar";
    keys: "Keys", "Atalhos";
    key_move: "Next and previous in a list", "Próximo e anterior em uma lista";
    key_open: "Open it", "Abrir";
    key_tick: "Tick it", "Marcar";
    key_filter: "First filter", "Primeiro filtro";
    key_help: "This help", "Esta ajuda";
    key_close: "Close it", "Fechar";
    keys_off: "Turn these keys off, in this browser", "Desativar os atalhos neste navegador";
    close: "Close", "Fechar";
    copy: "Copy", "Copiar";
    copied: "Copied", "Copiado";
    tick_all: "Tick all", "Marcar todas";
}

/// An entry of the way to other pages.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) path: &'static str,
    pub(crate) name: &'static str,
    /// The key that leads there after a `g`.
    pub(crate) key: char,
    pub(crate) is_here: bool,
}

/// After how many seconds a browser without scripts gets a page anew that waits for one thing to end.
pub(crate) const SOON_SECONDS: u32 = 3;
/// The same for a page that just stays open.
pub(crate) const LATER_SECONDS: u32 = 30;

/// What the layout needs; every page has one, named `frame`.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) visit: &'a Visit,
    pub(crate) t: &'static Texts,
    pub(crate) assets: &'static assets::Places,
    /// Seconds after which a browser without scripts gets the page anew; with scripts, htmx sees to its parts.
    pub(crate) refresh: Option<u32>,
}

impl<'a> Frame<'a> {
    pub(crate) fn new(visit: &'a Visit) -> Self {
        Self {
            visit,
            t: Texts::of(visit.language),
            assets: assets::places(),
            refresh: None,
        }
    }

    /// The pages that the reader may see.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let t = self.t;
        let entries: [(_, _, _, &[Scope]); _] = [
            (OVERVIEW, t.overview, 'o', &[Scope::DeadLettersRead]),
            (INBOX, t.inbox, 'i', &[Scope::DeadLettersRead]),
            (DEAD_LETTERS, t.dead_letters, 'd', &[Scope::DeadLettersRead]),
            (REPLAYS, t.replays, 'r', &[Scope::DeadLettersRead]),
            (CONTACTS, t.contacts, 'c', &[Scope::ContactsRead]),
            (COMMANDS, t.commands, 'm', &FOLLOWERS),
            (AUDIT, t.audit, 'a', &[Scope::AuditRead]),
        ];
        let seen = entries
            .into_iter()
            .filter(|(_, _, _, any_of)| any_of.iter().any(|scope| self.visit.may(*scope)));
        let entry = |(path, name, key, _)| Entry {
            path,
            name,
            key,
            is_here: if path == OVERVIEW {
                self.visit.here.split('?').next() == Some(OVERVIEW)
            } else {
                self.visit.is_at(path)
            },
        };
        seen.map(entry).collect()
    }

    pub(crate) fn languages(&self) -> [Language; 2] {
        Language::ALL
    }

    pub(crate) fn themes(&self) -> [(Theme, &'static str); 3] {
        let t = self.t;
        [
            (Theme::System, t.system),
            (Theme::Light, t.light),
            (Theme::Dark, t.dark),
        ]
    }

    pub(crate) fn preferences_path(&self) -> &'static str {
        PREFERENCES
    }

    pub(crate) fn sign_out_path(&self) -> &'static str {
        SIGN_OUT
    }
}
