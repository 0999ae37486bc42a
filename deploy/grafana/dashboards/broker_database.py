"""What contato stands on: RabbitMQ and PostgreSQL, as they and Prometheus' exporters tell of themselves."""

from board import board, of_instance, query_variable, series
from panels import GREEN, RED, YELLOW, lines, number, states
from shared import rate

BROKER, QUEUES, DATABASE = "rabbitmq", "rabbitmq-queues", "postgres"
OURS = 'queue=~"contato.*"'
# Why messages leave a queue, and that they then have nowhere to go.
REASONS, DROPPED = ("rejected", "expired", "maxlen", "delivery_limit"), 'dead_letter_strategy="disabled"'
# Not those that every server has.
USER_DATABASES = 'datname!~"template.*|postgres|azure.*"'


def node(name, *matchers):
    return of_instance(f"rabbitmq_{name}", BROKER, *matchers)


def queue(name):
    return series(f"rabbitmq_detailed_queue_{name}", QUEUES, OURS)


def alarms():
    words = {0: ("no", GREEN), 1: ("alarm", RED)}
    kinds = {"memory": "memory_used_watermark", "disk": "free_disk_space_watermark", "files": "file_descriptor_limit"}
    return [
        states("Alarms", "While one is on, the broker takes no messages: producer-api answers 503. Memory: messages pile up. Disk: make "
               "room. Newer brokers have no alarm for files.",
               [(f"max by (instance) ({node(f'alarms_{name}')})", f"{{{{instance}}}}: {kind}") for kind, name in kinds.items()], words, wide=16),
        number("Nodes", "Brokers that Prometheus reaches. Of a cluster of three one may be missing, not two.", "none",
               f"sum({of_instance('up', BROKER)})", (RED, (1, GREEN)), wide=4, high=6),
        number("Dropped dead letters", "In the last hour: messages that were given up and had nowhere to go. Any is lost.", "short",
               " + ".join(f"sum(increase({node(f'global_messages_dead_lettered_{why}_total', DROPPED)}[1h]))" for why in REASONS),
               (GREEN, (1, RED)), wide=4, high=6),
    ]


def messages():
    unroutable = " + ".join(f"sum(increase({node(f'global_messages_unroutable_{what}_total')}[1h]))" for what in ("returned", "dropped"))
    return [
        lines("Ready, by queue", "Messages that wait. contato should be near 0; one that grows needs more workers, or SQL that answers.", "short",
              [(f"sum by (queue) ({queue('messages_ready')})", "{{queue}}")]),
        lines("In hand, by queue", "Delivered and not acknowledged yet. At the prefetch of all workers they have all they can take.", "short",
              [(f"sum by (queue) ({queue('messages_unacked')})", "{{queue}}")]),
        lines("Consumers, by queue", "None on contato: nobody works. Retry queues and parking never have any.", "short",
              [(f"sum by (queue) ({queue('consumers')})", "{{queue}}")], wide=8),
        lines("In and out", "Messages per second for the whole broker. Confirmed below received for long: a disk that is slow.", "cps",
              [(rate(node(f"global_messages_{name}_total")), name) for name in ("received", "confirmed", "delivered", "acknowledged")], wide=8),
        lines("Redelivered", "What was delivered once more. A steady share of what is delivered is a loop: a message that ends its worker.",
              "cps", [(rate(node("global_messages_redelivered_total")), "redelivered")], wide=8),
        lines("Unroutable", "In the last hour: messages that fitted no queue. contato's come back to it and are answered 503; "
              "`contato setup` mends queues.", "short", [(unroutable, "unroutable")], wide=8, limits=[(1, RED)]),
        lines("Commit latency of Raft", "How long a quorum queue needs until a majority has an entry on disk; the slowest queue of each node. "
              "Tens of ms are normal, seconds a disk that does not keep up.", "s",
              # Until RabbitMQ 4.2 the second name.
              [(f"max by (instance) ({node('raft_max_commit_latency_seconds')}) or max by (instance) "
                f"({node('raft_entry_commit_latency_seconds')})", "{{instance}}")], wide=8),
        lines("Connections opened and closed", "Per second. contato keeps its own open: much coming and going is a client that cannot stay.",
              "cps", [(rate(node("connections_opened_total")), "opened"), (rate(node("connections_closed_total")), "closed")], wide=8),
    ]


def resources():
    one = "{{instance}}"
    memory = f"{node('process_resident_memory_bytes')} / {node('resident_memory_limit_bytes')}"
    disk = f"{node('disk_space_available_limit_bytes')} / {node('disk_space_available_bytes')}"
    return [
        lines("Memory", "What each node has, as a share of its limit. At 1 it raises the alarm.", "percentunit", [(memory, one)], wide=8,
              limits=[(0.8, YELLOW), (1, RED)]),
        lines("Disk", "The least free space that each node wants, as a share of what is free. At 1 it raises the alarm.", "percentunit",
              [(disk, one)], wide=8, limits=[(0.5, YELLOW), (1, RED)]),
        lines("Files and connections", "Open file descriptors, as a share of how many there may be.", "percentunit",
              [(f"{node('process_open_fds')} / {node('process_max_fds')}", one)], wide=8, most=1, limits=[(0.8, RED)]),
    ]


def pg(name, *matchers):
    """Of PostgreSQL: its exporter stands for one server, in whichever namespace."""
    labels = ",".join([f'job="{DATABASE}"', *matchers])
    return f"pg_{name}{{{labels}}}"


def database():
    hit, read = rate(pg("stat_database_blks_hit", USER_DATABASES)), rate(pg("stat_database_blks_read", USER_DATABASES))
    return [
        number("PostgreSQL", "Whether the exporter can sign in. down: nothing is applied and nothing can be read; commands wait in the queue.",
               "none", f"min({pg('up')})", (RED, (1, GREEN)), words={0: ("down", RED), 1: ("up", GREEN)}, graph=False),
        number("Connections in use", "As a share of max_connections. Near 1, services cannot connect any more.", "percentunit",
               f"sum({pg('stat_activity_count')}) / max({pg('settings_max_connections')})", (GREEN, (0.6, YELLOW), (0.8, RED))),
        number("Cache hits", "The share of pages that were found in memory. Below 0.99 for long, the database wants more of it.", "percentunit",
               f"{hit} / ({hit} + {read})", (RED, (0.9, YELLOW), (0.99, GREEN))),
        number("Longest transaction", "How long the oldest that is open has been so. Minutes: it keeps rows locked and dead ones in place.",
               "s", f"max({pg('stat_activity_max_tx_duration', USER_DATABASES)})", (GREEN, (60, YELLOW), (300, RED))),
        number("Deadlocks", "In the last hour. contato repeats what was broken off; many are worth a look.", "short",
               f"sum(increase({pg('stat_database_deadlocks', USER_DATABASES)}[1h]))", (GREEN, (1, YELLOW), (10, RED))),
        number("Size", "Of the databases, on disk.", "bytes", f"sum({pg('database_size_bytes', USER_DATABASES)})", (GREEN,)),
    ]


def activity():
    done = (("xact_commit", "committed"), ("xact_rollback", "rolled back"))
    rows = ("inserted", "updated", "deleted")
    return [
        lines("Transactions", "Per second. Many rolled back are conflicts, or callers that fail.", "ops",
              [(rate(pg(f"stat_database_{name}", USER_DATABASES)), words) for name, words in done], wide=8),
        lines("Connections by state", "idle in transaction should be next to nothing: such a connection holds its locks.", "short",
              [(f"sum by (state) ({pg('stat_activity_count', USER_DATABASES)})", "{{state}}")], wide=8, stacked=True),
        lines("Locks by mode", "Locks that are held. accessexclusivelock, but for a migration, keeps everybody else out.", "short",
              [(f"sum by (mode) ({pg('locks_count', USER_DATABASES)}) > 0", "{{mode}}")], wide=8),
        lines("Rows written", "Per second, by what was done to them.", "ops",
              [(rate(pg(f"stat_database_tup_{name}", USER_DATABASES)), name) for name in rows], wide=8),
        lines("Dead rows, by table", "Rows that vacuum has not taken away yet. Growing for hours: a transaction that stays open, or a vacuum that "
              "does not keep up.", "short",
              [(f"topk(5, sum by (relname) ({pg('table_dead_rows')}))", "{{relname}}")], wide=8),
        lines("Write-ahead log", "On disk. It is kept for who still needs it: growing without end, an archive or a replica is stuck.", "bytes",
              [(f"max({pg('wal_kept_bytes')})", "size")], wide=8),
        lines("Slow", "The longest open transaction, by state: a statement that takes minutes, or a connection that forgot to commit.", "s",
              [(f"max by (state) ({pg('stat_activity_max_tx_duration', USER_DATABASES)})", "{{state}}")], wide=8, limits=[(300, RED)]),
        lines("Temporary files", "What sorts and joins wrote to disk because it did not fit in memory.", "Bps",
              [(rate(pg("stat_database_temp_bytes", USER_DATABASES)), "temporary files")], wide=8),
        lines("Transactions that were broken off", "Deadlocks and conflicts, per second.", "ops",
              [(rate(pg("stat_database_deadlocks", USER_DATABASES)), "deadlocks"),
               (rate(pg("stat_database_conflicts", USER_DATABASES)), "conflicts with recovery")], wide=8),
    ]


def make():
    rows = [
        ("RabbitMQ", alarms()), ("Messages", messages()), ("Nodes of the broker", resources()), ("Database", database()),
        ("What PostgreSQL does", activity()),
    ]
    words = "RabbitMQ and PostgreSQL: alarms, queues, room, and what slows them down."
    node_variable = query_variable(
        "instance", "Broker", "Nodes of RabbitMQ.", f'label_values(rabbitmq_identity_info{{job="{BROKER}",namespace=~"$namespace"}}, instance)')
    return board("contato-broker-database", "Broker and database", words, rows, "rabbitmq_identity_info", [node_variable])
