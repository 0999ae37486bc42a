"""The open loop: the program `bench` of this folder climbs a ladder of constant rates (loadtest/src/ladder.rs)."""

import json
import os
import re
import subprocess

from campaign.stack import Failed

PROGRAM = "bench"
FIGURE = re.compile(r"\(h\) 202 after it was (due|sent), p99, (\d+)/s")
HELD = "(h) most requests a second that were held"
# Of a rate, at full length.
STEP_SECONDS = 30
STEP_SECONDS_LEAST = 3


def seconds(time_scale):
    return max(STEP_SECONDS_LEAST, round(STEP_SECONDS * time_scale))


def climb(servers, binaries, folder, time_scale):
    """The rates with the p99, in milliseconds, from when a request was due and from when it was sent, and the last rate that was held."""
    file = folder / "ladder.json"
    # psql and pg_dump are for other measurements of that program.
    words = [binaries / PROGRAM, "--binaries", binaries, "--postgres", folder, "--only", "ladder", "--repetitions", "1", "--seconds", seconds(time_scale), "--json", file]
    with (folder / "ladder.log").open("w") as log:
        done = subprocess.run(list(map(str, words)), env={**os.environ, **servers.variables}, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    if done.returncode:
        raise Failed(f"the ladder ends with {done.returncode}: {(folder / 'ladder.log').read_text().strip()[-800:]}")
    figures = {figure["name"]: figure["values"][0] for figure in json.loads(file.read_text())["figures"]}
    rates = {}
    for name, value in figures.items():
        if match := FIGURE.fullmatch(name):
            rates.setdefault(int(match.group(2)), {})[match.group(1)] = round(value, 1)
    return {"seconds": seconds(time_scale), "rates": [{"rate": rate, **p99} for rate, p99 in rates.items()], "held": round(figures[HELD])}
