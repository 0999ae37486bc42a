"""The API that takes commands: what it is asked, what it answers, and how the broker takes what it publishes."""

from board import board, instances, of_instance, series
from panels import RED, lines
from shared import broker, database, process, quantile, quantiles, rate

JOB = "producer-api"


def requests(name, *matchers):
    return of_instance(f"http_server_request_duration_seconds_{name}", JOB, *matchers)


def routes():
    route = "{{http_request_method}} {{http_route}}"
    by = "http_request_method, http_route"
    failed = rate(requests("count", 'http_response_status_code=~"5.."'), by)
    codes = rate(requests("count", 'http_response_status_code!~"2.."'), "http_response_status_code")
    return [
        lines("Requests by route", "What is asked. Paths are routes, never ids.", "reqps", [(rate(requests("count"), by), route)]),
        lines("Answers that are no success", "By status. 4xx are the callers' affair, 429 and 5xx ours.", "reqps",
              [(codes, "{{http_response_status_code}}")]),
        lines("Share of 5xx by route", "Above the line, 0.1 %, the error budget does not last.", "percentunit",
              [(f"{failed} / {rate(requests('count'), by)}", route)], limits=[(0.001, RED)]),
        lines("Time to answer by route, p99", "99 of 100 answers are faster. The objectives are 250 ms for writes and 100 ms for reads; "
              "requests that wait for the outcome (Prefer: wait) take longer on purpose.", "s",
              [(quantile(0.99, requests("bucket"), "http_request_method", "http_route"), route)], limits=[(0.1, "yellow"), (0.25, RED)]),
    ]


def commands():
    waits = of_instance("contato_wait_queries_total", JOB)
    again = series("contato_idempotency_total", "consumer-worker")
    differ = of_instance("contato_commands_refused_total", JOB, 'reason="idempotency_mismatch"')
    return [
        lines("Commands accepted", "Answered 202, by what they are to do.", "cps",
              [(rate(of_instance("contato_commands_accepted_total", JOB), "operation"), "{{operation}}")], wide=8),
        lines("Commands refused", "By why. backpressure, unavailable and defect are ours, rate_limit is a caller who asks too much, the "
              "others are what callers sent.", "cps",
              [(rate(of_instance("contato_commands_refused_total", JOB), "reason"), "{{reason}}")], wide=8, stacked=True),
        lines("Idempotency", "What became of commands that came with an Idempotency-Key: new ones, repetitions that were recognised, and "
              "keys that came again with another body.", "cps",
              [(rate(again, "result"), "{{result}}"), (rate(differ), "refused: other body")], wide=8),
        lines("In flight", "Requests that are being answered, and those of them that wait for the outcome of a command.", "short",
              [(f"sum({of_instance('http_server_active_requests', JOB)})", "requests"),
               (f"sum({of_instance('contato_waiting_requests', JOB)})", "waiting for an outcome")]),
        lines("Looks for outcomes", "How often SQL is asked whether a command is done, for those that wait, and what it says.", "ops",
              [(rate(waits, "outcome"), "{{outcome}}")]),
    ]


def publishing():
    took = of_instance("messaging_client_operation_duration_seconds_bucket", JOB, 'messaging_operation_name="publish"')
    return [
        lines("What became of messages", "confirmed is a majority that has it on disk. Everything else was answered 503, and the caller may "
              "repeat it.", "cps", [(rate(of_instance("contato_publish_total", JOB), "outcome"), "{{outcome}}")], wide=8, stacked=True),
        lines("Until the broker confirms", "It is most of the time that accepting takes. Rising: the broker's disk, or a node less.", "s",
              quantiles(took), wide=8, limits=[(0.25, RED)]),
        lines("Size of messages", "p50 and p99. They are small; a jump is a new kind of caller.", "bytes",
              [(quantile(share, of_instance("contato_publish_message_size_bucket", JOB)), f"p{share * 100:g}") for share in (0.5, 0.99)],
              wide=8),
        *broker(JOB),
    ]


def make():
    rows = [("Requests", routes()), ("Commands", commands()), ("Publishing", publishing()), ("SQL", database(JOB)), ("Processes", process(JOB))]
    words = "What producer-api is asked and answers, and how the broker takes what it publishes."
    of = f'contato_build_info{{job="{JOB}"}}'
    return board("contato-producer-api", "producer-api", words, rows, of, [instances(f'contato_build_info{{job="{JOB}",namespace=~"$namespace"}}')])
