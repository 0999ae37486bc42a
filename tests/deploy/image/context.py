"""What docker build would be given: a folder without what its .dockerignore leaves out.

Patterns are those of Docker's documentation ("dockerignore files"): Go's filepath.Match and `**`, relative to the folder, a
pattern also meaning all that is in a folder it matches, an exclamation mark taking back, and the last that matches deciding.
"""

import os
import re
import shutil
from pathlib import Path


def patterns(text):
    """Pairs: whether it takes back, and an expression for paths."""
    found = []
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        back = line.startswith("!")
        found.append((back, expression(line.removeprefix("!").strip().strip("/"))))
    return found


def expression(pattern):
    """A pattern as a regular expression that also matches what is below it."""
    out, at = "", 0
    while at < len(pattern):
        rest = pattern[at:]
        if rest.startswith("**/"):
            out, at = out + "(?:.*/)?", at + 3
        elif rest.startswith("**"):
            out, at = out + ".*", at + 2
        elif rest[0] == "*":
            out, at = out + "[^/]*", at + 1
        elif rest[0] == "?":
            out, at = out + "[^/]", at + 1
        elif rest[0] == "[":
            end = pattern.index("]", at)
            out, at = out + "[" + pattern[at + 1 : end].replace("^", "^", 1) + "]", end + 1
        else:
            out, at = out + re.escape(rest[0]), at + 1
    return re.compile(out + "(?:/.*)?$")


def files(folder, ignore):
    """The files of the context, relative to the folder."""
    rules = patterns(ignore)

    def left_out(path):
        decided = False
        for back, rule in rules:
            if rule.match(path):
                decided = not back
        return decided

    found = []
    for place, folders, names in os.walk(folder):
        here = Path(place).relative_to(folder)
        # target and .git are large; nothing can take a part of them back that does not name them.
        folders[:] = sorted(
            name for name in folders
            if name not in ("target", ".git", "node_modules") or not left_out(str(here / name)) or re.search(rf"(?m)^!.*{name}", ignore)
        )
        found.extend(str(here / name) for name in sorted(names) if not left_out(str(here / name)))
    return found


def copy(folder, names, into):
    """Copies the files, with their times, as COPY would."""
    for name in names:
        target = Path(into, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(Path(folder, name), target)
