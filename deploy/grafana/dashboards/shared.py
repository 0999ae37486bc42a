"""Rows that several roles have: their processes, the database as they see it, their ties to the broker."""

from board import of_instance
from panels import GREEN, ORANGE, RED, lines, states


def rate(inside, by=""):
    return f"sum{by and f' by ({by}) '}(rate({inside}[$__rate_interval]))"


def quantile(share, buckets, *by):
    return f"histogram_quantile({share}, {rate(buckets, ', '.join([*by, 'le']))})"


def quantiles(buckets):
    return [(quantile(share, buckets), f"p{share * 100:g}") for share in (0.5, 0.95, 0.99)]


def process(job):
    """CPU, memory, files."""
    one = "{{instance}}"
    return [
        lines("CPU", "Cores in use by each process. Flat at its limit means that it is held back.", "none",
              [(f"rate({of_instance('process_cpu_seconds_total', job)}[$__rate_interval])", one)], wide=8),
        lines("Memory", "What each process has in memory. It levels off; rising for hours is a leak.", "bytes",
              [(of_instance("process_resident_memory_bytes", job), one)], wide=8),
        lines("Files and connections", "Open file descriptors as a share of how many a process may have. Near 1, connections are refused.",
              "percentunit", [(f"{of_instance('process_open_fds', job)} / {of_instance('process_max_fds', job)}", one)], wide=8, most=1,
              limits=[(0.8, RED)]),
    ]


def database(job):
    """The pool, and the statements."""
    count, most = of_instance("db_client_connection_count", job), of_instance("db_client_connection_max", job)
    waited = of_instance("db_client_connection_wait_time_seconds_bucket", job)
    took = of_instance("db_client_operation_duration_seconds_bucket", job)
    failed = of_instance("db_client_operation_duration_seconds_count", job, 'error_type!=""')
    return [
        lines("Pool of connections", "Connections to SQL that are in use and idle, and how many there may be. In use at the most for long "
              "means that work waits.", "short",
              [(f"sum by (state) ({count})", "{{state}}"), (f"sum({most})", "at most"),
               (f"sum({of_instance('db_client_connection_pending_requests', job)})", "waiting for one")]),
        lines("Waiting for a connection", "How long work waits for a connection of the pool. More than some ms: the pool is too small, or "
              "SQL too slow.", "s", [(quantile(0.5, waited), "p50"), (quantile(0.99, waited), "p99")]),
        lines("Statements by kind, p99", "How long 99 of 100 statements take. One kind that stands out is a missing index or a lock.", "s",
              [(quantile(0.99, took, "db_operation_name"), "{{db_operation_name}}")]),
        lines("Statements that failed", "By kind and error. Serialisation failures are repeated and harmless while they are few.", "ops",
              [(rate(failed, "db_operation_name, error_type"), "{{db_operation_name}}: {{error_type}}")]),
    ]


def broker(job):
    """Whether there is a connection, and how often it broke."""
    connected, blocked = of_instance("contato_broker_connected", job), of_instance("contato_broker_blocked", job)
    state = f"min by (instance) ({connected}) + max by (instance) ({blocked})"
    words = {0: ("no connection", RED), 1: ("connected", GREEN), 2: ("blocked", ORANGE)}
    return [
        states("Connection to the broker", "Blocked is an alarm of the broker (memory or disk): it takes nothing until that is over. No "
               "connection is worse.", [(state, "{{instance}}")], words),
        lines("Connections that broke", "New connections to the broker, by what ended the one before. Some are normal when a broker is "
              "restarted.", "cps", [(rate(of_instance("contato_broker_reconnects_total", job), "cause"), "{{cause}}")], high=6),
    ]
