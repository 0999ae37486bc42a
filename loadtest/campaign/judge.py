"""What is said of a level: as promised, degraded, or not a measurement. The thresholds are contato's own objectives (docs/metrics.md)."""

# Of all requests.
ERRORS_MAX = 0.001
# Of the accepting ones, 99 %.
ACCEPTED_MS_MAX = 250
# From acceptance to commit, 99 %.
COMMITTED_MS_MAX = 5_000
# Of one core: a generator beyond that measures itself.
GENERATOR_MAX = 0.8
# Cores that programs other than those of the run used, the kernel's own work included.
OTHERS_MAX = 0.3

OK, DEGRADED, INVALID = "ok", "degraded", "invalid"


def error_rate(level):
    return level["failures"] / max(1, level["requests"])


def faults(level):
    """Why a level is no measurement, and in what it does not hold."""
    cpu = level.get("cpu", {})
    locust, witness = level["accepted"]["p99"], level.get("witness", {}).get("p99")
    invalid = {
        "users": not level["reached"],
        "generator": cpu.get("busiest generator", 1) > GENERATOR_MAX,
        "queue": over(locust, ACCEPTED_MS_MAX) and witness is not None and witness <= ACCEPTED_MS_MAX,
        "others": cpu.get("others", 1) > OTHERS_MAX,
    }
    degraded = {
        "errors": error_rate(level) > ERRORS_MAX,
        "accepted": over(locust, ACCEPTED_MS_MAX) or over(witness, ACCEPTED_MS_MAX),
        "committed": over(level.get("committed", {}).get("p99"), COMMITTED_MS_MAX),
    }
    return [name for name, holds in invalid.items() if holds], [name for name, holds in degraded.items() if holds]


def over(value, most):
    return value is not None and value > most


def status(level):
    invalid, degraded = faults(level)
    return INVALID if invalid else DEGRADED if degraded else OK


def saturation(levels):
    """The last level that held, and the first that did not; either may be None."""
    held = None
    for level in levels:
        if status(level) != OK:
            return held, level
        held = level
    return held, None


def lost(run):
    """Commands that were answered 202 and came to no end; 0, or the promise is broken."""
    ends = run["ends"]
    return max(ends["accepted"] - ends["finished"], ends["accepted"] - ends["rows"], ends["answered"] - ends["rows"], 0)
