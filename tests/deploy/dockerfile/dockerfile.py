"""A Dockerfile as stages of instructions. Not a linter (hadolint is), and no more of the syntax than ours needs."""

import json
import re
from dataclasses import dataclass, field


@dataclass
class Stage:
    """What stands between one FROM and the next."""

    base: str
    name: str
    instructions: list = field(default_factory=list)

    def all(self, word):
        """The arguments of every instruction of a kind, in their order."""
        return [arguments for kind, arguments in self.instructions if kind == word]


def parse(text):
    """The stages. Comments go, lines that are continued are joined."""
    lines = [line for line in text.splitlines() if not re.match(r"\s*#", line)]
    stages = []
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if not line.strip():
            continue
        word, _, arguments = line.strip().partition(" ")
        word, arguments = word.upper(), arguments.strip()
        if word == "FROM":
            named = re.fullmatch(r"(\S+)(?:\s+AS\s+(\S+))?", arguments, re.IGNORECASE)
            if not named:
                raise ValueError(f"FROM {arguments}: not of the form BASE AS NAME")
            stages.append(Stage(named[1], named[2] or ""))
        elif stages:
            stages[-1].instructions.append((word, arguments))
        else:
            raise ValueError(f"{word} before the first FROM")
    return stages


def chain(stages, name):
    """The stage of that name and what it builds on, the outermost base first."""
    by_name = {stage.name: stage for stage in stages}
    found = []
    while name in by_name:
        found.insert(0, by_name[name])
        name = by_name[name].base
    return found


def exec_form(arguments):
    """The words of an instruction in exec form, or None."""
    try:
        words = json.loads(arguments)
    except json.JSONDecodeError:
        return None
    return words if isinstance(words, list) else None
