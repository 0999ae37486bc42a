"""The workers that apply commands: how they end, how long that takes, what comes again, and what they wait for."""

from board import board, instances, of_instance
from panels import GREEN, ORANGE, RED, YELLOW, lines, number, states
from shared import broker, database, process, quantile, quantiles, rate

JOB = "consumer-worker"


def outcomes():
    completed, late = of_instance("contato_commands_completed_total", JOB), of_instance("contato_command_latency_seconds_bucket", JOB)
    return [
        lines("Commands by how they ended", "applied and superseded are good, duplicate harmless. rejected and deadLettered are for a look.",
              "cps", [(rate(completed, "result"), "{{result}}")], stacked=True),
        lines("From acceptance to SQL by operation, p99", "99 of 100 are to be below the line, 5 s.", "s",
              [(quantile(0.99, late, "operation"), "{{operation}}")], limits=[(5, RED)]),
        lines("Time to process", "From a delivery until it is settled. With the queue empty it is all of the time that commands take here.",
              "s", quantiles(of_instance("messaging_process_duration_seconds_bucket", JOB)), wide=8),
        lines("Size of batches", "How many commands are committed at once. It grows with the load, and makes it cheaper.", "short",
              [(quantile(share, of_instance("contato_batch_size_bucket", JOB)), f"p{share * 100:g}") for share in (0.5, 0.99)], wide=8),
        lines("Idempotency", "new are commands seen for the first time, replayed those that came again, mismatch keys with another body.",
              "cps", [(rate(of_instance("contato_idempotency_total", JOB), "result"), "{{result}}")], wide=8),
    ]


def again():
    made = of_instance("contato_dead_letters_made_total", JOB)
    return [
        lines("Retries by tier", "Commands that were put aside to be tried again later: each tier waits longer. A few are normal, many are "
              "SQL that is away or overloaded.", "cps",
              [(rate(of_instance("contato_retries_total", JOB), "tier, reason"), "{{tier}}: {{reason}}")], stacked=True),
        lines("Attempts until the end", "How often commands were delivered before they ended. p50 above 1 is trouble.", "short",
              [(quantile(share, of_instance("contato_delivery_attempts_bucket", JOB)), f"p{share * 100:g}") for share in (0.5, 0.99)]),
        lines("Delivered again", "What the broker delivered once more, since a worker ended or lost its connection before it was done.",
              "cps", [(rate(of_instance("contato_redelivered_total", JOB)), "redelivered")]),
        lines("Dead letters made", "Commands that this worker gave up, by why. Each is for a person.", "cps",
              [(rate(made, "reason"), "{{reason}}")]),
    ]


def prefetch():
    used, bound = of_instance("contato_inflight_deliveries", JOB), of_instance("contato_prefetch", JOB)
    paused = f"max by (instance) ({of_instance('contato_consumer_paused', JOB)})"
    return [
        number("Prefetch in use", "What workers have in hand, as a share of what they may. At 1 with a long queue: more workers, or a faster "
               "SQL.", "percentunit", f"sum({used}) / sum({bound})", (GREEN, (0.8, YELLOW), (0.95, ORANGE)), wide=6, high=6),
        lines("In hand", "Deliveries that are not acknowledged yet, and how many there may be.", "short",
              [(f"sum({used})", "in hand"), (f"sum({bound})", "at most")], wide=9, high=6),
        states("Paused", "A worker pauses while SQL does not answer, and takes nothing from the queue. Long pauses delay every command.",
               [(paused, "{{instance}}")], {0: ("works", GREEN), 1: ("paused", RED)}, wide=9),
        *broker(JOB),
    ]


def make():
    rows = [
        ("Commands", outcomes()), ("What comes again", again()), ("Queue", prefetch()), ("SQL", database(JOB)), ("Processes", process(JOB)),
    ]
    words = "How commands end, how long that takes, what is tried again, and what the workers wait for."
    of = f'contato_build_info{{job="{JOB}"}}'
    return board("contato-consumer-worker", "consumer-worker", words, rows, of, [instances(f'contato_build_info{{job="{JOB}",namespace=~"$namespace"}}')])
