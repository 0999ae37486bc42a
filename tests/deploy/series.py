"""Which series there are, for the checks of alerts and dashboards: those of contato, recorded ones, and those of others."""

import pathlib
import re

import yaml

RULES = sorted(pathlib.Path("helm/contato/files/rules").glob("*.yaml"))
CRATES = ("shared", "producer-api", "consumer-worker", "dlq-function")
OTHERS = pathlib.Path(__file__).with_name("series.txt")
# What Prometheus makes of a histogram.
PARTS = re.compile(r"_(?:bucket|sum|count)$")
# What is no name of a series, however it looks: words of PromQL, also as operators.
WORDS = {"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "group_left", "group_right", "inf", "nan"}


def registered_series():
    """What the roles register, by the texts of their sources."""
    sources = [path for crate in CRATES for path in pathlib.Path(crate, "src").rglob("*.rs")]
    return {name for path in sources for name in re.findall(r'"((?:contato|http|db|messaging)_[a-z_]+)"', path.read_text())}


def recorded_series():
    """What recording rules make."""
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}


def others_series():
    """What Prometheus and exporters of others give, as series.txt lists it."""
    lines = (line.partition("#")[0].split() for line in OTHERS.read_text().splitlines())
    return {line[0] for line in lines if line}


def known_series():
    return registered_series() | recorded_series() | others_series()


def named(expression):
    """The names of series in an expression of PromQL, without Grafana's variables."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", " ", bare)
    bare = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    words = re.findall(r"(?<![\w:.])([a-zA-Z_:][\w:]*)(?!\s*\()(?![\w:])", bare)
    return {word for word in words if word.lower() not in WORDS}


def unknown(expression, known):
    """The names of series in an expression that nobody gives."""
    return sorted(name for name in named(expression) if not {name, PARTS.sub("", name)} & known)
