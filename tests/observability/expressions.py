"""Every expression that dashboards and rules ask Prometheus for."""

import collections
import dataclasses
import json
import pathlib
import re

import yaml

# How Grafana's own variables are filled in: a rate over fifteen scrapes, and the whole run as what is looked at.
BUILT_IN = {"__rate_interval": "15s", "__interval": "5s", "__interval_ms": "5000", "__range": "300s", "__range_s": "300"}


@dataclasses.dataclass(frozen=True)
class Expression:
    """One expression: what it belongs to, its name there, and what is asked."""

    owner: str
    name: str
    query: str

    def __str__(self):
        return f"{self.owner} {self.name}"


def rule_groups(folder):
    """All groups of the rules' files."""
    return [group for file in sorted(pathlib.Path(folder).glob("*.yaml")) for group in yaml.safe_load(file.read_text())["groups"]]


def of_rules(groups):
    """What recordings and alerts ask. Where alerts share a name, that of the expression has the severity, too."""
    rules = [rule for group in groups for rule in group["rules"]]
    names = collections.Counter(rule.get("alert") for rule in rules)
    for rule in rules:
        if "record" in rule:
            yield Expression("recording", rule["record"], rule["expr"])
        elif names[rule["alert"]] > 1:
            yield Expression("alert", f"{rule['alert']} ({rule['labels']['severity']})", rule["expr"])
        else:
            yield Expression("alert", rule["alert"], rule["expr"])


def of_page(file):
    """The examples of a page for people."""
    found = re.findall(r"^```promql\n(.*?)^```", file.read_text(), re.DOTALL | re.MULTILINE)
    for number, query in enumerate(found, 1):
        yield Expression("example", f"{file.name}: {number}", query.strip())


def dashboards(folder):
    """The dashboards as JSON, by their uids."""
    read = [json.loads(file.read_text()) for file in sorted(pathlib.Path(folder).rglob("*.json"))]
    return {dashboard["uid"]: dashboard for dashboard in read}


def panels(dashboard):
    """All panels, also those in rows that are folded."""
    for panel in dashboard.get("panels", ()):
        yield panel
        yield from panel.get("panels", ())


def filled(text, values):
    """A text with Grafana's variables filled in: $name, ${name}, ${name:format}."""

    def value(found):
        name = found[1] or found[2]
        if name not in values:
            raise KeyError(f"the variable {name} is not known: {text}")
        return values[name]

    return re.sub(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))", value, text)


def variable_query(variable):
    """What a variable asks, or None."""
    query = variable.get("query", "")
    return (query.get("query", "") if isinstance(query, dict) else query) if variable["type"] == "query" else None


LABEL_VALUES = re.compile(r"^label_values\((?:(.+),\s*)?(\w+)\)$", re.DOTALL)
QUERY_RESULT = re.compile(r"^query_result\((.+)\)$", re.DOTALL)


def variables(dashboard, ask):
    """The values of a dashboard's variables, each as Grafana would fill it in when all are chosen. `ask` gives the values that
    label_values has: of a selector (or None) and a label."""
    values = dict(BUILT_IN)
    for variable in dashboard.get("templating", {}).get("list", ()):
        name = variable["name"]
        query = variable_query(variable)
        if query is not None:
            found = LABEL_VALUES.match(query)
            chosen = ask(filled(found[1], values) if found[1] else None, found[2]) if found else []
            joined = chosen[0] if len(chosen) == 1 else f"({'|'.join(map(re.escape, chosen))})" if chosen else ""
            values[name] = variable.get("allValue") or joined
        else:
            current = variable.get("current", {}).get("value", variable.get("query", ""))
            values[name] = "|".join(current) if isinstance(current, list) else str(current)
    return values


def of_dashboard(dashboard, values):
    """What a dashboard asks: its panels, its annotations, and its variables where these are expressions."""
    uid = dashboard["uid"]
    for panel in panels(dashboard):
        for target in panel.get("targets", ()):
            if "expr" in target:
                name = f"{uid}: {panel.get('title', panel.get('id'))} [{target.get('refId', 'A')}]"
                yield Expression("panel", name, filled(target["expr"], values))
    for annotation in dashboard.get("annotations", {}).get("list", ()):
        query = annotation.get("expr") or annotation.get("target", {}).get("expr")
        if query:
            yield Expression("annotation", f"{uid}: {annotation['name']}", filled(query, values))
    for variable in dashboard.get("templating", {}).get("list", ()):
        query = variable_query(variable)
        if query is None:
            continue
        if found := LABEL_VALUES.match(query):
            # All series of the selector, or all that have the label.
            selector = filled(found[1], values) if found[1] else f'{{{found[2]}!=""}}'
            yield Expression("variable", f"{uid}: {variable['name']}", f"count by ({found[2]}) ({selector})")
        elif found := QUERY_RESULT.match(query):
            yield Expression("variable", f"{uid}: {variable['name']}", filled(found[1], values))
        else:
            yield Expression("variable", f"{uid}: {variable['name']}", filled(query, values))
