//! How many messages the queues hold, those in hand included.
//!
//! `rabbitmqctl list_queues` tells what a quorum queue said of itself up to five seconds ago; this asks its leader. A queue
//! that has none yet, after a restart, is left out.

use test_support::Servers;

const QUERY: &str = "[{element(4, amqqueue:get_name(Queue)), Held} || Queue <- rabbit_amqqueue:list(), \
                     {ok, {_, Held}, _} <- [ra:leader_query(amqqueue:get_pid(Queue), fun rabbit_fifo:query_messages_total/1)]].";

/// The queues whose names have the prefix, without it.
pub(crate) async fn depths(servers: &Servers, prefix: &str) -> Vec<(String, u64)> {
    let answer = servers.rabbitmqctl(&["eval", QUERY]).await;
    parse(&answer, prefix)
}

/// Lets the broker write down which queues there are. RabbitMQ 3.10 does so up to three seconds late (a `dets` table): a queue
/// that is younger than that when the broker is killed has no leader ever after.
pub(crate) async fn write_down(servers: &Servers) {
    servers
        .rabbitmqctl(&["eval", "[ok = dets:sync(Table) || Table <- dets:all()]."])
        .await;
}

/// Reads `[{<<"name">>,7},…]`, however it is broken into lines.
fn parse(answer: &str, prefix: &str) -> Vec<(String, u64)> {
    let pairs = answer.split("{<<\"").skip(1).filter_map(|pair| {
        let (name, rest) = pair.split_once("\">>,")?;
        let (held, _) = rest.split_once('}')?;
        let name = name.strip_prefix(prefix)?;
        Some((name.to_owned(), held.trim().parse().ok()?))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_answer_of_erlang_is_read() {
        let answer = "[{<<\"a.contato\">>,7},\n {<<\"b.contato\">>,1},{<<\"a.contato.dlq\">>,\n  0}]\n";
        let found = super::parse(answer, "a.");
        assert_eq!(found, [("contato".to_owned(), 7), ("contato.dlq".to_owned(), 0)]);
    }
}
