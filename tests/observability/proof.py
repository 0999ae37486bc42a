"""Shows that the check can fail: with the same data, each of these must be noticed."""

import judge
from expressions import Expression


def gaps(seen):
    """What is not noticed. `seen` is what the run has collected."""
    exceptions = judge.Exceptions({"faults": {}, "elsewhere": []})

    def asked(query, owner="panel", given=exceptions):
        return list(judge.answers(seen.server, [Expression(owner, "broken", query)], given, seen.well, seen.spans))

    fault, span = next(iter(seen.spans.items()))
    alerts = seen.exceptions.alerts(fault)
    without = [entry for entry in seen.arrived if entry[2]["labels"]["alertname"] not in alerts]
    unresolved = [entry for entry in seen.arrived if entry[1] != "resolved"]
    unlinked = [(at, status, {**alert, "annotations": {**alert["annotations"], "runbook_url": "", "dashboard_url": "/d/nobody"}})
                for at, status, alert in seen.arrived]
    waiting = judge.Exceptions({"faults": {fault: {"panels": ["broken"]}}, "elsewhere": []})
    elsewhere = judge.Exceptions({"faults": {}, "elsewhere": [{"why": "", "panels": ["broken"]}]})
    word = next(iter(seen.sent))
    noticed = {
        "an expression that is none": asked("sum(rate(up[5m])"),
        "a function that is not there": asked("quantile_of(up)"),
        "a panel that asks for a series nobody has": asked("contato_nobody_has_this_total"),
        "a panel that only ever divides by nothing": asked("vector(0) / vector(0)"),
        "a panel that no fault makes answer": asked("contato_nobody_has_this_total", given=waiting),
        "an exception for what answers": asked("up", given=waiting),
        "an exception for what is elsewhere and answers": asked("up", given=elsewhere),
        "an exception for nothing": list(waiting.stale([])),
        "an alert that did not arrive": list(judge.arrivals(without, seen.exceptions, fault, span)),
        "an alert that was never resolved": list(judge.arrivals(unresolved, seen.exceptions, fault, span)),
        "links that are not filled in": list(judge.links(unlinked, seen.labels, seen.runbooks, seen.uids)),
        "a job without a target": list(judge.targets([], ["producer-api"])),
        "a target that is down": list(judge.targets([("producer-api", "down", "refused")], [])),
        "a lint of promtool": list(judge.lints("producer-api", ["no help text"], exceptions)),
        "too many series": list(judge.series("producer-api", "a 1\n" * (judge.SERIES_MAX + 1))),
        "a name in a metric": list(judge.personal("producer-api", f'a{{b="{word}"}} 1', seen.sent)),
    }
    return len(noticed), [f"not noticed: {what}" for what, findings in noticed.items() if not findings]
