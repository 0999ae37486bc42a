"""What can be said of rules without running them: their cases, their links, and the series that they ask for."""

import json
import pathlib
import re

import yaml

HERE = pathlib.Path("tests/deploy/rules")
RULES = pathlib.Path("helm/contato/files/rules")
DASHBOARDS = pathlib.Path("helm/contato/files/dashboards")
RUNBOOKS = pathlib.Path("docs/runbooks")
CRATES = ("shared", "producer-api", "consumer-worker", "dlq-function")
LANGUAGES = (".md", ".pt-BR.md")
ANNOTATIONS = {"summary", "description", "runbook_url", "dashboard_url"}
# They fire always, so no case keeps them silent, and they are nobody's work.
ALWAYS_FIRING = {"Watchdog"}
RUNBOOK = "{{{{ with $externalLabels.runbooks }}}}{{{{ . }}}}{{{{ else }}}}docs/runbooks{{{{ end }}}}/{}.md"
DASHBOARD = re.compile(re.escape("{{ $externalLabels.grafana }}/d/") + r"([\w-]+)")
# What in an expression is a word and no series.
WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan"}


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


def series_of(expression):
    """The names of the series in an expression."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", " ", bare)
    bare = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    return set(re.findall(r"(?<![\w:.])[a-zA-Z_:][\w:]*(?![\w:])(?!\s*\()", bare)) - WORDS


def roles_series():
    """What the roles register."""
    sources = (path for crate in CRATES for path in pathlib.Path(crate, "src").rglob("*.rs"))
    named = re.compile(r'"((?:contato|http|db|messaging|process)_[a-z_]+)"')
    return {name for path in sources for name in named.findall(path.read_text())}


def foreign_series():
    return {name for names in yaml.safe_load((HERE / "series.yaml").read_text()).values() for name in names}


def unknown_series(groups, registered, foreign):
    """Series that rules ask for and nobody has, and those of others that no rule asks for."""
    recorded = {rule["record"] for rule in rules_of(groups, "record")}
    asked = set()
    for rule in rules_of(groups):
        names = series_of(rule["expr"])
        asked |= names
        for name in sorted(names - recorded - foreign):
            if not {name, re.sub(r"_(?:bucket|sum|count)$", "", name)} & registered:
                yield f"{name_of(rule)}: nobody has the series {name}"
    for name in sorted(foreign - asked):
        yield f"tests/deploy/rules/series.yaml: no rule asks for {name}"
