"""Draws what dashboards show of a run, for the docs: the main series, with each fault shaded."""

import math
import pathlib

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt

# Seconds between points, and what is shown before and after a fault.
STEP = 1
BEFORE, AFTER = 8, 5
# A colour for each line of a picture that all can tell apart (Okabe and Ito).
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
NAMES = {
    "memory-alarm": "memory alarm", "sql-stopped": "SQL stopped", "workers-gone": "no worker", "poison": "poison",
    "braked-replay": "replay", "broker-killed": "broker killed",
}
RATE = "sum(rate({}[5s]))"


def quantile(share, metric, selector=""):
    """A latency by PromQL, over ten seconds."""
    return f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket{selector}[10s])))"


WRITES = '{job="producer-api",http_request_method=~"POST|PUT|PATCH|DELETE"}'
READS = '{job="producer-api",http_request_method="GET"}'
FLOW = ("Accepted and applied", "commands a second", [
    ("accepted", RATE.format("contato_commands_accepted_total")),
    ("applied", RATE.format('contato_commands_completed_total{result="applied"}')),
    ("other ends", RATE.format('contato_commands_completed_total{result!="applied"}')),
    ("refused", RATE.format('contato_commands_refused_total{reason=~"unavailable|backpressure"}')),
])
LATENCY = ("From acceptance to SQL", "seconds", [
    (f"p{share}", quantile(share / 100, "contato_command_latency_seconds")) for share in (50, 95, 99)
])
ANSWERS = ("Time until a write is answered", "seconds", [
    (f"p{share}", quantile(share / 100, "http_server_request_duration_seconds", WRITES)) for share in (50, 95, 99)
])
DEPTH = ("What waits", "messages", [
    ("queue contato", 'sum(rabbitmq_detailed_queue_messages{queue="contato"})'),
    ("in the worker's hands", "sum(contato_inflight_deliveries)"),
    ("open dead letters", "sum(max by (reason) (contato_dead_letters))"),
])
STATES = ("States", "1 = so", [
    ("worker paused", "max(contato_consumer_paused)"),
    ("publishers blocked", "max(contato_broker_blocked)"),
    ("broker unreachable", "1 - min(contato_broker_connected)"),
])
ERRORS = ("Share of writes answered 5xx", "%", [
    ("5 minutes ÷ 60", "100 * slo:accept_errors:ratio_rate5m"),
    ("1 hour ÷ 60", "100 * slo:accept_errors:ratio_rate1h"),
])
BURN = ("How fast the budget burns", "times the allowed pace", [
    ("5 minutes ÷ 60", "slo:accept_errors:ratio_rate5m / 0.001"),
    ("1 hour ÷ 60", "slo:accept_errors:ratio_rate1h / 0.001"),
])


def points(server, query, start, end):
    """The points of a query, with gaps where it has none."""
    found = server.range(query, start, end, STEP)
    if not found:
        return [], []
    by_time = {round(time): value for time, value in found[0][1]}
    times = range(round(start), round(end) + 1, STEP)
    return [time - start for time in times], [by_time.get(time, math.nan) for time in times]


def shade(axes, spans, start, end, names=True):
    """The faults that lie between two times."""
    for number, (fault, span) in enumerate(spans.items()):
        if span.mended < start or span.begun > end:
            continue
        axes.axvspan(span.begun - start, span.mended - start, color="#d0d0d0", alpha=0.6, linewidth=0)
        if names:
            axes.text((span.begun + span.mended) / 2 - start, 1.02 + 0.09 * (number % 2), NAMES[fault], ha="center", va="bottom",
                      transform=axes.get_xaxis_transform(), fontsize=8)


def picture(seen, charts, start, end, title, file, more=None, only=None):
    """One picture: charts below each other, with one axis of time, and all faults shaded or only one."""
    spans = {name: span for name, span in seen.spans.items() if only in (None, name)}
    figure, all_axes = plt.subplots(len(charts), 1, figsize=(10, 2.4 * len(charts) + 0.8), sharex=True, squeeze=False)
    for place, (axes, (heading, unit, lines)) in enumerate(zip(all_axes[:, 0], charts)):
        for colour, (label, query) in zip(COLOURS, lines):
            axes.plot(*points(seen.server, query, start, end), label=label, color=colour, linewidth=1.6)
        axes.set_title(heading, loc="left", fontsize=10, fontweight="bold", pad=26 if place == 0 else 6)
        axes.set_ylabel(unit)
        axes.set_ylim(bottom=0)
        axes.set_xlim(0, end - start)
        axes.grid(axis="y", color="#e5e5e5")
        axes.spines[["top", "right"]].set_visible(False)
        shade(axes, spans, start, end, names=place == 0)
        if more:
            more(axes, heading)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=9)
    all_axes[-1, 0].set_xlabel("seconds; shaded: the fault")
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    figure.tight_layout()
    figure.savefig(file, dpi=100)
    plt.close(figure)


def firing(seen, alert, start):
    """From when to when an alert fired, as Prometheus has it."""
    found = seen.server.range(f'max(ALERTS{{alertname="{alert}",alertstate="firing"}})', start, seen.well[1] + 3600, STEP)
    return [time - start for time, _ in found[0][1]] if found else []


def burn(seen, folder):
    """The burn rate of a fault, and when its alert fired."""
    span = seen.spans["broker-killed"]
    start, end = span.begun - BEFORE, span.over + AFTER
    fired = firing(seen, "AcceptErrorBudgetFast", start)

    def mark(axes, heading):
        if heading == BURN[0]:
            axes.axhline(14.4, color="#D55E00", linestyle="--", linewidth=1, label="14.4: an alert")
            axes.set_yscale("symlog", linthresh=10)
        if fired:
            axes.axvspan(fired[0], fired[-1], ymax=0.05, color="#D55E00", linewidth=0, label="AcceptErrorBudgetFast fires")

    picture(seen, [FLOW, ERRORS, BURN], start, end, "The broker is killed, and comes back", folder / "burn-rate.png", mark,
            only="broker-killed")


def draw(seen, folder):
    """All pictures, into a folder."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    last = max(span.over for span in seen.spans.values())
    picture(seen, [FLOW, LATENCY, ANSWERS, DEPTH, STATES], seen.well[0], last, "A run with six faults", folder / "run.png")
    span = seen.spans["sql-stopped"]
    picture(seen, [FLOW, LATENCY, DEPTH, STATES], span.begun - BEFORE, span.over + AFTER,
            "SQL is stopped: writes are taken, and applied once it is back", folder / "sql-stopped.png", only="sql-stopped")
    burn(seen, folder)
