"""For the checks of tests/deploy that read the chart: as helm renders it, and what is in a render."""

import os
import pathlib
import subprocess

import yaml

CHART = pathlib.Path("helm/contato")
RELEASE = NAMESPACE = "contato"
# Kinds that monitoring.*.enabled=auto looks for.
OPERATORS = ("monitoring.coreos.com/v1/ServiceMonitor", "monitoring.coreos.com/v1/PrometheusRule")


class Refused(Exception):
    """What helm said."""


def helm(*arguments):
    """Runs helm; what it prints."""
    done = subprocess.run(["helm", *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(done.stdout + done.stderr)
    return done.stdout


def template(values=None, *more, chart=CHART, release=RELEASE, namespace=NAMESPACE):
    """A render as text."""
    named = ["--values", values] if values else []
    return helm("template", release, chart, "--namespace", namespace, *named, *more)


def sets_of_values():
    """The values files of ci/: what each makes has to hold."""
    return sorted((CHART / "ci").glob("*-values.yaml"))


def objects(text):
    """The objects of a render, or of any other text of YAML documents."""
    # By libyaml, which is ten times as fast.
    return [found for found in yaml.load_all(text, Loader=yaml.CSafeLoader) if found]


def of_kind(found, *kinds):
    """Those of these kinds."""
    return [one for one in found if one["kind"] in kinds]


def name_of(one):
    """How findings name an object."""
    return f"{one['kind']}/{one['metadata']['name']}"


def pods(found):
    """The pods of a render: (object, labels, spec)."""
    for one in found:
        if one["kind"] == "Pod":
            yield one, one["metadata"].get("labels", {}), one["spec"]
        elif one["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
            inner = one["spec"]["template"]
            yield one, inner["metadata"].get("labels", {}), inner["spec"]


def component(labels):
    """Which part of contato labels are of."""
    return labels.get("app.kubernetes.io/component", "")


def scratch(name):
    """A new folder of this check."""
    folder = pathlib.Path(os.environ["DEPLOY_SCRATCH"], name)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
