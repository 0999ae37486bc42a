"""The tables of docs/deploy.md: which edges there are, and who the peers are."""

import re

# In Portuguese the first column of the second table reads otherwise, and the names in it are the same.
NUMBERS = re.compile(r"\d+(?:/UDP)?")


def rows(text, name):
    """The rows between the marks <!-- NAME:begin --> and <!-- NAME:end -->, without the head."""
    inside = re.search(rf"<!-- {name}:begin -->\n(.*?)<!-- {name}:end -->", text, re.S)
    if not inside:
        raise SystemExit(f"there is no table between <!-- {name}:begin --> and <!-- {name}:end -->")
    lines = [line for line in inside[1].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def edges(text):
    """Each documented edge: from, to, port, and the values that must be set for it, all of them."""
    found = []
    for source, target, ports, when in rows(text, "edges"):
        for one in re.findall(r"[\w.-]+", source):
            for other in re.findall(r"[\w.-]+", target):
                for port in NUMBERS.findall(ports):
                    port = port if "/" in port else f"{port}/TCP"
                    found.append((one, other, port, tuple(re.findall(r"`([\w.]+)`", when))))
    return found


def peers(text):
    """Each documented peer of `networkPolicy`, by its key, with what it is by default."""
    return {re.search(r"`([\w.]+)`", name)[1]: default for name, default, *_ in rows(text, "peers")}
