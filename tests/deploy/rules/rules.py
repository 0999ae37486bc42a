"""What can be said of rules without running them: their cases, their links, and the series that they ask for."""

import json
import pathlib
import re

import yaml

from series import unknown

HERE = pathlib.Path("tests/deploy/rules")
RULES = pathlib.Path("helm/contato/files/rules")
DASHBOARDS = pathlib.Path("helm/contato/files/dashboards")
RUNBOOKS = pathlib.Path("docs/runbooks")
LANGUAGES = (".md", ".pt-BR.md")
ANNOTATIONS = {"summary", "description", "runbook_url", "dashboard_url"}
# They fire always, so no case keeps them silent, and they are nobody's work.
ALWAYS_FIRING = {"Watchdog"}
RUNBOOK = "{{{{ with $externalLabels.runbooks }}}}{{{{ . }}}}{{{{ else }}}}docs/runbooks{{{{ end }}}}/{}.md"
DASHBOARD = re.compile(re.escape("{{ $externalLabels.grafana }}/d/") + r"([\w-]+)")


def read_groups():
    """The groups of each file, by its name without ending."""
    return {path.stem: yaml.safe_load(path.read_text())["groups"] for path in sorted(RULES.glob("*.yaml"))}


def read_cases():
    """The tests of each file, by the same names."""
    return {path.stem: yaml.safe_load(path.read_text()) for path in sorted((HERE / "cases").glob("*.yaml"))}


def name_of(rule):
    return rule.get("alert") or rule["record"]


def rules_of(groups, kind=None):
    return [rule for group in groups for rule in group["rules"] if kind is None or kind in rule]


def alerts_without_cases(groups, tests):
    """Alerts that no case fires (with their severity), or that none keeps silent."""
    fired, silent = set(), set()
    for expected in (expected for test in tests for expected in test.get("alert_rule_test", [])):
        for alert in expected["exp_alerts"]:
            fired.add((expected["alertname"], alert["exp_labels"].get("severity")))
        if not expected["exp_alerts"]:
            silent.add(expected["alertname"])
    for rule in rules_of(groups, "alert"):
        if (rule["alert"], rule["labels"].get("severity")) not in fired:
            yield f"{rule['alert']}: no case of tests/deploy/rules fires it"
        if rule["alert"] not in silent | ALWAYS_FIRING:
            yield f"{rule['alert']}: no case of tests/deploy/rules keeps it silent"


def records_without_cases(groups, tests):
    """Recorded series whose value no case asks for."""
    asked = {asked["expr"] for test in tests for asked in test.get("promql_expr_test", [])}
    for rule in rules_of(groups, "record"):
        if rule["record"] not in asked:
            yield f"{rule['record']}: no case of tests/deploy/rules has its value"


def links(groups, runbooks=RUNBOOKS, dashboards=DASHBOARDS):
    """Alerts without what somebody needs who is called by them."""
    known = {json.loads(path.read_text()).get("uid") for path in dashboards.glob("*.json")}
    for rule in rules_of(groups, "alert"):
        alert, annotations = rule["alert"], rule.get("annotations", {})
        severities = ["none"] if alert in ALWAYS_FIRING else ["page", "ticket"]
        if rule.get("labels", {}).get("severity") not in severities:
            yield f"{alert}: its severity is not {' or '.join(severities)}"
        if set(annotations) != ANNOTATIONS:
            yield f"{alert}: its annotations are not {', '.join(sorted(ANNOTATIONS))}"
            continue
        if annotations["runbook_url"] != RUNBOOK.format(alert):
            yield f"{alert}: its runbook_url is {annotations['runbook_url']}"
        for language in LANGUAGES:
            if not (runbooks / f"{alert}{language}").is_file():
                yield f"{alert}: there is no {runbooks / alert}{language}"
        board = DASHBOARD.fullmatch(annotations["dashboard_url"])
        if not board or board[1] not in known:
            yield f"{alert}: there is no dashboard {annotations['dashboard_url']}"


def unknown_series(groups, known):
    """Series that rules ask for and nobody has."""
    return [f"{name_of(rule)}: nobody has the series {name}" for rule in rules_of(groups) for name in unknown(rule["expr"], known)]
