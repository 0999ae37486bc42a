"""Rules with all their durations divided, so that what takes hours is seen in minutes; and the configurations of Prometheus and
Alertmanager for that."""

import re

import yaml

# What durations of rules are divided by: 5 minutes become 5 seconds, which has room for the few samples that a rate needs.
FACTOR = 60
# Seconds between scrapes, and between evaluations.
INTERVAL = 1
# RabbitMQ takes longer for an answer, and says no more often how long its queues are.
SLOW_INTERVAL = 2
SLOW_JOBS = ("rabbitmq", "rabbitmq-queues", "postgres")
# Seconds that Alertmanager waits for what inhibits an alert.
GROUP_WAIT = 4

_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "y": 31_536_000_000}
_DURATION = r"(?:\d+(?:ms|[smhdwy]))+"


def divided(duration):
    """A duration of PromQL divided by the factor, at least a millisecond."""
    parts = re.findall(r"(\d+)(ms|[smhdwy])", duration)
    return f"{max(1, sum(int(number) * _UNITS[unit] for number, unit in parts) // FACTOR)}ms"


def _closing(text, start):
    """Where the bracket that opens at `start` closes."""
    depth = 0
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place
    raise ValueError(f"a bracket is not closed: {text}")


def expression(text):
    """An expression with its ranges, steps, offsets and the horizons of predict_linear divided."""
    text = re.sub(
        rf"\[\s*({_DURATION})\s*(?::\s*({_DURATION})?\s*)?\]",
        lambda found: f"[{divided(found[1])}"
        + (":" + (divided(found[2]) if found[2] else "") if ":" in found[0] else "")
        + "]",
        text,
    )
    text = re.sub(rf"\boffset\s+({_DURATION})", lambda found: f"offset {divided(found[1])}", text)
    for found in reversed(list(re.finditer(r"\bpredict_linear\s*\(", text))):
        end = _closing(text, found.end() - 1)
        inside = text[found.end():end]
        series, horizon = inside.rsplit(",", 1)
        text = f"{text[:found.end()]}{series}, ({horizon.strip()}) / {FACTOR}{text[end:]}"
    return text


def groups(rules):
    """Groups of rules, divided."""
    made = []
    for group in rules:
        group = {key: value for key, value in group.items() if key != "interval"}
        group["rules"] = [
            {
                **rule,
                "expr": expression(rule["expr"]),
                **{key: divided(rule[key]) for key in ("for", "keep_firing_for") if key in rule},
            }
            for rule in group["rules"]
        ]
        made.append(group)
    return made


def prometheus(text, rules_file):
    """A configuration of Prometheus that asks more often, with other rules."""
    configuration = yaml.safe_load(text)
    configuration["global"].update(
        scrape_interval=f"{INTERVAL}s", scrape_timeout=f"{INTERVAL}s", evaluation_interval=f"{INTERVAL}s"
    )
    configuration["rule_files"] = [str(rules_file)]
    for job in configuration["scrape_configs"]:
        interval = SLOW_INTERVAL if job["job_name"] in SLOW_JOBS else INTERVAL
        job.update(scrape_interval=f"{interval}s", scrape_timeout=f"{interval}s")
    return yaml.safe_dump(configuration, sort_keys=False)


def _soon(route):
    route.update(group_wait=f"{GROUP_WAIT}s", group_interval="1s")
    for child in route.get("routes", ()):
        _soon(child)


def alertmanager(text, webhook):
    """A configuration of Alertmanager with the routes and inhibitions of another, that tells a webhook of everything, soon."""
    configuration = yaml.safe_load(text)
    _soon(configuration["route"])
    configuration["receivers"] = [
        {"name": receiver["name"], "webhook_configs": [{"url": webhook, "send_resolved": True}]}
        for receiver in configuration["receivers"]
    ]
    return yaml.safe_dump(configuration, sort_keys=False)
