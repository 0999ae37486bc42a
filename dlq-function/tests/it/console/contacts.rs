//! Contacts: search, and one contact with its history, in the clear.

use shared::{
    domain::{Action, Changes, Command, ContactId, Email, Name, NewContact, Phone, Stamp},
    wire::{Envelope, Reason},
};
use test_support::{Pair, on_both_pairs};
use uuid::Uuid;

use super::Browser;
use crate::dead_letters::{Desk, send_dead_letter};

on_both_pairs!(
    a_contact_is_found_by_the_beginnings_of_its_words,
    a_search_that_breaks_rules_is_told_so_in_words,
    what_is_found_is_paged_without_anything_in_addresses,
    a_contact_has_its_history_and_its_dead_letters,
    what_is_no_contact_is_explained,
);

fn create(pair: &Pair, name: &str, phone: Option<&str>, email: Option<&str>) -> Envelope {
    let created = pair.create(name);
    let contact = NewContact {
        name: Name::parse(name).unwrap(),
        phone: phone.map(|phone| Phone::parse(phone).unwrap()),
        email: email.map(|email| Email::parse(email).unwrap()),
    };
    let command = Command {
        action: Action::Create(contact),
        ..created.command
    };
    pair.envelope(command.id, command)
}

/// Another command to a contact, a while after now.
fn to(pair: &Pair, contact_id: ContactId, after_ms: u64, action: Action) -> Envelope {
    let now = pair.parts.clock.now_ms() + after_ms;
    let id = pair.ids.issue(now, 0).command;
    let command = Command {
        id,
        contact_id,
        stamp: Stamp::at_ms(now),
        if_match: None,
        action,
    };
    pair.envelope(id, command)
}

fn rename(name: &str) -> Action {
    Action::Update(Changes {
        name: Some(Name::parse(name).unwrap()),
        ..Changes::default()
    })
}

/// Applies commands, as a worker does.
async fn apply(pair: &Pair, envelopes: &[Envelope]) {
    for envelope in envelopes {
        let entry = envelope.entry(1, pair.ids.key());
        let latest = Stamp::at_ms(pair.parts.clock.now_ms() + 60_000);
        let now = pair.parts.clock.now();
        pair.parts.store.apply(&[entry], now, latest).await.unwrap();
    }
}

async fn a_contact_is_found_by_the_beginnings_of_its_words(pair: Pair) {
    let ana = create(
        &pair,
        "Ana <b>Conceição</b>",
        Some("(11) 98765-4321"),
        Some("ana@example.com"),
    );
    let ivo = create(&pair, "Ivo Lima", Some("2123456789"), None);
    apply(&pair, &[ana.clone(), ivo]).await;
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    let page = browser.get("/contacts").await;
    assert_eq!((page.status, page.text("h1")), (200, "Contacts".to_owned()));
    let form = page.form("/contacts");
    for (field, typed) in [
        ("q", "CONCEICAO an"),
        ("q", "(11) 9876"),
        ("q", "ana@exam"),
        ("areaCode", "11"),
        ("state", "SP"),
        ("phone", "11987654321"),
        ("email", "ana@example.com"),
    ] {
        let page = browser.submit(&form.clone().with(field, typed)).await;
        assert_eq!(
            page.texts("tbody td"),
            ["Ana <b>Conceição</b>", "(11) 98765-4321", "SP", "ana@example.com"]
                .map(str::to_owned)
                .into_iter()
                .chain(page.texts("tbody td:last-child"))
                .collect::<Vec<_>>(),
            "{field} {typed}"
        );
        assert_eq!(page.form("/contacts").value(field), Some(typed), "it stays typed");
    }
    let page = browser.submit(&form.clone().with("q", "xyzzy")).await;
    assert!(page.says("No contact has all of this.") && page.says("from their beginning"));

    // Whoever has the id of a contact, or follows a link of what was found, comes to it.
    let by_id = form.clone().with("q", &ana.command.contact_id.to_string());
    let page = browser.submit(&by_id).await;
    assert_eq!(page.path, format!("/contacts/{}", ana.command.contact_id));
    assert_eq!(page.text("h1"), "Ana <b>Conceição</b>");
    assert!(!page.texts("title").concat().contains("Ana"));
    let facts = page.texts("dl.facts dd");
    for fact in ["(11) 98765-4321", "11 (SP)", "ana@example.com"] {
        assert!(facts.contains(&fact.to_owned()), "{fact} of {facts:?}");
    }
    let unproven = form.with("csrf", "");
    assert_eq!(browser.submit(&unproven).await.status, 403);
    desk.running.stop().await;
}

async fn a_search_that_breaks_rules_is_told_so_in_words(pair: Pair) {
    let desk = Desk::open(&pair).await;
    for (language, phone, email) in [
        (
            "en",
            "Whole phone: must be a telephone number",
            "Whole e-mail: must be an e-mail address",
        ),
        (
            "pt-BR",
            "Telefone completo: deve ser um telefone",
            "E-mail completo: deve ser um e-mail",
        ),
    ] {
        let browser = Browser::new(desk.address()).speaking(language);
        let form = browser.get("/contacts").await.form("/contacts");
        let page = browser
            .submit(&form.with("phone", "what").with("email", "ana"))
            .await;
        assert_eq!(page.status, 422);
        let told = page.text("[role=alert]");
        assert!(told.contains(phone) && told.contains(email), "{told}");
        assert_eq!(page.form("/contacts").value("phone"), Some("what"));
    }
    desk.running.stop().await;
}

async fn what_is_found_is_paged_without_anything_in_addresses(pair: Pair) {
    let creates: Vec<_> = (0..45)
        .map(|n| create(&pair, &format!("Ana {n:02}"), None, None))
        .collect();
    apply(&pair, &creates).await;
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    let form = browser.get("/contacts").await.form("/contacts");
    let mut page = browser.submit(&form.with("q", "ana").with("sort", "name")).await;
    let mut pages = Vec::new();
    loop {
        assert!(!page.path.contains('?'), "{}", page.path);
        pages.push(page.texts("tbody td:first-child"));
        let onwards = page.forms("/contacts").pop().unwrap();
        let is_last = page
            .texts(".pager button")
            .last()
            .is_none_or(|name| name != "Next");
        if is_last {
            break;
        }
        page = browser.submit(&onwards).await;
    }
    let expected: Vec<_> = (0..45).map(|n| format!("Ana {n:02}")).collect();
    assert_eq!((pages.len(), pages.concat()), (3, expected));
    let back = page.forms("/contacts").pop().unwrap();
    assert_eq!(
        browser.submit(&back).await.texts("tbody td:first-child"),
        pages[1]
    );
    let forged = back.with("cursor", "AAAA");
    assert_eq!(browser.submit(&forged).await.status, 400);
    desk.running.stop().await;
}

async fn a_contact_has_its_history_and_its_dead_letters(pair: Pair) {
    let ana = create(&pair, "Ana", None, None);
    let id = ana.command.contact_id;
    let renames: Vec<_> = (1..=24)
        .map(|n| to(&pair, id, n, rename(&format!("Ana {n}"))))
        .collect();
    apply(&pair, std::slice::from_ref(&ana)).await;
    apply(&pair, &renames).await;
    let desk = Desk::open(&pair).await;
    let dead = to(&pair, id, 500, rename("Eva"));
    send_dead_letter(&pair, &dead, Reason::StoreRefused).await;
    let letter = desk.listed("", 1).await.remove(0);
    let browser = Browser::new(desk.address());
    let page = browser.get(&format!("/contacts/{id}")).await;
    assert_eq!((page.status, page.text("h1")), (200, "Ana 24".to_owned()));
    let newest: Vec<_> = renames.iter().rev().take(19).collect();
    let mut expected = vec![dead.command.id.to_string()];
    expected.extend(newest.iter().map(|rename| rename.command.id.to_string()));
    assert_eq!(page.texts("[aria-labelledby=history] td:first-child"), expected);
    let statuses = page.texts("[aria-labelledby=history] .tag");
    assert_eq!(&statuses[..2], ["dead-lettered", "applied"]);
    let link = format!("/dead-letters/{}", letter["id"].as_str().unwrap());
    assert_eq!(page.attributes("[aria-labelledby=dead] a", "href"), [link]);

    let [older] = page.attributes(".pager a", "href").try_into().unwrap();
    let page = browser.get(&older).await;
    let history = page.attributes("[aria-labelledby=history] td:first-child a", "href");
    assert_eq!(history.len(), 6);
    assert_eq!(history[5], format!("/commands/{}", ana.command.id));
    assert_eq!(page.attributes(".pager a", "href"), [format!("/contacts/{id}")]);
    desk.running.stop().await;
}

async fn what_is_no_contact_is_explained(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    let ana = create(&pair, "Ana Souza", None, None);
    let gone = ana.command.contact_id;
    apply(&pair, &[ana.clone(), to(&pair, gone, 1, Action::Delete)]).await;
    let unborn = pair.create("Bia").command.contact_id;
    apply(&pair, &[to(&pair, unborn, 1, rename("Bia"))]).await;
    let waiting = pair.create("Ivo").command.contact_id;
    let foreign = ContactId::from_uuid(Uuid::now_v7());
    for (id, status, tag, words) in [
        (gone, 200, Some("deleted"), "Its data was erased"),
        (
            unborn,
            200,
            Some("not created yet"),
            "A change arrived before the create.",
        ),
        (
            waiting,
            200,
            Some("nothing applied yet"),
            "no command of it was applied",
        ),
        (foreign, 404, None, "contato never issued this id."),
    ] {
        let page = browser.get(&format!("/contacts/{id}")).await;
        assert_eq!(page.status, status, "{words}");
        assert!(page.says(words), "{words}: {}", page.html);
        assert!(!page.says("Souza") && !page.says("Bia"));
        let tags = page.texts("main > section:first-of-type .tag");
        assert_eq!(tags.first().map(String::as_str), tag);
    }
    let page = browser.get(&format!("/contacts/{gone}")).await;
    assert_eq!(
        page.texts("[aria-labelledby=history] .tag"),
        ["applied", "applied"]
    );
    assert_eq!(browser.get("/contacts/anything").await.status, 404);
    desk.running.stop().await;
}
