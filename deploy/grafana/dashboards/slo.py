"""Whether contato keeps what it promises: what of each error budget is left, how fast it goes, and where commands are."""

from board import ROLES, board, query_variable, series
from panels import GREEN, ORANGE, RED, YELLOW, alert_list, bars, heat, lines, number, rows_of, unstacked
from shared import quantiles, rate

# What may fail in 30 days, as a share, and what the objectives are called.
OBJECTIVES = {
    "accept_errors": ("accepting, errors", 0.001),
    "accept_slow": ("accepting, slower than 250 ms", 0.01),
    "freshness_late": ("applied later than after 5 s", 0.01),
    "read_errors": ("reading, errors", 0.001),
    "read_slow": ("reading, slower than 100 ms", 0.01),
}
# How many times as fast as it may the budget goes, when someone is called (SRE workbook, "Alerting on SLOs").
FAST, SLOW = 14.4, 6
# Seconds.
OLDEST_DEAD_LETTER, CANARY_STALE, ACCEPT_SLOW, FRESH = 86_400, 300, 0.25, 5
# As the recorded objectives have them: a search is a read; and of the times, those that were answered without waiting.
WRITES = 'http_request_method=~"POST|PUT|PATCH|DELETE",http_route=~"/v1/.*",http_route!="/v1/contacts/search"'
ACCEPTED = 'http_response_status_code="202",http_route!~".*/import"'
# Those whose messages are commands on their way.
ON_THE_WAY = 'queue=~"contato|contato[.]retry[.].+"'


def ratio(name, window):
    return f"max({series(f'slo:{name}:ratio_rate{window}')})"


def burn(window):
    return [(f"{ratio(name, window)} / {share}", words) for name, (words, share) in OBJECTIVES.items()]


def requests(name, *matchers):
    return series(f"http_server_request_duration_seconds_{name}", "producer-api", WRITES, *matchers)


def budgets():
    left = [(f"1 - {ratio(name, '30d')} / {share}", words) for name, (words, share) in OBJECTIVES.items()]
    oldest = f"max({series('contato_dead_letter_oldest_age_seconds')})"
    return [
        bars("Budget that is left of 30 days", "What of each error budget is left. Red is used up: changes that are not "
             "repairs should wait.", "percentunit", left, (RED, (0.0, ORANGE), (0.25, YELLOW), (0.5, GREEN)), wide=16, high=8),
        number("Oldest open dead letter", "The objective is less than a day. Older ones wait for a person in the console.", "s",
               oldest, (GREEN, (OLDEST_DEAD_LETTER / 2, YELLOW), (OLDEST_DEAD_LETTER, RED)), wide=8, high=8),
        lines("Burn rate over 1 hour", "How many times as fast as it may the budget goes; 1 uses it up in just 30 days. Above the "
              "line someone is called, if the last 5 minutes are as bad.", "none", burn("1h"), limits=[(FAST, RED)]),
        lines("Burn rate over 6 hours", "The same, over 6 hours. Above the line someone is called, if the last 30 minutes are as bad.",
              "none", burn("6h"), limits=[(SLOW, RED)]),
    ]


def accepting():
    bad = requests("count", 'http_response_status_code=~"5.."')
    failed = f"{rate(bad)} / {rate(requests('count'))}"
    return [
        lines("Writes by route", "Requests that are to change something, answered by producer-api. A sudden fall may be worse than a rise.",
              "reqps", [(rate(requests("count"), "http_request_method, http_route"), "{{http_request_method}} {{http_route}}")], wide=8),
        lines("Writes that failed", "The share that was answered by a 5xx. Above the line the budget does not last 30 days.",
              "percentunit", [(failed, "5xx")], wide=8, limits=[(OBJECTIVES["accept_errors"][1], RED)]),
        lines("Time to accept", "Until the answer 202 to a write. 99 of 100 are to be below the line, 250 ms.", "s",
              quantiles(requests("bucket", ACCEPTED)), wide=8, limits=[(ACCEPT_SLOW, RED)]),
    ]


def end_to_end():
    buckets = series("contato_command_latency_seconds_bucket", "consumer-worker")
    return [
        lines("From acceptance to SQL", "From the answer 202 until the command is committed. 99 of 100 are to be below the line, 5 s. "
              "It measures two clocks, and is off by what they differ.", "s", quantiles(buckets), high=9, limits=[(FRESH, RED)]),
        heat("From acceptance to SQL, all of them", "How many commands took how long. A second band above the first is those that were "
             "retried, or waited for SQL.", "s", f"sum by (le) (increase({buckets}[$__rate_interval]))"),
    ]


def canary():
    last = series("contato_canary_last_success_timestamp_seconds", "producer-api")
    return [
        number("Canary: since it last succeeded", "The canary is a command of its own, sent and followed to its end. More than 5 minutes, "
               "or three of its intervals if these are longer, means that commands do not get through, though nobody may have noticed.", "s", f"time() - max({last})",
               (GREEN, (CANARY_STALE / 2, YELLOW), (CANARY_STALE, RED)), wide=6, high=6, empty="off"),
        lines("Canary: how long it takes", "From sending it until it is applied, seen by a client.", "s",
              quantiles(series("contato_canary_duration_seconds_bucket", "producer-api")), wide=9, high=6, limits=[(FRESH, RED)]),
        lines("Canary: how it ended", "Runs by their end. Any that failed is worth a look.", "cps",
              [(rate(series("contato_canary_runs_total", "producer-api"), "outcome"), "{{outcome}}")], wide=9, high=6),
    ]


def flow():
    completed = series("contato_commands_completed_total", "consumer-worker")
    accepted = series("contato_commands_accepted_total", "producer-api")
    once = series("contato_commands_completed_total", "consumer-worker", 'result!="duplicate"')
    waiting = series("rabbitmq_detailed_queue_messages", "rabbitmq-queues", ON_THE_WAY)
    gap = (f"sum(increase({accepted}[1h])) - sum(increase({once}[1h])) - sum(delta({waiting}[1h]))")
    paths = lines(
        "Where commands go", "Lines: accepted, confirmed by the broker, delivered to workers. Areas: how they ended. In the long run "
        "all are as high as each other; delivered above accepted is repetition, accepted above the areas a growing queue.", "cps",
        [
            (rate(completed, "result"), "{{result}}"),
            (rate(accepted), "accepted"),
            (rate(series("contato_publish_total", "producer-api", 'outcome="confirmed"')), "confirmed"),
            (rate(series("messaging_client_consumed_messages_total", "consumer-worker")), "delivered"),
        ], wide=16, high=10, stacked=True)
    return [
        unstacked(paths, "accepted", "confirmed", "delivered"),
        lines("Accepted and not accounted for", "Accepted in the last hour, less those that ended, less what came to wait in queues. It "
              "swings around 0, also by rounding and at restarts. Above it for hours while the queue is about empty would be commands that "
              "are lost; a growing queue of messages with many commands each is above it, too. Below it are replayed dead letters.", "short", [(gap, "gap")], wide=8, high=10, least=None),
    ]


def alerts():
    firing = series("ALERTS", None, 'alertstate="firing"', 'alertname!="Watchdog"')
    columns = {"alertname": "alert", "severity": "severity", "job": "job", "instance": "instance", "namespace": "namespace"}
    return [
        alert_list("Alerts", "What Prometheus has found, also what it still waits to be sure of. Each has a link to what to do about it."),
        rows_of("Alerts that fire", "The same from Prometheus' own record: empty is good. severity=page is for now, ticket for working hours.",
                "short", [(firing, "")], columns, hidden=["Value", "__name__", "alertstate"], high=9),
    ]


def roles():
    built = series("contato_build_info", None, 'job=~"$job"')
    columns = {"job": "role", "instance": "instance", "version": "version", "revision": "revision", "rustc": "rustc", "namespace": "namespace"}
    up = series("up", None, 'job=~"$job"', f'job=~"{ROLES}"')
    return [
        number("Processes", "Whether Prometheus reaches each process of contato.", "none", f"min by (job, instance) ({up})", (RED, (1, GREEN)), wide=12, high=7,
               legend="{{job}} {{instance}}", words={0: ("down", RED), 1: ("up", GREEN)}, graph=False),
        rows_of("Versions", "What each process runs. Two versions of a role are normal while it is being replaced, and only then.",
                "short", [(built, "")], columns, hidden=["Value", "__name__"], high=7),
    ]


def make():
    rows = [
        ("Error budgets", budgets()), ("Accepting commands", accepting()), ("End to end", end_to_end()), ("Canary", canary()),
        ("Flow", flow()), ("What is wrong now", alerts()), ("Roles", roles()),
    ]
    job = query_variable("job", "Role", "For the row Roles.", f'label_values(contato_build_info{{namespace=~"$namespace"}}, job)')
    words = "Whether contato keeps its objectives, what is left of the error budgets, and where commands are."
    return board("contato-slo", "SLO", words, rows, "contato_build_info", [job], span="now-6h")
