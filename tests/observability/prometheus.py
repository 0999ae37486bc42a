"""Prometheus and Alertmanager, asked through their HTTP APIs."""

import json
import math
import urllib.error
import urllib.parse
import urllib.request

# Seconds that an answer may take.
PATIENCE = 30


class Refused(Exception):
    """The server says that it cannot answer, and why."""


def ask(url, parameters=None, data=None, method=None):
    """The body of an answer. An error of the server is raised with its text."""
    if parameters:
        url = f"{url}?{urllib.parse.urlencode(parameters, doseq=True)}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data, method=method), timeout=PATIENCE) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        try:
            text = json.loads(text).get("error", text)
        except (ValueError, AttributeError):
            pass
        raise Refused(f"{error.code}: {text}".strip()) from None


class Prometheus:
    """One server."""

    def __init__(self, address):
        self.address = address.rstrip("/")

    def _get(self, path, **parameters):
        """The data of an answer; a warning is as bad as an error."""
        answer = json.loads(ask(f"{self.address}/api/v1/{path}", parameters))
        if answer.get("warnings"):
            raise Refused("; ".join(answer["warnings"]))
        return answer["data"]

    def instant(self, query, time):
        """The samples of a query at a time: (labels, value)."""
        data = self._get("query", query=query, time=time)
        if data["resultType"] in ("scalar", "string"):
            return [({}, float(data["result"][1]))]
        return [(series["metric"], float(series["value"][1])) for series in data["result"]]

    def range(self, query, start, end, step):
        """The series of a query between two times: (labels, [(time, value)])."""
        data = self._get("query_range", query=query, start=start, end=end, step=step)
        return [
            (series["metric"], [(float(time), float(value)) for time, value in series["values"]]) for series in data["result"]
        ]

    def answers(self, query, start, end, step):
        """Whether a query has a number at some time between two times; NaN is none."""
        if start == end:
            values = [value for _, value in self.instant(query, start)]
        else:
            values = [value for _, points in self.range(query, start, end, step) for _, value in points]
        return any(not math.isnan(value) for value in values)

    def label_values(self, label, match, start, end):
        """The values of a label, of all series or of those that match a selector."""
        more = {"match[]": match} if match else {}
        return self._get(f"label/{urllib.parse.quote(label)}/values", start=start, end=end, **more)

    def targets(self):
        """The targets: (job, health, last error)."""
        return [
            (target["labels"]["job"], target["health"], target["lastError"])
            for target in self._get("targets", state="active")["activeTargets"]
        ]

    def alerts(self):
        """The names of the alerts that fire now."""
        return {alert["labels"]["alertname"] for alert in self._get("alerts")["alerts"] if alert["state"] == "firing"}

    def reload(self):
        """Reads the configuration and the rules again."""
        ask(f"{self.address}/-/reload", data=b"", method="POST")


class Alertmanager:
    """One server."""

    def __init__(self, address):
        self.address = address.rstrip("/")

    def reload(self):
        """Reads the configuration again."""
        ask(f"{self.address}/-/reload", data=b"", method="POST")

    def inhibited(self, name):
        """Whether an alert is held back by another."""
        alerts = json.loads(ask(f"{self.address}/api/v2/alerts", {"filter": f'alertname="{name}"'}))
        return any(alert["status"]["inhibitedBy"] for alert in alerts)
