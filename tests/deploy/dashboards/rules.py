"""Rules of ours for Grafana's dashboards, as they are read from their JSON."""

import re

UIDS = ["contato-broker-database", "contato-consumer-worker", "contato-dead-letters", "contato-producer-api", "contato-slo"]
# Of what the pinned library writes, and Grafana 13 reads as its own.
SCHEMA = 42
KINDS = {"row", "timeseries", "stat", "bargauge", "heatmap", "table", "state-timeline", "alertlist"}
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS = 24
TITLE_CHARACTERS = 60
# Letters of a title that fit a column of the grid, on a screen of 1280 pixels.
LETTERS_A_COLUMN = 6.5
# A sentence, at the least.
DESCRIPTION_CHARACTERS = 20
# Windows that are meant: figures of the last hour and day. All others follow the time shown.
OWN_WINDOWS = re.compile(r"(?:increase|delta)\([^()]*\[1[hd]\]\)")
# These stand for a server, not for a namespace (deploy/grafana/dashboards/broker_database.py).
WITHOUT_NAMESPACE = "pg_"


def findings(boards):
    found = []
    uids = sorted(board["uid"] for board in boards)
    if uids != UIDS:
        found.append(f"there are {uids}, not {UIDS}: one has the uid of none")
    for board in boards:
        found += [f"{board['uid']}: {line}" for line in of_board(board)]
    return found


def of_board(board):
    if not board["title"].startswith("contato / "):
        yield f"its title, {board['title']}, begins with another word than contato"
    if board["schemaVersion"] != SCHEMA:
        yield f"its schemaVersion is {board['schemaVersion']}, not {SCHEMA}"
    if board["refresh"] != "30s":
        yield f"it does not refresh every 30 s but {board['refresh']}"
    if board["editable"]:
        yield "it can be changed in the browser, where changes are lost"
    if not board.get("description"):
        yield "it has no description of its own"
    yield from of_variables(board)
    yield from of_links(board)
    names = [each["name"] for each in board["annotations"]["list"]]
    yield from (f"it has no annotation {name}" for name in ("Alerts", "Starts") if name not in names)
    yield from of_places(board["panels"])
    titles = [panel["title"] for panel in board["panels"]]
    yield from (f"it has twice the title {title}" for title in sorted({title for title in titles if titles.count(title) > 1}))
    for panel in board["panels"]:
        yield from (f"{panel['title']}: {line}" for line in of_panel(panel))


def of_variables(board):
    variables = {each["name"]: each for each in board["templating"]["list"]}
    for name in ("datasource", "namespace", "runbooks"):
        if name not in variables:
            yield f"it has no variable {name}"
    for name, each in variables.items():
        if each["type"] == "query" and not (each.get("includeAll") and each.get("allValue") == ".*" and each["current"]["value"] == "$__all"):
            yield f"the variable {name} does not stand for everything, or not at first; also where there is no such label"
        if each["type"] == "query" and each["datasource"] != DATASOURCE:
            yield f"the variable {name} asks another data source"
    # With their values in braces, or none.
    text = " ".join(target["expr"] for panel in board["panels"] for target in panel.get("targets", []))
    used = {name for name in re.findall(r"\$\{?(\w+)", text) if not name.startswith("__")}
    yield from (f"a query has the variable ${name}, which there is not" for name in sorted(used - set(variables)))


def of_links(board):
    links = board.get("links", [])
    if "contato" not in board["tags"]:
        yield "it has no tag contato, by which the others find it"
    if not any(each["type"] == "dashboards" and each["tags"] == ["contato"] and each["includeVars"] and each["keepTime"] for each in links):
        yield "it has no link to the other dashboards that keeps time and choices"
    if not any("runbooks" in each.get("url", "") for each in links):
        yield "it has no link to the runbooks"
    for uid in re.findall(r"/d/([\w-]+)", str([links, board["panels"]])):
        if uid not in UIDS:
            yield f"it has a link to {uid}, which is no dashboard"


def of_places(panels):
    """Ids in order, from 1 on, and places that nobody else has."""
    ids = [panel["id"] for panel in panels]
    yield from (f"{ids.count(one)} panels have the same id, {one}" for one in sorted(set(ids)) if ids.count(one) > 1)
    if ids != list(range(1, len(ids) + 1)):
        yield f"its panels are not in the order of their ids: {ids}"
    taken = {}
    for panel in panels:
        place = panel["gridPos"]
        if place["x"] + place["w"] > COLUMNS:
            yield f"{panel['title']} goes beyond the right edge"
        for cell in ((x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])):
            if cell in taken:
                yield f"{panel['title']} and {taken[cell]} are over each other"
                break
            taken[cell] = panel["title"]


def of_panel(panel):
    title = panel["title"]
    if panel["type"] not in KINDS:
        yield f"{panel['type']} is a kind of panel that is none of {sorted(KINDS)}"
    if len(title) > TITLE_CHARACTERS:
        yield f"its title is longer than {TITLE_CHARACTERS} characters"
    if len(title) > panel["gridPos"]["w"] * LETTERS_A_COLUMN:
        yield "its title may be cut off: the panel is too narrow"
    if panel["type"] == "row":
        return
    if len(panel.get("description", "")) < DESCRIPTION_CHARACTERS:
        yield "it has no description that says what it shows and what is bad"
    if panel.get("datasource") != DATASOURCE:
        yield "it asks another data source than the one that was chosen"
    # Grafana's own list has neither.
    if panel["type"] != "alertlist":
        yield from of_queries(panel)


def of_queries(panel):
    defaults = panel["fieldConfig"]["defaults"]
    if not defaults.get("unit"):
        yield "it has no unit"
    if panel["type"] in ("stat", "bargauge") and not defaults.get("thresholds"):
        yield "it has no thresholds: its colour says nothing"
    if not panel.get("targets"):
        yield "it has no query"
    for target in panel.get("targets", []):
        expression = target["expr"]
        if "$namespace" not in expression and WITHOUT_NAMESPACE not in expression:
            yield f"{expression} does not look at the chosen namespace"
        bare = re.sub(r'"[^"]*"', "", expression)
        windows = re.findall(r"\[([^]]*)\]", OWN_WINDOWS.sub("", bare))
        yield from (f"it has a window of its own, {window}" for window in windows if window != "$__rate_interval")
