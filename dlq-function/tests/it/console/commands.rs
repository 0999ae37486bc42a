//! Following a command by its id.

use chrono::TimeDelta;
use shared::{
    domain::{Action, Changes, Command, CommandId, IfMatch, Name, Stamp},
    http::access::Scope,
    wire::Reason,
};
use test_support::{Pair, on_both_pairs};
use uuid::Uuid;

use super::{Browser, reader::Reader};
use crate::dead_letters::{Desk, send_dead_letter, worker};

on_both_pairs!(
    a_command_is_followed_until_it_has_ended,
    what_went_wrong_is_said,
    what_is_no_command_is_told_from_what_is_no_longer_kept,
    who_may_only_write_follows_without_contacts_and_dead_letters,
);

async fn a_command_is_followed_until_it_has_ended(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    let create = pair.create("Ana");
    let id = create.command.id;
    let form = browser.get("/commands").await.form("/commands");
    let page = browser.submit(&form.with("id", &format!(" {id} "))).await;
    assert_eq!(
        (page.path.as_str(), page.status),
        (format!("/commands/{id}").as_str(), 200)
    );
    assert_eq!(page.text("#outcome .tag"), "pending");
    let [part] = page.attributes("#outcome", "hx-get").try_into().unwrap();
    assert!(page.html.contains("http-equiv=\"refresh\" content=\"3\""));
    assert_eq!(browser.get(&part).await.status, 204, "nothing new");

    let worker = worker(&pair).await;
    pair.publish(create.encode()).await;
    pair.ended(id).await;
    let ended = browser.get(&part).await;
    assert_eq!(
        (ended.status, ended.text("#outcome .tag")),
        (200, "applied".to_owned())
    );
    assert!(!ended.html.contains("hx-get") && !ended.html.contains("<main"));
    let page = browser.get(&page.path).await;
    assert_eq!(page.text("#outcome .tag"), "applied");
    assert!(!page.html.contains("http-equiv=\"refresh\""));
    let contact = format!("/contacts/{}", create.command.contact_id);
    assert_eq!(page.attributes("#outcome a", "href"), [contact.as_str()]);
    assert_eq!(browser.get(&contact).await.text("h1"), "Ana");
    worker.stop().await;
    desk.running.stop().await;
}

async fn what_went_wrong_is_said(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address()).speaking("pt-BR");
    let worker = worker(&pair).await;
    let create = pair.create("Ana");
    pair.publish(create.encode()).await;
    let now = pair.parts.clock.now_ms();
    let id = pair.ids.issue(now, 1).command;
    let stale = Command {
        id,
        contact_id: create.command.contact_id,
        stamp: Stamp::at_ms(now),
        if_match: Some(IfMatch::Tags(vec!["0".repeat(32).parse().unwrap()])),
        action: Action::Update(Changes {
            name: Some(Name::parse("Eva").unwrap()),
            ..Changes::default()
        }),
    };
    pair.ended(create.command.id).await;
    pair.publish(pair.envelope(id, stale).encode()).await;
    pair.ended(id).await;
    let page = browser.get(&format!("/commands/{id}")).await;
    assert_eq!(page.text("#outcome .tag"), "rejeitado");
    assert!(page.says("O contato havia mudado desde que o cliente o leu (If-Match). precondition-failed"));
    worker.stop().await;

    let dead = pair.create("Bia");
    send_dead_letter(&pair, &dead, Reason::StoreRefused).await;
    let letter = desk.listed("", 1).await.remove(0);
    let page = browser.get(&format!("/commands/{}", dead.command.id)).await;
    assert_eq!(page.text("#outcome .tag"), "virou mensagem morta");
    let link = format!("/dead-letters/{}", letter["id"].as_str().unwrap());
    assert_eq!(page.attributes("[aria-labelledby=dead] a", "href"), [link]);
    assert!(!page.says("Bia"));
    desk.running.stop().await;
}

async fn what_is_no_command_is_told_from_what_is_no_longer_kept(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    let kept = TimeDelta::from_std(pair.settings.retention.commands.0).unwrap();
    let long_ago = pair.parts.clock.now() - kept - TimeDelta::hours(1);
    let long_ago = u64::try_from(long_ago.timestamp_millis()).unwrap();
    let old = pair.ids.issue(long_ago, 0).command;
    let foreign = CommandId::from_uuid(Uuid::now_v7());
    // A contact's id does not pass for a command's.
    let contact = CommandId::from_uuid(pair.create("Ana").command.contact_id.as_uuid());
    for (id, status, title) in [
        (foreign, 404, "Unknown command"),
        (contact, 404, "Unknown command"),
        (old, 410, "No longer kept"),
    ] {
        let page = browser.get(&format!("/commands/{id}")).await;
        assert_eq!((page.status, page.text("h1")), (status, title.to_owned()));
    }
    let form = browser.get("/commands").await.form("/commands");
    let page = browser.submit(&form.with("id", "<b>anything")).await;
    assert_eq!(
        (page.status, page.form("/commands").value("id")),
        (400, Some("<b>anything"))
    );
    assert!(page.text("[role=alert]").contains("This is no command id"));
    desk.running.stop().await;
}

async fn who_may_only_write_follows_without_contacts_and_dead_letters(mut pair: Pair) {
    let desk = Desk::open(&pair).await;
    let dead = pair.create("Ana");
    send_dead_letter(&pair, &dead, Reason::StoreRefused).await;
    desk.listed("", 1).await;
    desk.running.stop().await;
    let reader = Reader::with(&mut pair, &[Scope::ContactsWrite]).await;
    let page = reader.get(&format!("/commands/{}", dead.command.id)).await;
    assert_eq!(
        (page.status, page.text("#outcome .tag")),
        (200, "dead-lettered".to_owned())
    );
    assert!(
        page.attributes("main a", "href")
            .iter()
            .all(|link| link == "/commands"),
        "{}",
        page.html
    );
    reader.desk.running.stop().await;
}
