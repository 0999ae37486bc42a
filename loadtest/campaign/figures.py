"""What a scenario came to: the figures of its levels, cut out of what Locust and the samples counted, and of the whole run."""

import csv
from collections import Counter

from campaign import sampler, series

WRITE = "POST /v1/contacts"
PARTS = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
# All that a run starts, this program among it, and the whole machine.
USERS_OF_CPU = ["producer-api", "consumer-worker", "dlq-function", "rabbitmq", "postgres", "generator", "observer", "machine"]
# Points of a picture.
POINTS = 120


def of_level(seen, watch, witness):
    """From what Locust wrote of a level, and what was sampled and witnessed meanwhile."""
    begun, ended = seen["begun"], seen["ended"]
    samples, seconds = watch.between(begun, ended), ended - begun
    requests = {name: came_between(seen["before"]["requests"].get(name, {}), times) for name, times in seen["after"]["requests"].items()}
    every = Counter()
    for times in requests.values():
        every.update(times)
    errors = came_between(seen["before"]["errors"], seen["after"]["errors"])
    figures = {
        "users": seen["users"],
        "reached": seen["reached"],
        "seconds": round(seconds, 1),
        "requests": every.total(),
        "failures": sum(errors.values()),
        "errors": dict(errors),
        "answered": percentiles(every),
        "accepted": percentiles(requests.get(WRITE, Counter())),
        "witness": percentiles(Counter(round(time, 1) for time in witness.between(begun, ended))),
    }
    if len(samples) > 1:
        figures |= of_samples(samples)
    return figures


def of_samples(samples):
    """CPU in cores, commands that wait, and accept to commit."""
    latency = series.difference(samples[-1].latency, samples[0].latency)
    cpu = {name: round(sampler.cores(samples, name), 3) for name in USERS_OF_CPU}
    cpu["others"] = round(max(0, 2 * cpu["machine"] - sum(cpu.values())), 3)
    cpu["busiest generator"] = round(max(sampler.each_core(samples, "generator").values(), default=0), 3)
    committed = {name: series.quantile(latency, part) for name, part in PARTS.items()}
    return {
        "cpu": cpu,
        "waiting": max(sample.waiting for sample in samples),
        "committed": {name: None if value is None else round(value * 1000, 1) for name, value in committed.items()},
    }


def came_between(before, after):
    return Counter({key: count - before.get(key, 0) for key, count in after.items() if count > before.get(key, 0)})


def percentiles(times):
    """In milliseconds, of a count by milliseconds; Locust rounds those of its own to two digits."""
    counts, below = {}, 0
    for time in sorted(times, key=float):
        below += times[time]
        counts[float(time)] = below
    found = {}
    for name, part in PARTS.items():
        found[name] = next((time for time, count in counts.items() if count >= part * below), None)
    return found


def timeline(path, samples, begun):
    """Users, requests a second and p95 by Locust's own history, and what waited, for pictures."""
    points = []
    for row in csv.DictReader(path.open()):
        if row["Name"] != "Aggregated":
            continue
        at = float(row["Timestamp"])
        near = min(samples, key=lambda sample: abs(sample.at - at))
        points.append([round(at - begun), int(row["User Count"]), round(float(row["Requests/s"]), 1), number(row["95%"]), near.waiting])
    return points[:: max(1, -(-len(points) // POINTS))]


def number(text):
    return None if text == "N/A" else int(float(text))
