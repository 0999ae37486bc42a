"""What processes use, read from /proc: CPU time with all their children's, and memory."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
MIB = 1024


def stats():
    """Of each process its parent and its CPU seconds: its own, and those of children that it has outlived."""
    found = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                # The name, in parentheses, may have anything in it.
                words = (path / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            own, outlived = (sum(map(int, words[start : start + 2])) / TICKS for start in (11, 13))
            found[int(path.name)] = (int(words[1]), own, outlived)
    return found


def tree(pid, found):
    """A process and all its descendants."""
    children = {}
    for child, (parent, *_) in found.items():
        children.setdefault(parent, []).append(child)
    members, waiting = [], [pid]
    while waiting:
        member = waiting.pop()
        if member in found:
            members.append(member)
            waiting.extend(children.get(member, []))
    return members


def cpu_seconds(pid, found):
    """Of a process and all its descendants, ended ones included."""
    return sum(found[member][1] + found[member][2] for member in tree(pid, found))


def machine_seconds():
    """CPU seconds of the machine that were not idle."""
    fields = list(map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]))
    idle = fields[3] + fields[4]
    return (sum(fields) - idle) / TICKS


def peak_mib(pid):
    """The most memory that a process has had resident."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / MIB
    return 0.0
