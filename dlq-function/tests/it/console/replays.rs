//! Replays of many on pages: the dry run, the beginning, the progress, the list.

use reqwest::Method;
use serde_json::json;
use shared::wire::Reason;
use test_support::{Pair, eventually, on_both_pairs};

use super::{Browser, Form, Page};
use crate::{
    dead_letters::{Desk, send_dead_letter, worker},
    replays::{good, poison},
};

on_both_pairs!(
    a_dry_run_says_what_the_replay_then_does,
    nothing_begins_with_a_wrong_number_or_pace,
    what_was_looked_at_is_what_is_sent,
    chosen_ones_are_sent_and_those_that_cannot_be_are_told,
    a_braked_replay_says_so_and_goes_on_when_resumed,
    a_stopped_replay_asks_for_no_more_and_is_resumed,
    replays_are_listed_newest_first,
);

async fn no_replay(desk: &Desk) {
    assert_eq!(desk.get("/v1/replays").await.1["items"], json!([]));
}

/// Fills in the number that the page asks for, and starts.
async fn start(browser: &Browser, plan: &Page) -> Page {
    let form = plan.form("/replays");
    let number = form.value("expect").unwrap().to_owned();
    let page = browser.submit(&form.with("count", &number)).await;
    assert_eq!(page.status, 200, "{}", page.html);
    assert!(page.path.starts_with("/replays/"), "{}", page.path);
    page
}

/// The page of a replay once it stands so.
async fn standing(browser: &Browser, replay: &Page, state: &str) -> Page {
    eventually(&format!("the replay is {state}"), async || {
        let page = browser.get(&replay.path).await;
        (page.text("h2 .tag") == state).then_some(page)
    })
    .await
}

fn outcomes(page: &Page) -> Vec<String> {
    page.texts("#progress tbody tr")
}

/// Whether the page, and the part of it that a script gets, ask to be gotten anew.
async fn goes_on(browser: &Browser, replay: &Page) -> bool {
    let page = browser.get(&replay.path).await;
    let part = browser.get(&format!("{}/progress", replay.path)).await;
    assert!(!part.html.contains("<html"), "a part: {}", part.html);
    let asks = |page: &Page| page.attributes("#progress", "hx-trigger") == ["every 1s"];
    let refreshes = page.html.contains(r#"http-equiv="refresh""#);
    assert_eq!(
        (asks(&page), asks(&part)),
        (refreshes, refreshes),
        "{}",
        page.html
    );
    refreshes
}

async fn a_dry_run_says_what_the_replay_then_does(pair: Pair) {
    let desk = Desk::open(&pair).await;
    good(&pair, &desk, 3).await;
    for _ in 0..4 {
        send_dead_letter(&pair, &poison(&pair, "Bia"), Reason::StampAhead).await;
    }
    desk.listed("state=open", 7).await;
    let browser = Browser::new(desk.address());
    let plan = browser.get("/replays/new").await;
    assert!(plan.says("7 dead letters would be sent again"), "{}", plan.html);
    assert_eq!(plan.texts("tbody tr"), ["3 would apply", "4 would fail again"]);
    assert_eq!(
        plan.attributes(".shares", "aria-label"),
        ["would apply: 3, would fail again: 4"]
    );
    assert_eq!(plan.attributes(".shares rect", "class"), ["good", "bad"]);
    assert!(plan.says("Most of them would fail again"));
    no_replay(&desk).await;

    let some = browser.get("/replays/new?reason=store-refused").await;
    assert_eq!(some.texts("tbody tr"), ["3 would apply"]);
    assert!(!some.says("would fail again"));
    assert_eq!(
        some.texts(".facts dd")[..2],
        ["store-refused", "open"],
        "without a state what is open"
    );
    let worker = worker(&pair).await;
    let replay = start(&browser, &some).await;
    let ended = standing(&browser, &replay, "finished").await;
    assert_eq!(outcomes(&ended), ["3 applied"]);
    assert!(ended.says("3 of 3 have an outcome"));
    assert_eq!(ended.attributes("progress", "value"), ["3"]);
    assert!(ended.texts("#progress button").is_empty());
    assert!(!goes_on(&browser, &replay).await);

    let none = browser.get("/replays/new?reason=store-refused").await;
    assert!(none.says("Nothing matches"));
    assert!(none.forms("/replays").is_empty());
    worker.stop().await;
    desk.running.stop().await;
}

async fn nothing_begins_with_a_wrong_number_or_pace(pair: Pair) {
    let desk = Desk::open(&pair).await;
    good(&pair, &desk, 2).await;
    let browser = Browser::new(desk.address());
    let form = browser.get("/replays/new").await.form("/replays");
    assert_eq!(
        (form.value("rate"), form.value("brake")),
        (Some("100"), Some("20"))
    );
    let typed = |count: &str, rate: &str| form.clone().with("count", count).with("rate", rate);
    for (count, rate, wrong) in [
        ("", "7", "This is not the number."),
        ("3", "7", "This is not the number."),
        ("2", "10001", "not a whole number within the bounds"),
        ("2", "fast", "not a whole number within the bounds"),
    ] {
        let page = browser.submit(&typed(count, rate)).await;
        assert_eq!(page.status, 422, "{}", page.html);
        assert!(page.text(".wrong").contains(wrong), "{count} {rate}");
        let kept = page.form("/replays");
        assert_eq!(
            (kept.value("count"), kept.value("rate")),
            (Some(count), Some(rate))
        );
        assert_eq!(kept.value("until"), form.value("until"), "still the same set");
    }
    // What does not say which, or how many, is no form of ours.
    for lost in ["until", "state", "expect"] {
        let page = browser.submit(&typed("2", "7").with(lost, "")).await;
        assert_eq!(page.status, 400, "{lost}");
    }
    let forged = typed("2", "7").with("csrf", "");
    assert_eq!(browser.submit(&forged).await.status, 403);
    no_replay(&desk).await;
    let page = browser.submit(&typed("2", "7")).await;
    assert!(page.says("Messages a second, at most 7"), "{}", page.html);
    desk.running.stop().await;
}

/// To see it red: leave `until` out of the form.
async fn what_was_looked_at_is_what_is_sent(pair: Pair) {
    let desk = Desk::open(&pair).await;
    good(&pair, &desk, 3).await;
    let browser = Browser::new(desk.address());
    let plan = browser.get("/replays/new?reason=store-refused").await;
    send_dead_letter(&pair, &pair.create("Bia"), Reason::StoreRefused).await;
    let letters = desk.listed("state=open", 4).await;
    let oldest = letters[3]["id"].as_str().unwrap();

    // One of them is gone: what was typed is not what would be sent.
    assert_eq!(
        desk.post(&format!("/v1/dead-letters/{oldest}/discard")).await.0,
        200
    );
    let page = browser.submit(&plan.form("/replays").with("count", "3")).await;
    assert_eq!(page.status, 409);
    assert!(
        page.text(".notice")
            .contains("what matches has changed since you looked"),
        "{}",
        page.html
    );
    assert!(page.says("2 dead letters would be sent again"), "{}", page.html);
    no_replay(&desk).await;

    let worker = worker(&pair).await;
    let replay = start(&browser, &page).await;
    let ended = standing(&browser, &replay, "finished").await;
    assert_eq!(outcomes(&ended), ["2 applied"]);
    let open = desk.listed("state=open", 1).await;
    assert_eq!(open[0]["id"], letters[0]["id"], "what arrived later");
    worker.stop().await;
    desk.running.stop().await;
}

async fn chosen_ones_are_sent_and_those_that_cannot_be_are_told(pair: Pair) {
    let desk = Desk::open(&pair).await;
    good(&pair, &desk, 3).await;
    let letters = desk.listed("state=open", 3).await;
    let ids: Vec<_> = letters
        .iter()
        .map(|letter| letter["id"].as_str().unwrap())
        .collect();
    assert_eq!(
        desk.post(&format!("/v1/dead-letters/{}/discard", ids[0])).await.0,
        200
    );
    let browser = Browser::new(desk.address());
    let token = browser.get("/replays").await.form("/preferences");
    let token = token.value("csrf").unwrap();
    let chosen = async |ids: &[&str]| {
        let ids: String = ids.iter().map(|id| format!("&id={id}")).collect();
        let body = format!("csrf={token}{ids}");
        browser.once(Method::POST, "/replays/new", &[], Some(body)).await
    };
    let none = chosen(&[]).await;
    assert!(none.says("Nothing matches") && none.forms("/replays").is_empty());
    assert_eq!(chosen(&["1"]).await.status, 400);
    let one = chosen(&ids[1..2]).await.form("/replays");
    assert_eq!(
        (one.value("id"), one.value("count")),
        (Some(ids[1]), None),
        "one is plain"
    );

    let plan = chosen(&ids[..2]).await;
    assert_eq!(plan.texts("tbody tr"), ["1 would apply", "1 cannot be sent"]);
    assert_eq!(plan.texts(".facts dd"), ["2"]);
    let worker = worker(&pair).await;
    let replay = start(&browser, &plan).await;
    let ended = standing(&browser, &replay, "finished").await;
    assert_eq!(outcomes(&ended), ["1 applied", "1 not sent"]);
    assert_eq!(ended.texts(".refusals li"), ["1: it was discarded"]);
    let left = browser.get(&format!("{}/items", replay.path)).await;
    let [row] = &left.texts("tbody tr")[..] else {
        panic!("what was applied is not to be looked at: {}", left.html)
    };
    assert!(row.starts_with("1 ") || row.starts_with("2 "), "{row}");
    assert!(
        row.contains(ids[0]) && row.ends_with("not sent it was discarded –"),
        "{row}"
    );
    desk.listed("state=open", 1).await;
    worker.stop().await;
    desk.running.stop().await;
}

async fn a_braked_replay_says_so_and_goes_on_when_resumed(pair: Pair) {
    let desk = Desk::open(&pair).await;
    for n in 0..7 {
        send_dead_letter(&pair, &poison(&pair, &format!("Ana {n}")), Reason::StampAhead).await;
    }
    desk.listed("state=open", 7).await;
    let browser = Browser::new(desk.address());
    let worker = worker(&pair).await;
    let plan = browser.get("/replays/new").await;
    let replay = start(&browser, &plan).await;
    let braked = standing(&browser, &replay, "braked").await;
    assert_eq!(outcomes(&braked), ["5 dead again", "2 waiting"]);
    assert!(
        braked
            .text("[role=status]")
            .starts_with("The replay braked by itself")
    );
    assert_eq!(braked.texts("#progress button"), ["Resume"]);
    assert!(!goes_on(&browser, &replay).await);
    let [left, again] = &braked.attributes("#progress .acts a", "href")[..] else {
        panic!("two links: {}", braked.html)
    };
    assert_eq!(left, &format!("{}/items", replay.path));
    assert!(again.starts_with("/dead-letters?state=open&since=20"), "{again}");
    let api = again.replace("/dead-letters", "");
    let failed = desk.listed(&api[1..], 5).await;
    assert!(failed.iter().all(|letter| letter["replay"] == 1));

    let resume = braked.form(&format!("{}/resume", replay.path));
    assert_eq!(browser.submit(&resume).await.path, replay.path);
    let ended = standing(&browser, &replay, "finished").await;
    assert_eq!(outcomes(&ended), ["7 dead again"]);
    let left = browser.get(&format!("{}/items", replay.path)).await;
    assert_eq!(left.texts("tbody .tag"), vec!["died again"; 7]);
    let newer = left.attributes("tbody td:last-child a", "href");
    let open = desk.listed("state=open&limit=100", 7).await;
    let mut expected: Vec<_> = open
        .iter()
        .map(|letter| format!("/dead-letters/{}", letter["id"].as_str().unwrap()))
        .collect();
    expected.reverse();
    assert_eq!(newer, expected, "in the order in which they were sent");

    let file = browser.get(&format!("{}/items.csv", replay.path)).await;
    assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8");
    let lines: Vec<_> = file.html.split_terminator("\r\n").collect();
    assert_eq!(
        (lines.len(), lines[0]),
        (
            8,
            "position,deadLetterId,commandId,state,refusal,failedAgainAs,sentAt"
        )
    );
    let failed = expected[6].replace("/dead-letters/", "");
    assert!(
        lines[7].starts_with("7,") && lines[7].contains(&format!(",deadAgain,,{failed},20")),
        "{}",
        lines[7]
    );
    // Somebody's page was older: it leads to how it stands.
    let page = browser.submit(&resume).await;
    assert_eq!((page.status, page.text("h2 .tag").as_str()), (200, "finished"));
    worker.stop().await;
    desk.running.stop().await;
}

/// To see it red: let the part always ask for itself.
async fn a_stopped_replay_asks_for_no_more_and_is_resumed(pair: Pair) {
    let desk = Desk::open(&pair).await;
    good(&pair, &desk, 4).await;
    let browser = Browser::new(desk.address());
    let plan = browser.get("/replays/new").await;
    // Nobody takes it: the first message is all that is sent.
    let replay = start(&browser, &plan).await;
    assert!(goes_on(&browser, &replay).await);
    let part = format!("{}/progress", replay.path);
    let stop = eventually("the first is sent", async || {
        let part = browser.get(&part).await;
        let sent = outcomes(&part) == ["1 sent, outcome not known yet", "3 waiting"];
        sent.then(|| part.form(&format!("{}/stop", replay.path)))
    })
    .await;
    let stopped = browser.submit(&stop).await;
    assert_eq!(stopped.text("h2 .tag"), "stopped");
    assert_eq!(stopped.texts("#progress button"), ["Resume"]);
    assert!(goes_on(&browser, &replay).await, "what was sent still ends");

    let worker = worker(&pair).await;
    eventually("what was sent has ended", async || {
        (outcomes(&browser.get(&part).await) == ["1 applied", "3 waiting"]).then_some(())
    })
    .await;
    assert!(!goes_on(&browser, &replay).await);
    let resume: Form = browser.get(&part).await.form(&format!("{}/resume", replay.path));
    browser.submit(&resume).await;
    let ended = standing(&browser, &replay, "finished").await;
    assert_eq!(outcomes(&ended), ["4 applied"]);

    let nobody = "/replays/01a201f4-67d6-76cd-8ebc-11f1ce2a2ba1";
    for path in [
        nobody,
        "/replays/one",
        &format!("{nobody}/progress"),
        &format!("{nobody}/items"),
        &format!("{nobody}/items.csv"),
    ] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
    worker.stop().await;
    desk.running.stop().await;
}

async fn replays_are_listed_newest_first(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    assert!(
        browser
            .get("/replays")
            .await
            .says("No replay of many was started yet.")
    );
    for _ in 0..20 {
        assert_eq!(desk.post_json("/v1/replays", &json!({})).await.0, 202);
    }
    good(&pair, &desk, 2).await;
    let plan = browser.get("/replays/new").await;
    let newest = start(&browser, &plan).await;
    let first = browser.get("/replays").await;
    let links = first.attributes("tbody a", "href");
    assert_eq!((links.len(), &links[0]), (20, &newest.path));
    let row = &first.texts("tbody tr")[0];
    assert!(row.contains("running nobody had to sign in 2"), "{row}");
    assert_eq!(
        first.attributes("tbody .shares", "aria-label").len(),
        1,
        "of one with something in it"
    );
    let [next] = &first.attributes(".pager a", "href")[..] else {
        panic!("one way on: {}", first.html)
    };
    let second = browser.get(next).await;
    assert_eq!(second.texts("tbody tr").len(), 1);
    assert_eq!(second.attributes(".pager a", "href"), ["/replays"]);
    let empty = browser.get(&format!("{}/items.csv", links[1])).await;
    assert_eq!(empty.html.lines().count(), 1, "the names alone");
    let elsewhere = next.replace("/replays", "/inbox");
    assert_eq!(browser.get(&elsewhere).await.status, 400);
    desk.running.stop().await;
}
