"""The pictures of docs/load.md, by matplotlib. The same results give the same files."""

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "contato"
matplotlib.rcParams["svg.fonttype"] = "none"

import matplotlib.pyplot as plt

from campaign import judge
from campaign.pages import pictured, rate, replicas

COLOURS = ["#2f6f9f", "#b8762e", "#5b8c3e", "#7a4f9a"]
LATE = "#b03a2e"
# How a level is drawn, by what is said of it.
MARKERS = {judge.OK: ("o", "full"), judge.DEGRADED: ("s", "full"), judge.INVALID: ("X", "none")}


def draw(found, folder):
    """Draws what the results have, and gives the names. Pictures of what they do not have go."""
    names = [save(by_time(runs[0]) if name == "spike" else by_users(runs), folder / f"{name}.svg") for name, runs in pictured(found).items()]
    for other in folder.glob("*.svg"):
        if other.name not in names:
            other.unlink()
    return names


def save(figure, path):
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path.name


def by_users(runs):
    """Requests a second and p95 by users, a line for each number of replicas; a mark tells what is said of the level."""
    figure, (above, below) = plt.subplots(2, figsize=(9, 5), sharex=True)
    for colour, run in zip(COLOURS, runs):
        levels = run["levels"]
        users = [level["users"] for level in levels]
        for axes, values in ((above, [rate(level) for level in levels]), (below, [level["answered"]["p95"] for level in levels])):
            axes.plot(users, values, color=colour, label=replicas(run))
            for level, value in zip(levels, values):
                marker, fill = MARKERS[judge.status(level)]
                axes.plot(level["users"], value, marker=marker, fillstyle=fill, color=colour)
        witnessed = [(level["users"], level["witness"]["p95"]) for level in levels if level.get("witness", {}).get("p95") is not None]
        below.plot(*zip(*witnessed) if witnessed else ((), ()), color=colour, linestyle="dashed", label=f"{replicas(run)}, witness")
    # What users would ask for if nothing kept them waiting: with pauses of 2 s on average, half a request a second each.
    most = max(level["users"] for run in runs for level in run["levels"])
    above.plot([0, most], [0, most / 2], color="#b8c4cc", linestyle="dotted", label="offered")
    below.axhline(judge.ACCEPTED_MS_MAX, color=LATE, linewidth=1)
    above.set_ylabel("requests a second")
    below.set_ylabel("p95, ms")
    below.set_yscale("log")
    below.set_xlabel(f"users ({runs[0]['scenario']}); square: degraded, cross: invalid")
    for axes in (above, below):
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    tidy(above, below)
    return figure


def by_time(run):
    """Users, requests a second, p95 and what waits, by the second."""
    figure, every = plt.subplots(4, figsize=(9, 7), sharex=True)
    labels = ["users", "requests a second", "p95 of 10 s, ms", "commands that wait"]
    times = [point[0] for point in run["timeline"]]
    for place, (axes, label) in enumerate(zip(every, labels), 1):
        axes.plot(times, [point[place] for point in run["timeline"]], color=COLOURS[0])
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
    every[-1].set_xlabel(f"seconds ({run['scenario']}, {replicas(run)})")
    tidy(*every)
    return figure


def tidy(*every):
    for axes in every:
        axes.spines[["top", "right"]].set_visible(False)
