"""Results as JSON for the repository, and as a table on the screen."""

import json

from campaign import judge


def as_json(found):
    """A line each for levels and points: small, and its changes can be read."""
    runs = []
    for run in found["runs"]:
        lines = [f"   {json.dumps(key)}: {json.dumps(value)}" for key, value in run.items() if key != "levels"]
        levels = ",\n".join(f"    {json.dumps(level)}" for level in run["levels"])
        runs.append("  {\n" + ",\n".join([*lines, f'   "levels": [\n{levels}\n   ]']) + "\n  }")
    others = "".join(f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)},\n" for key, value in found.items() if key != "runs")
    return "{\n" + others + ' "runs": [\n' + ",\n".join(runs) + "\n ]\n}\n"


def levels_as_text(run):
    """For whoever looks on."""
    lines = [f"    {'users':>6} {'req/s':>8} {'p50':>6} {'p95':>6} {'p99':>6} {'errors':>8} {'generator':>9}  status"]
    for level in run["levels"]:
        answered, busiest = level["answered"], level.get("cpu", {}).get("busiest generator")
        invalid, degraded = judge.faults(level)
        why = f" ({', '.join(invalid + degraded)})" if invalid or degraded else ""
        lines.append(
            f"    {level['users']:>6,} {level['requests'] / level['seconds']:>8,.1f} {milliseconds(answered['p50'])} {milliseconds(answered['p95'])} "
            f"{milliseconds(answered['p99'])} {judge.error_rate(level):>8.2%} {'-' if busiest is None else f'{busiest:.0%}':>9}  {judge.status(level)}{why}"
        )
        lines.extend(f"           {count} x {error}" for error, count in level["errors"].items())
    ends = run["ends"]
    lines.append(f"    {ends['accepted']:,} accepted, {ends['rows']:,} in SQL {ends['status']}, {judge.lost(run)} lost, drained after {run['drainSeconds']} s")
    return "\n".join(lines)


def milliseconds(value):
    return f"{'-' if value is None else f'{value:,.0f}':>6}"
