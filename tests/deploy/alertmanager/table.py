"""Who is told of which alert, and which alert keeps quiet about which."""

# The labels of an alert, and the receiver.
ROUTES = [
    ({"alertname": "Watchdog", "severity": "none"}, "deadman"),
    ({"alertname": "AcceptErrorBudgetFast", "severity": "page", "slo": "accept_errors", "namespace": "contato"}, "page"),
    ({"alertname": "NoWorker", "severity": "page"}, "page"),
    ({"alertname": "TargetDown", "severity": "page", "job": "producer-api"}, "page"),
    ({"alertname": "TargetDown", "severity": "ticket", "job": "rabbitmq"}, "ticket"),
    ({"alertname": "CertExpiry", "severity": "ticket"}, "ticket"),
    # Of rules that are not contato's.
    ({"alertname": "KubePodNotReady", "severity": "warning"}, "ticket"),
    ({"alertname": "Other"}, "ticket"),
]

PAGE, TICKET = {"severity": "page"}, {"severity": "ticket"}
ACCEPT, LATE = {"slo": "accept_errors"}, {"slo": "freshness_late"}
API, WORKER = {"job": "producer-api"}, {"job": "consumer-worker"}


def alert(alertname, *labels):
    return {"alertname": alertname, **{name: value for of in labels for name, value in of.items()}}


# A cause, and what it quiets; both of the same namespace.
QUIETS = [
    (alert("AcceptErrorBudgetFast", PAGE, ACCEPT), alert("AcceptErrorBudgetSlow", PAGE, ACCEPT)),
    (alert("AcceptErrorBudgetFast", PAGE, ACCEPT), alert("AcceptErrorBudgetTicket", TICKET, ACCEPT)),
    (alert("FreshnessBudgetFast", PAGE, LATE), alert("FreshnessBudgetSlow", PAGE, LATE)),
    (alert("AcceptErrorBudgetSlow", PAGE, ACCEPT), alert("AcceptErrorBudgetTicket", TICKET, ACCEPT)),
    (alert("TargetDown", PAGE, API), alert("TargetDown", TICKET, API, {"instance": "a"})),
    (alert("NoWorker", PAGE), alert("TargetDown", TICKET, WORKER, {"instance": "a"})),
    (alert("NoWorker", PAGE), alert("QueueNoConsumer", PAGE, {"queue": "contato"})),
    (alert("WorkerPaused", PAGE), alert("QueueBacklogGrowing", TICKET, {"queue": "contato"})),
    (alert("WorkerPaused", PAGE), alert("FreshnessBudgetFast", PAGE, LATE)),
    (alert("PostgresDown", PAGE, {"instance": "db"}), alert("WorkerPaused", PAGE)),
    (alert("PostgresDown", PAGE, {"instance": "db"}), alert("FreshnessBudgetFast", PAGE, LATE)),
    (alert("RabbitmqMemoryAlarm", PAGE, {"instance": "r"}), alert("BrokerBlocked", PAGE)),
    (alert("RabbitmqDiskAlarm", PAGE, {"instance": "r"}), alert("BrokerUnreachable", PAGE, API)),
    (alert("NoQuorum", PAGE), alert("NodeDown", TICKET)),
    (alert("BrokerBlocked", PAGE), alert("CanaryStale", PAGE)),
]

# What is told beside each other, although one of them could be thought to be the cause.
BOTH = [
    (alert("AcceptErrorBudgetFast", PAGE, ACCEPT), alert("FreshnessBudgetSlow", PAGE, LATE)),
    (alert("AcceptErrorBudgetTicket", TICKET, ACCEPT), alert("AcceptErrorBudgetFast", PAGE, ACCEPT)),
    (alert("BrokerBlocked", PAGE), alert("AcceptErrorBudgetFast", PAGE, ACCEPT)),
    (alert("BrokerBlocked", PAGE), alert("RabbitmqMemoryAlarm", PAGE, {"instance": "r"})),
    (alert("TargetDown", PAGE, API), alert("TargetDown", TICKET, WORKER, {"instance": "a"})),
    (alert("NoWorker", PAGE), alert("TargetDown", TICKET, API, {"instance": "a"})),
    (alert("WorkerPaused", PAGE), alert("PostgresDown", PAGE, {"instance": "db"})),
    (alert("RabbitmqFdAlarm", PAGE, {"instance": "r"}), alert("BrokerUnreachable", PAGE, API)),
    (alert("PostgresDown", PAGE, {"instance": "db"}), alert("ReadErrorBudgetFast", PAGE, {"slo": "read_errors"})),
    (alert("PostgresDown", PAGE, {"instance": "db"}), alert("CanaryStale", PAGE)),
    (alert("DeadLetterBurst", PAGE), alert("DeadLettersWaiting", TICKET)),
]
