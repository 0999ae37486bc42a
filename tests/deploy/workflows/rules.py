"""What we ask of workflows beyond actionlint and zizmor: see RULES. Prints a line a finding; takes workflow files."""

import re
import sys
from pathlib import Path

import yaml

# An action of others: all 40 digits of a commit, and the version that it is of for readers and Dependabot.
PINNED = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40} +# v\d+\.\d+\.\d+$")
USES = re.compile(r"^\s*(?:- )?uses:\s*(?P<what>.*\S)\s*$")
# Runs with the rights of the repository on what a stranger wrote.
DANGEROUS = {"pull_request_target", "workflow_run"}
LONGEST_MINUTES = 120
# Somebody types the revision that is checked out: anybody who may push a branch decides what runs, unless main has to have it.
TYPED = re.compile(r"\$\{\{\s*(inputs|github\.event\.inputs)\b")
IN_MAIN = 'git merge-base --is-ancestor "$REVISION" origin/main'


def triggers(workflow):
    # YAML 1.1 takes a bare `on` for true.
    on = workflow.get("on", workflow.get(True))
    return {on} if isinstance(on, str) else set(on)


def unpinned(text):
    for number, line in enumerate(text.splitlines(), 1):
        found = USES.match(line)
        if found and not found["what"].startswith("./") and not PINNED.match(found["what"]):
            yield f"line {number}: not pinned as OWNER/NAME@COMMIT # vX.Y.Z: {found['what']}"


def job_findings(name, job):
    if "permissions" not in job:
        yield f"job {name}: says nothing of its permissions"
    elif not isinstance(job["permissions"], dict):
        yield f"job {name}: its permissions are no list"
    # What a called workflow may take stands there.
    minutes = job.get("timeout-minutes", 0)
    if "uses" not in job and not (isinstance(minutes, int) and 0 < minutes <= LONGEST_MINUTES):
        yield f"job {name}: no timeout-minutes, or more than {LONGEST_MINUTES}"
    if job.get("runs-on", "").endswith("-latest"):
        yield f"job {name}: the machine it runs on changes with time"
    yield from revision_findings(name, job.get("steps", []))


def revision_findings(name, steps):
    typed = False
    for number, step in enumerate(steps, 1):
        if typed and IN_MAIN not in step.get("run", ""):
            yield f"job {name}: step {number} runs a revision that was typed, and nobody has looked whether main has it"
        typed = step.get("uses", "").startswith("actions/checkout@") and bool(TYPED.search(str(step.get("with", {}).get("ref", ""))))


def findings(path):
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    yield from unpinned(text)
    if workflow.get("permissions") != {}:
        yield "top-level permissions are not {}"
    if "concurrency" not in workflow:
        yield "says nothing of concurrency"
    for trigger in sorted(triggers(workflow) & DANGEROUS):
        yield f"is started by {trigger}"
    for name, job in workflow["jobs"].items():
        yield from job_findings(name, job)


def main():
    found = [f"{path}: {finding}" for path in sys.argv[1:] for finding in findings(Path(path))]
    print("\n".join(found), end="\n" if found else "")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
