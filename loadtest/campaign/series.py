"""Reading the metrics of contato's processes (docs/metrics.md), which are asked for here and nowhere else."""

import re
import urllib.request

PATIENCE_SECONDS = 5
SERIES = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')

ACCEPTED = "contato_commands_accepted_total"
COMPLETED = "contato_commands_completed_total"
LATENCY = "contato_command_latency_seconds_bucket"
# What a command may come to; a duplicate is one that has come to something before.
ENDS = ("applied", "superseded", "rejected", "deadLettered")


def read(management):
    """All series of a process: of each name a list of labels with their value."""
    with urllib.request.urlopen(f"http://{management}/metrics", timeout=PATIENCE_SECONDS) as answer:
        text = answer.read().decode()
    found = {}
    for name, labels, value in SERIES.findall(text):
        found.setdefault(name, []).append((dict(LABEL.findall(labels)), float(value)))
    return found


def total(scrapes, name, **labels):
    """The sum over processes of the series with these labels; a label may have one of several values."""
    wanted = {label: {value} if isinstance(value, str) else set(value) for label, value in labels.items()}
    return sum(
        value
        for scrape in scrapes
        for found, value in scrape.get(name, [])
        if all(found.get(label) in values for label, values in wanted.items())
    )


def buckets(scrapes, name=LATENCY):
    """A histogram over processes and labels: how many were at most so much."""
    counts = {}
    for scrape in scrapes:
        for labels, value in scrape.get(name, []):
            edge = float(labels["le"])
            counts[edge] = counts.get(edge, 0) + value
    return counts


def difference(after, before):
    return {edge: count - before.get(edge, 0) for edge, count in after.items()}


def quantile(counts, part):
    """As Prometheus does it: evenly spread within a bucket. None of an empty histogram."""
    edges = sorted(counts)
    if not edges or not counts[edges[-1]]:
        return None
    wanted = part * counts[edges[-1]]
    below, least = 0, 0.0
    for edge in edges:
        if counts[edge] >= wanted:
            # Beyond the last edge nothing is known but that.
            return least if edge == float("inf") else least + (edge - least) * (wanted - below) / max(counts[edge] - below, 1e-9)
        below, least = counts[edge], edge
    return least
