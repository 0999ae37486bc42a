//! The list of dead letters, one of them, and what is done to one or many, with a real worker behind it.

use reqwest::Method;
use serde_json::{Value, json};
use shared::{
    broker::Queue,
    domain::{Phone, Rejection},
    settings::AuthMode,
    store::{
        audit::{Act, AuditFilter, Entry},
        dead_letters::{DeadLetterFilter, DeadLetterState},
    },
    wire::{CommandStatus, DeadLetter, Reason},
};
use test_support::{Pair, eventually, on_both_pairs};
use uuid::Uuid;

use super::{
    Browser, Form, Page,
    sign_in::{PASSWORD, operators, sign_in},
};
use crate::{
    dead_letters::{Desk, letter, publish, send_dead_letter, send_with_detail, worker},
    edit,
};

on_both_pairs!(
    the_list_is_filtered_and_goes_on_page_by_page,
    one_is_sent_again_and_its_outcome_shows,
    one_is_discarded_once_that_is_meant,
    one_is_archived_and_put_back,
    what_was_ticked_is_done_and_what_could_not_be_is_named,
    all_that_match_are_those_that_were_counted,
    a_correction_is_checked_shown_and_sent,
    a_message_in_the_clear_is_audited_and_scripts_in_it_are_text,
    the_message_in_the_clear_is_filled_in_and_corrected,
    what_is_not_there_or_refused_is_told_in_both_languages,
    what_somebody_may_not_do_is_neither_offered_nor_done,
);

const ALL: &str = "/dead-letters";
const CONFIRM: &str = "/dead-letters/confirm";
const ACTS: &str = "/dead-letters/acts";

fn place(letter: &Value) -> String {
    format!("{ALL}/{}", letter["id"].as_str().unwrap())
}

async fn noted(pair: &Pair, act: Act) -> Vec<Entry> {
    let filter = AuditFilter {
        act: Some(act),
        ..AuditFilter::default()
    };
    pair.parts.store.audit_page(&filter, None, 100).await.unwrap()
}

/// Each with a reason and a name.
async fn dead(pair: &Pair, desk: &Desk, reason: Reason, names: &[&str]) -> Vec<Value> {
    for name in names {
        send_dead_letter(pair, &pair.create(name), reason).await;
    }
    let query = format!("reason={}&limit=100", reason.as_str());
    desk.listed(&query, names.len()).await
}

/// The form that asks for an act on those that are ticked, and the one for all that match.
fn act_forms(page: &Page) -> (Form, Form) {
    let [ticked, all] = page.forms(CONFIRM).try_into().unwrap();
    (ticked, all)
}

fn titled(page: &Page) -> (u16, String) {
    (page.status, page.text("h1"))
}

/// To see it red: leave the filters out of the link to the next page.
async fn the_list_is_filtered_and_goes_on_page_by_page(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    let page = browser.get(ALL).await;
    assert_eq!(titled(&page), (200, "Dead letters".to_owned()));
    assert!(page.says("No dead letter matches."));

    dead(&pair, &desk, Reason::StoreRefused, &["Ana Souza"; 51]).await;
    let other = dead(&pair, &desk, Reason::HandlerPanic, &["Bia Souza"]).await;
    let newest = desk.listed("limit=1", 1).await.remove(0);
    let page = browser.get(ALL).await;
    let links = page.attributes("tbody a:has(code)", "href");
    assert_eq!(links[0], place(&newest), "newest first");
    assert!(!page.says("Souza"));

    let filtered = page.form(ALL).with("reason", "store-refused");
    let first = browser.submit(&filtered).await;
    assert_eq!(first.texts("tbody tr").len(), 50);
    assert_eq!(first.texts("[rel=first]").len(), 0);
    let [next] = first.attributes("[rel=next]", "href").try_into().unwrap();
    let second = browser.get(&next).await;
    assert_eq!(second.texts("tbody tr").len(), 1);
    assert_eq!(second.texts("[rel=next]").len(), 0);
    let back = browser.get(&second.attributes("[rel=first]", "href")[0]).await;
    assert_eq!(
        back.attributes("[name=id]", "value"),
        first.attributes("[name=id]", "value")
    );

    // A page to plan a replay of all is about the same.
    let [replay] = first.attributes("a.button", "href").try_into().unwrap();
    assert!(
        replay.starts_with("/replays/new?") && replay.contains("reason=store-refused"),
        "{replay}"
    );
    let group = other[0]["group"].as_str().unwrap();
    let alike = browser.get(&format!("{ALL}?group={group}")).await;
    assert_eq!(
        alike.attributes("[name=id]", "value"),
        [other[0]["id"].as_str().unwrap()]
    );
    let broken = browser.get(&format!("{ALL}?state=segredo")).await;
    assert_eq!(titled(&broken), (400, "The request breaks a rule".to_owned()));
    assert!(!broken.text("main").contains("segredo"));
    desk.running.stop().await;
}

async fn one_is_sent_again_and_its_outcome_shows(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let create = pair.create("Ana Souza");
    send_dead_letter(&pair, &create, Reason::StoreRefused).await;
    let letter = desk.listed("", 1).await.remove(0);
    let browser = Browser::new(desk.address());
    let page = browser.get(&place(&letter)).await;
    assert_eq!(page.status, 200);
    for told in [
        "store-refused",
        "Find out why: the detail has the SQLSTATE.",
        "SQL refuses it: refused (code 23514)",
        "Sent again now, it would apply.",
        "\"name\": \"A***\"",
        "attempt 4, worker w/1",
        &create.command.id.to_string(),
    ] {
        assert!(page.says(told), "{told}: {}", page.text("main"));
    }
    assert!(!page.html.contains("Souza"));
    assert_eq!(page.texts("noscript").len(), 0, "nothing is awaited");

    let replay = page.form(&format!("{}/replay", place(&letter)));
    let page = browser.submit(&replay).await;
    assert_eq!(page.status, 200);
    assert!(page.text("[role=status]").starts_with("It was sent again."));
    assert_eq!(page.text(".facts .tag"), "sent again");
    let fate = page.attributes("[hx-get]", "hx-get").remove(0);
    let known = browser.get(&fate).await;
    assert_eq!(
        (known.status, known.headers.get("hx-refresh")),
        (204, None),
        "not known yet"
    );
    // Without scripts the page comes again by itself.
    assert!(page.html.contains(r#"<noscript><meta http-equiv="refresh""#));

    let worker = worker(&pair).await;
    let page = eventually("its outcome shows", async || {
        let page = browser.get(&place(&letter)).await;
        (page.text(".facts .tag") == "resolved").then_some(page)
    })
    .await;
    assert_eq!(browser.get(&fate).await.headers["hx-refresh"], "true");
    assert!(page.says("Nothing: it is closed"));
    assert_eq!(page.forms(&format!("{}/replay", place(&letter))).len(), 0);
    let refused = browser.submit(&replay).await;
    assert_eq!(titled(&refused), (409, "Nothing was done".to_owned()));
    assert!(refused.says("Its command has ended"), "{}", refused.text("main"));
    worker.stop().await;
    desk.running.stop().await;
}

/// To see it red: discard without looking at the box.
async fn one_is_discarded_once_that_is_meant(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let create = pair.create("Ana Souza");
    send_dead_letter(&pair, &create, Reason::StoreRefused).await;
    let letter = desk.listed("", 1).await.remove(0);
    let browser = Browser::new(desk.address());
    let place = place(&letter);
    let asks = format!("{place}/discard");
    let page = browser.get(&place).await;
    assert!(page.attributes("a", "href").contains(&asks));
    let form = browser.get(&asks).await.form(&asks);
    let page = browser.submit(&form).await;
    assert_eq!((page.status, page.text("[role=alert]").is_empty()), (422, false));
    desk.listed("state=open", 1).await;

    let page = browser.submit(&page.form(&asks).with("sure", "yes")).await;
    assert_eq!(
        (page.status, page.text(".facts .tag")),
        (200, "discarded".to_owned())
    );
    assert!(page.text("[role=status]").starts_with("It was discarded"));
    let recorded = pair.parts.store.command(create.command.id).await.unwrap();
    assert_eq!(
        recorded.unwrap().status,
        CommandStatus::Rejected(Rejection::Discarded)
    );
    assert_eq!(noted(&pair, Act::Discard).await.len(), 1);
    desk.running.stop().await;
}

async fn one_is_archived_and_put_back(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let letter = dead(&pair, &desk, Reason::StoreRefused, &["Ana"]).await.remove(0);
    let browser = Browser::new(desk.address());
    let (archive, restore) = (
        format!("{}/archive", place(&letter)),
        format!("{}/restore", place(&letter)),
    );
    let page = browser.get(&place(&letter)).await;
    assert_eq!(page.forms(&restore).len(), 0);
    let put = page.form(&archive);
    let page = browser.submit(&put).await;
    assert_eq!(page.text(".facts .tag"), "archived");
    assert!(page.text("[role=status]").starts_with("It was archived."));
    assert_eq!(page.forms(&archive).len(), 0);
    // Asked for again, nothing is said to have been done.
    let again = browser.submit(&put).await;
    assert_eq!(again.texts("[role=status]").len(), 0);
    let page = browser.submit(&page.form(&restore)).await;
    assert_eq!(page.text(".facts .tag"), "open");
    assert_eq!(noted(&pair, Act::Archive).await.len(), 1);
    assert_eq!(noted(&pair, Act::Restore).await.len(), 1);
    desk.running.stop().await;
}

/// To see it red: do not compare what was typed.
async fn what_was_ticked_is_done_and_what_could_not_be_is_named(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let letters = dead(&pair, &desk, Reason::StoreRefused, &["Ana", "Bia", "Eva"]).await;
    let ids: Vec<_> = letters
        .iter()
        .map(|letter| letter["id"].as_str().unwrap())
        .collect();
    let browser = Browser::new(desk.address());
    let (ticked, _) = act_forms(&browser.get(ALL).await);
    let nothing = browser.submit(&ticked.clone().with("act", "archive")).await;
    assert!(nothing.text("[role=status]").starts_with("Nothing was ticked"));

    let two = ticked.with("id", ids[0]).and("id", ids[1]);
    let asks = browser.submit(&two.clone().with("act", "archive")).await;
    assert_eq!(titled(&asks), (200, "Archive: 2 dead letters".to_owned()));
    let done = browser.submit(&asks.form(ACTS)).await;
    assert_eq!(titled(&done), (200, "Archived: 2 dead letters".to_owned()));
    desk.listed("state=archived", 2).await;
    let asks = browser.submit(&two.clone().with("act", "archive")).await;
    assert!(asks.says("This cannot be done to any of them."));

    // The first ends while another looks at the page.
    let three = two.and("id", ids[2]).with("act", "discard");
    let asks = browser.submit(&three).await;
    assert_eq!(titled(&asks), (200, "Discard: 3 dead letters".to_owned()));
    assert_eq!(
        desk.post(&format!("/v1/dead-letters/{}/discard", ids[0])).await.0,
        200
    );
    let changed = browser.submit(&asks.form(ACTS).with("typed", "3")).await;
    assert_eq!(titled(&changed), (409, "Nothing was done".to_owned()));
    assert!(changed.says("3 were expected and 2 match now."));

    let asks = browser.submit(&three).await;
    assert!(
        asks.says("3 ticked. The state of the others"),
        "{}",
        asks.text("main")
    );
    for typed in ["", "3", "two"] {
        let wrong = browser.submit(&asks.form(ACTS).with("typed", typed)).await;
        assert_eq!(wrong.status, 422, "{typed}");
        assert_eq!(
            wrong.text("[role=alert]"),
            "Another number was typed. Nothing was done."
        );
        assert_eq!(
            wrong.form(ACTS).body(),
            asks.form(ACTS).body(),
            "it can be typed again"
        );
    }
    desk.listed("state=discarded", 1).await;
    let done = browser.submit(&asks.form(ACTS).with("typed", "2")).await;
    assert_eq!(titled(&done), (200, "Discarded: 2 dead letters".to_owned()));
    assert_eq!(done.texts("tbody tr").len(), 1, "{}", done.html);
    assert!(done.text("tbody tr").contains("It was discarded"));
    desk.listed("state=discarded", 3).await;
    desk.running.stop().await;
}

/// To see it red: leave `until` out of what is frozen.
async fn all_that_match_are_those_that_were_counted(pair: Pair) {
    let desk = Desk::open(&pair).await;
    dead(&pair, &desk, Reason::StoreRefused, &["Ana", "Bia"]).await;
    dead(&pair, &desk, Reason::HandlerPanic, &["Eva"]).await;
    let browser = Browser::new(desk.address());
    let (_, all) = act_forms(&browser.get("/dead-letters?reason=store-refused").await);
    let asks = browser.submit(&all.clone().with("act", "discard")).await;
    assert_eq!(titled(&asks), (200, "Discard: 2 dead letters".to_owned()));
    for told in ["Reason store-refused", "State open", "Received before 2"] {
        assert!(asks.says(told), "{told}: {}", asks.text("main"));
    }
    send_dead_letter(&pair, &pair.create("Ivo"), Reason::StoreRefused).await;
    let three = desk.listed("reason=store-refused", 3).await;
    let done = browser.submit(&asks.form(ACTS).with("typed", "2")).await;
    assert_eq!(titled(&done), (200, "Discarded: 2 dead letters".to_owned()));
    let left = desk.listed("reason=store-refused&state=open", 1).await;
    assert_eq!(left[0]["id"], three[0]["id"], "what arrived later is untouched");
    desk.listed("reason=handler-panic&state=open", 1).await;

    // What is archived is restored without a word about states.
    let asks = browser.submit(&all.clone().with("act", "archive")).await;
    browser.submit(&asks.form(ACTS)).await;
    let asks = browser.submit(&all.with("act", "restore")).await;
    assert_eq!(titled(&asks), (200, "Restore: 1 dead letter".to_owned()));
    let forged = asks.form(ACTS).with("expect", "");
    assert_eq!(browser.submit(&forged).await.status, 400);
    browser.submit(&asks.form(ACTS)).await;
    desk.listed("state=open", 2).await;
    desk.running.stop().await;
}

/// Posts a form of the page to correct, by the step that its button has.
async fn step(browser: &Browser, page: &Page, form: &str, step: &str, typed: &[(&str, &str)]) -> Page {
    let form = page.form_of(form);
    let form = typed
        .iter()
        .fold(form, |form, (name, value)| form.with(name, value));
    browser.submit(&form.with("step", step)).await
}

/// To see it red: send what stands in the form of fields rather than what was checked.
async fn a_correction_is_checked_shown_and_sent(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let create = edit::create(&pair);
    send_dead_letter(&pair, &create, Reason::Unstorable).await;
    let original = desk.listed("", 1).await.remove(0);
    let browser = Browser::new(desk.address());
    let path = format!("{}/edit", place(&original));
    assert!(
        browser
            .get(&place(&original))
            .await
            .attributes("a", "href")
            .contains(&path)
    );
    let page = browser.get(&path).await;
    assert_eq!(titled(&page), (200, "Correct and send".to_owned()));
    assert!(page.says("Phone (now ***32)"), "{}", page.text("main"));
    for personal in ["Souza", "99876", "example.org"] {
        assert!(!page.html.contains(personal), "{personal}");
    }

    let nothing = step(&browser, &page, "#edit", "check", &[]).await;
    assert_eq!(nothing.status, 422);
    assert!(nothing.text("[role=alert]").contains("must have a name"));
    let typed = [("phone", "12"), ("name", "Bia Lima"), ("clear", "email")];
    let wrong = step(&browser, &page, "#edit", "check", &typed).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text("#wrong-phone").starts_with("Phone: "));
    let kept = wrong.form_of("#edit");
    for (name, value) in typed {
        assert_eq!(kept.value(name), Some(value), "what was typed stays");
    }
    assert_eq!(wrong.attributes("#send", "action").len(), 0);
    let torn = [("email", "bia@example.org"), ("clear", "email")];
    let torn = step(&browser, &page, "#edit", "check", &torn).await;
    assert!(torn.text("#wrong-email").contains("choose one"));
    let both = [("name", "Bia Lima"), ("message", "{}")];
    let both = step(&browser, &page, "#edit", "check", &both).await;
    assert!(both.text("[role=alert]").contains("either fields"));

    let typed = [("phone", "(21) 2345-6789"), ("clear", "email")];
    let checked = step(&browser, &page, "#edit", "check", &typed).await;
    assert_eq!(checked.status, 200, "{}", checked.html);
    let changes = checked.texts("[aria-labelledby=changes] tbody tr");
    assert_eq!(changes, ["Phone ***32 ***89", "E-mail an***@… empty"]);
    assert!(checked.says("Sent, it would apply."));
    desk.listed("state=open", 1).await;

    let sent = step(&browser, &checked, "#send", "send", &[]).await;
    assert_eq!(sent.status, 200);
    assert!(
        sent.text("[role=status]")
            .starts_with("This is the corrected one.")
    );
    assert_ne!(sent.path.split('?').next(), Some(place(&original).as_str()));
    assert!(sent.attributes("a", "href").contains(&place(&original)));
    let closed = browser.get(&place(&original)).await;
    assert_eq!(closed.text(".facts .tag"), "corrected");
    assert!(closed.says("The corrected one, sent in its place:"));
    let worker = worker(&pair).await;
    let contact = edit::applied(&pair, &create).await;
    assert_eq!(contact.phone, Phone::parse("(21) 2345-6789").ok());
    assert_eq!(contact.email, None);
    assert_eq!(noted(&pair, Act::EditAndReplay).await.len(), 1);
    worker.stop().await;
    desk.running.stop().await;
}

/// To see it red: answer before it is noted, or mark text as safe in a template.
async fn a_message_in_the_clear_is_audited_and_scripts_in_it_are_text(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let script = "<script>alert(\"&amp;\")</script>";
    let body = json!({ "contact": { "name": script }, "operation": script }).to_string();
    let raw = DeadLetter {
        reason: Reason::Undecodable,
        detail: format!("not a command: {script}"),
        worker: script.to_owned(),
        traceparent: Some(script.to_owned()),
        content_type: script.to_owned(),
        ..letter(&pair, body.into_bytes())
    };
    publish(&pair, Queue::DeadLetters, raw.encode()).await;
    let letter = desk.listed("", 1).await.remove(0);
    let browser = Browser::new(desk.address());
    let (list, page) = (browser.get(ALL).await, browser.get(&place(&letter)).await);
    assert!(page.says(&format!("not a command: {script}")));
    let path = format!("{}/reveal", place(&letter));

    pair.sql("ALTER TABLE audit RENAME TO hidden").await;
    let refused = browser.submit(&page.form(&path)).await;
    assert_eq!(titled(&refused), (503, "The database does not answer".to_owned()));
    pair.sql("ALTER TABLE hidden RENAME TO audit").await;

    let clear = browser.submit(&page.form(&path)).await;
    assert_eq!(
        (clear.status, clear.path.as_str()),
        (200, path.as_str()),
        "no redirect"
    );
    assert_eq!(clear.headers["cache-control"], "no-store");
    let shown = clear.text("pre");
    assert!(
        shown.contains(r#""name": "<script>alert(\"&amp;\")</script>""#),
        "{shown}"
    );
    for page in [&list, &page, &clear] {
        let scripts = page.attributes("script", "src");
        assert_eq!(page.texts("script").len(), scripts.len(), "only those of ours");
        assert!(!page.html.contains(script));
    }
    let noted = noted(&pair, Act::Reveal).await;
    assert_eq!(noted.len(), 1);
    assert_eq!(
        noted[0].dead_letter.map(|id| id.to_string()).as_deref(),
        letter["id"].as_str()
    );

    let raw = DeadLetter {
        reason: Reason::TooLarge,
        ..crate::dead_letters::letter(&pair, vec![0xff, 0])
    };
    publish(&pair, Queue::DeadLetters, raw.encode()).await;
    let letter = desk.listed("reason=too-large", 1).await.remove(0);
    let page = browser.get(&place(&letter)).await;
    let clear = browser
        .submit(&page.form(&format!("{}/reveal", place(&letter))))
        .await;
    assert_eq!(clear.text("pre"), "/wA=");
    assert!(clear.says("In base64"));
    desk.running.stop().await;
}

async fn the_message_in_the_clear_is_filled_in_and_corrected(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let create = edit::create(&pair);
    send_with_detail(&pair, &create, Reason::StoreRefused, "segue").await;
    let original = desk.listed("", 1).await.remove(0);
    let browser = Browser::new(desk.address());
    let page = browser.get(&format!("{}/edit", place(&original))).await;
    let filled = step(&browser, &page, "#reveal", "reveal", &[]).await;
    assert_eq!(noted(&pair, Act::Reveal).await.len(), 1);
    let message = filled.form_of("#edit");
    let message = message.value("message").unwrap();
    assert!(message.contains("\n  \"contact\": {\n"), "{message}");
    let broken = [("message", "{\"operation\":")];
    let broken = step(&browser, &filled, "#edit", "check", &broken).await;
    assert_eq!(broken.status, 422);
    assert!(!broken.text("#wrong-message").is_empty());
    let corrected = message.replace("Ana Souza", "Bia Lima");
    let typed = [("message", corrected.as_str())];
    let checked = step(&browser, &filled, "#edit", "check", &typed).await;
    assert_eq!(
        checked.text("[aria-labelledby=changes] tbody tr"),
        "Name A*** B***"
    );
    step(&browser, &checked, "#send", "send", &[]).await;
    let worker = worker(&pair).await;
    assert_eq!(edit::applied(&pair, &create).await.name.as_str(), "Bia Lima");
    worker.stop().await;
    desk.running.stop().await;
}

async fn what_is_not_there_or_refused_is_told_in_both_languages(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    for id in [Uuid::now_v7().to_string(), "segredo".to_owned()] {
        for part in ["", "/edit", "/discard", "/fate"] {
            let page = browser.get(&format!("{ALL}/{id}{part}")).await;
            assert_eq!(titled(&page), (404, "Nothing is here".to_owned()), "{id}{part}");
        }
    }
    let letter = dead(&pair, &desk, Reason::StoreRefused, &["Ana"]).await.remove(0);
    let portuguese = Browser::new(desk.address()).speaking("pt-BR");
    let page = portuguese.get(&place(&letter)).await;
    assert!(page.text("h1").starts_with("Mensagem morta"));
    assert!(
        page.says("Reenviada agora, ela seria aplicada."),
        "{}",
        page.text("main")
    );
    assert_eq!(desk.post(&format!("/v1{}/discard", place(&letter))).await.0, 200);
    let refused = portuguese
        .submit(&page.form(&format!("{}/replay", place(&letter))))
        .await;
    assert_eq!(titled(&refused), (409, "Nada foi feito".to_owned()));
    assert!(refused.says("Ela foi descartada; não resta nada a reenviar."));
    let (_, all) = act_forms(&portuguese.get(ALL).await);
    let asks = portuguese.submit(&all.with("act", "archive")).await;
    assert_eq!(titled(&asks), (200, "Arquivar: 0 mensagem morta".to_owned()));
    desk.running.stop().await;
}

/// To see it red: leave `visit.with` out of a handler, or show what `visit.may` hides.
async fn what_somebody_may_not_do_is_neither_offered_nor_done(mut pair: Pair) {
    pair.settings.auth.mode = AuthMode::Required;
    let reader = ["bia", "--scope", "dead-letters.read"];
    let sender = [
        "eva",
        "--scope",
        "dead-letters.read",
        "--scope",
        "dead-letters.replay",
    ];
    let console = &mut pair.settings.dlq_function.console;
    console.operators = Some(operators(&[&reader, &sender]));
    let desk = Desk::open(&pair).await;
    send_dead_letter(&pair, &pair.create("Ana Souza"), Reason::StoreRefused).await;
    let all = DeadLetterFilter::default();
    let stored = async || {
        let mut letters = pair.parts.store.dead_letters_page(&all, None, 2).await.unwrap();
        letters.pop()
    };
    let id = eventually("it is stored", &stored).await.id;
    let place = format!("{ALL}/{id}");
    let of = |part: &str| format!("{place}/{part}");

    let bia = Browser::new(desk.address());
    let list = sign_in(&bia, ALL, "bia", PASSWORD).await;
    assert_eq!(titled(&list), (200, "Dead letters".to_owned()));
    assert!(
        list.texts("[name=id], main button[name=act], a.button")
            .is_empty()
    );
    let page = bia.get(&place).await;
    assert!(page.says("your account may only look"), "{}", page.text("main"));
    assert_eq!(page.texts("main form").len(), 0);
    let token = page.form("/preferences").value("csrf").unwrap().to_owned();
    let posted = ["replay", "archive", "restore", "discard", "edit", "reveal"].map(of);
    for path in posted.iter().map(String::as_str).chain([CONFIRM, ACTS]) {
        let body = format!("csrf={token}&act=discard&id={id}&typed=1&expect=1&sure=yes&step=send&name=Bia");
        let refused = bia.once(Method::POST, path, &[], Some(body)).await;
        assert_eq!(
            titled(&refused),
            (403, "You may not do this".to_owned()),
            "{path}"
        );
    }
    for path in ["edit", "discard"].map(of) {
        assert_eq!(bia.get(&path).await.status, 403, "{path}");
    }
    assert_eq!(stored().await.unwrap().state, DeadLetterState::Open);
    assert_eq!(pair.number("SELECT COUNT(*) FROM audit").await, 0);

    let eva = Browser::new(desk.address());
    let page = sign_in(&eva, &place, "eva", PASSWORD).await;
    let links = page.attributes("main a", "href");
    assert!(
        links.contains(&of("discard")) && !links.contains(&of("edit")),
        "{links:?}"
    );
    assert_eq!(page.forms(&of("reveal")).len(), 0);
    assert_eq!(eva.get(&of("edit")).await.status, 403);
    eva.submit(&page.form(&of("replay"))).await;
    assert_eq!(stored().await.unwrap().state, DeadLetterState::Replayed);
    assert_eq!(noted(&pair, Act::Replay).await[0].principal, "operator:eva");
    desk.running.stop().await;
}
