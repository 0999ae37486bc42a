"""What was seen, held against what had to be seen. Everything here returns findings, one line each."""

import dataclasses
import pathlib
import re

import yaml

import prometheus

# Series that a role may have at the end.
SERIES_MAX = 300
# Seconds between the times at which a query is asked that needs a fault.
STEP = 1


class Exceptions:
    """only_when_failing.yaml: what does not answer while all is well."""

    def __init__(self, content):
        self.faults = {name: fault or {} for name, fault in content["faults"].items()}
        self.elsewhere = content["elsewhere"]
        self.lints = set(content.get("lints", ()))

    @classmethod
    def read(cls, file):
        """From a file."""
        return cls(yaml.safe_load(pathlib.Path(file).read_text()))

    def alerts(self, fault):
        """The alerts that a fault must bring to the webhook."""
        return {name.partition(" (")[0] for name in self.faults[fault].get("alerts", ())}

    def inhibited(self, fault):
        """The alerts that fire in a fault and are held back."""
        return set(self.faults[fault].get("inhibited", ()))

    def fault_of(self, expression):
        """The fault that makes an expression answer, or None."""
        kinds = ("alerts", "inhibited", "either") if expression.owner == "alert" else (f"{expression.owner}s",)
        for name, fault in self.faults.items():
            if any(expression.name in fault.get(kind, ()) for kind in kinds):
                return name
        return None

    def is_elsewhere(self, expression):
        """Whether this script cannot make it answer."""
        return any(expression.name in entry.get(f"{expression.owner}s", ()) for entry in self.elsewhere)

    def stale(self, expressions):
        """Entries that name nothing."""
        known = {(expression.owner, expression.name) for expression in expressions}
        for entry in [*self.faults.values(), *self.elsewhere]:
            for kind, names in entry.items():
                if kind == "why":
                    continue
                owner = "alert" if kind in ("inhibited", "either") else kind.removesuffix("s")
                for name in names:
                    if (owner, name) not in known:
                        yield f"only_when_failing.yaml: there is no {owner} {name}"


@dataclasses.dataclass
class Span:
    """When a fault was there: from its beginning until its alerts were resolved."""

    begun: float
    mended: float = 0.0
    over: float = 0.0


def answers(server, expressions, exceptions, well, spans):
    """Each expression is valid, and answers when it has to. `well` is from when to when there was no fault."""
    for expression in expressions:
        try:
            fault = exceptions.fault_of(expression)
            # What has to answer may do so at any time until then; what must not, at the end.
            must = fault is None and not exceptions.is_elsewhere(expression)
            seen = server.answers(expression.query, well[0] if must else well[1], well[1], STEP)
            if exceptions.is_elsewhere(expression):
                # Whether an alert of these holds may depend on the machine.
                if seen and expression.owner != "alert":
                    yield f"{expression} answers: it does not belong under `elsewhere` in only_when_failing.yaml"
            elif fault is None:
                if not seen:
                    yield f"{expression} has no answer while all is well: {flat(expression.query)}"
            elif seen:
                yield f"{expression} answers while all is well: it does not belong to {fault} in only_when_failing.yaml"
            elif fault not in spans:
                yield f"{expression} waits for {fault}, which was not tried"
            elif not server.answers(expression.query, spans[fault].begun, spans[fault].over, STEP):
                yield f"{expression} has no answer during {fault}: {flat(expression.query)}"
        except (prometheus.Refused, OSError) as error:
            yield f"{expression}: {error}: {flat(expression.query)}"


def arrivals(arrived, exceptions, fault, span):
    """The alerts of a fault arrived, and arrived as resolved; none of those that are held back did."""
    within = [(status, alert["labels"]["alertname"]) for at, status, alert in arrived if span.begun <= at <= span.over]
    for name in sorted(exceptions.alerts(fault)):
        for status in ("firing", "resolved"):
            if (status, name) not in within:
                yield f"{fault}: {name} did not arrive as {status}"
    # Once it is mended, the alert that says why may end before the others.
    early = {alert["labels"]["alertname"] for at, status, alert in arrived if status == "firing" and span.begun <= at <= span.mended}
    for name in sorted(exceptions.inhibited(fault)):
        if name in early:
            yield f"{fault}: {name} arrived, although another alert says why"


def links(arrived, labels, runbooks, uids):
    """Each alert has its texts and links, all filled in, and no label that is there for them alone."""
    said = set()
    for _, _, alert in arrived:
        name, annotations = alert["labels"]["alertname"], alert["annotations"]
        if name in said:
            continue
        said.add(name)
        for key in ("summary", "description", "runbook_url", "dashboard_url"):
            text = annotations.get(key, "")
            if not text or "{{" in text or "<no value>" in text or "error expanding" in text:
                yield f"alert {name}: {key} is not filled in: {text!r}"
        if annotations.get("runbook_url") != f"{labels.get('runbooks')}/{name}.md":
            yield f"alert {name}: another runbook_url than {labels.get('runbooks')}/{name}.md: {annotations.get('runbook_url')}"
        for suffix in (".md", ".pt-BR.md"):
            if not (runbooks / f"{name}{suffix}").is_file():
                yield f"alert {name}: there is no docs/runbooks/{name}{suffix}"
        found = re.fullmatch(rf"{re.escape(labels.get('grafana', ''))}/d/([\w-]+)", annotations.get("dashboard_url", ""))
        if not found or found[1] not in uids:
            yield f"alert {name}: no dashboard of ours: {annotations.get('dashboard_url')}"
        for label in labels:
            if label in alert["labels"]:
                yield f"alert {name} has the label {label}, which is for its links"


def targets(found, wanted):
    """Each job has a target that is up."""
    for job, health, error in found:
        if health != "up":
            yield f"the target of the job {job} is {health}: {error}"
    for job in sorted(set(wanted) - {job for job, _, _ in found}):
        yield f"the job {job} has no target"


def lints(name, said, exceptions):
    """What promtool says of a role's metrics, but for what is excepted."""
    for line in said:
        if line not in exceptions.lints:
            yield f"promtool on the metrics of {name}: {line}"
    for lint in sorted(exceptions.lints - set(said)):
        yield f"only_when_failing.yaml: promtool does not say of {name}: {lint}"


def series(name, text):
    """A role has no more series than it may."""
    count = sum(1 for line in text.splitlines() if line and not line.startswith("#"))
    if count > SERIES_MAX:
        yield f"{name} has {count} series, more than {SERIES_MAX}"


def personal(name, text, sent):
    """Nothing of what the load sent is in a scrape."""
    lowered = text.lower()
    # A number may be written without its country or its sign.
    for word in sorted(sent):
        if word.lower().removeprefix("+55") in lowered:
            yield f"the metrics of {name} have personal data: {word}"


def flat(query):
    """An expression in one line."""
    return re.sub(r"\s+", " ", query).strip()
