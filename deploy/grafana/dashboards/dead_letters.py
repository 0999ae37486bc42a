"""Commands that were given up: how many wait for a person, why, and how replays go."""

from board import board, instances, of_instance, series
from panels import GREEN, ORANGE, RED, YELLOW, lines, number, rows_of
from shared import broker, database, process, rate

JOB = "dlq-function"
# Seconds. The objective is that none is older.
OLDEST = 86_400
PARKING = 'queue=~".*[.]parking"'
# Every process reads the same from SQL.
OPEN = f"max by (reason) ({of_instance('contato_dead_letters', JOB)})"


def waiting():
    oldest = f"max({of_instance('contato_dead_letter_oldest_age_seconds', JOB)})"
    parked = f"sum({series('rabbitmq_detailed_queue_messages', 'rabbitmq-queues', PARKING)})"
    keys = f"max({of_instance('contato_dead_letters_under_other_keys', JOB)})"
    return [
        number("Open", "Dead letters that wait for a person.", "short", f"sum({OPEN})", (GREEN, (1, YELLOW), (100, ORANGE), (1000, RED)), wide=6),
        number("Oldest", "How long the oldest has waited. The objective is less than a day.", "s", oldest,
               (GREEN, (OLDEST / 2, YELLOW), (OLDEST, RED)), wide=6),
        number("Parked in the broker", "Messages that could not even be recorded as dead letters: they cannot be read. Any is for a look by "
               "hand (docs/dead-letters.md).", "short", parked, (GREEN, (1, RED)), wide=6),
        number("Under other keys", "Dead letters that are encrypted with a key that is not configured any more: nobody can read them.",
               "short", keys, (GREEN, (1, RED)), wide=6),
        lines("Open by reason", "The same over time. A steep rise in one reason has one cause, and one replay mends it.", "short",
              [(OPEN, "{{reason}}")], stacked=True),
        rows_of("By reason", "Open now, and received and made in the last day.", "short",
                [(OPEN, ""), (f"sum by (reason) (increase({of_instance('contato_dead_letters_received_total', JOB)}[1d]))", ""),
                 (f"sum by (reason) (increase({series('contato_dead_letters_made_total', 'consumer-worker')}[1d]))", "")],
                {"reason": "reason", "Value #A": "open", "Value #B": "received, 1 day", "Value #C": "made by workers, 1 day"}, order="open"),
    ]


def pace():
    received, resolved = (of_instance(f"contato_dead_letters_{what}_total", JOB) for what in ("received", "resolved"))
    replayed = of_instance("contato_replay_total", JOB)
    return [
        lines("Received and resolved", "What comes in by the hour, and how it goes out: replayed, discarded or erased. Received above "
              "resolved for long: they pile up.", "short",
              [(f"sum(increase({received}[1h]))", "received"), (f"sum by (how) (increase({resolved}[1h]))", "{{how}}")]),
        lines("Received by reason", "What comes in by the hour, by why the commands were given up.", "short",
              [(f"sum by (reason) (increase({received}[1h]))", "{{reason}}")], stacked=True),
        lines("Replays by how they ended", "By the minute. dead_again is a cause that is not mended yet; stopped is a replay that gave up "
              "because too many were dead again.", "short", [(f"sum by (outcome) (rate({replayed}[$__rate_interval])) * 60", "{{outcome}}")],
              stacked=True),
        lines("Pace of replays", "Commands sent again per second. It is held back on purpose, so that replays do not push out new "
              "commands.", "cps", [(rate(replayed), "sent again")]),
        lines("Age of the oldest", "Seconds since the oldest open one came. Above the line, a day, the objective is missed.", "s",
              [(f"max({of_instance('contato_dead_letter_oldest_age_seconds', JOB)})", "oldest")], limits=[(OLDEST, RED)]),
        lines("Messages in the parking queue", "Messages that could not be recorded as dead letters, over time. It should be flat at 0.",
              "short", [(f"sum by (queue) ({series('rabbitmq_detailed_queue_messages', 'rabbitmq-queues', PARKING)})", "{{queue}}")],
              limits=[(1, RED)]),
    ]


def service():
    requests = of_instance("http_server_request_duration_seconds_count", JOB)
    return [
        lines("Requests by status", "What the console and the API of dead letters answer.", "reqps",
              [(rate(requests, "http_response_status_code"), "{{http_response_status_code}}")]),
        lines("Sign-ins to the console", "By outcome. Many that fail may be somebody who guesses passwords.", "cps",
              [(rate(of_instance("contato_console_sign_ins_total", JOB), "outcome"), "{{outcome}}")]),
        *broker(JOB),
    ]


def make():
    rows = [("What waits", waiting()), ("In, out, and again", pace()), ("dlq-function", service()), ("SQL", database(JOB)), ("Processes", process(JOB))]
    words = "Commands that were given up: how many wait for a person, why, and how replays go."
    of = f'contato_build_info{{job="{JOB}"}}'
    more = [instances(f'contato_build_info{{job="{JOB}",namespace=~"$namespace"}}')]
    return board("contato-dead-letters", "Dead letters", words, rows, of, more, span="now-1d")
