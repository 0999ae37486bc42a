"""Locust, in a Python environment of its own below target/, for one scenario; with its page where somebody wants to look on."""

import hashlib
import json
import os
import subprocess
import sys

from campaign.stack import ROOT, Failed, end, start

VENV = ROOT / "target/load-venv"
LISTS = [ROOT / "tests/deploy/requirements-locust.txt", ROOT / "loadtest/requirements.txt"]
PAGE = ("127.0.0.1", "8089")
# Besides a socket a user: files, and what connects while others close.
SPARE_FILES = 500
END_SECONDS = 30


def install():
    """Makes the environment unless it is there as the lists of versions have it."""
    mark = VENV / "contato-lists"
    lists = hashlib.sha256(b"".join(path.read_bytes() for path in LISTS)).hexdigest()
    if mark.exists() and mark.read_text() == lists:
        return
    print(f"installing Locust into {VENV.relative_to(ROOT)}", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
    words = [VENV / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    subprocess.run([*words, *(word for path in LISTS for word in ("-r", path))], check=True)
    mark.write_text(lists)


class Generator:
    """A Locust that plays a scenario and ends."""

    def __init__(self, scenario, asked, folder):
        self.scenario, self.asked, self.folder = scenario, asked, folder
        self.process = self.pid = None

    def start(self, hosts):
        words = [VENV / "bin/locust", "-f", ROOT / "loadtest/locustfile.py", "--host", ",".join(hosts), "--scenario", self.scenario]
        words += ["--scale", self.asked.scale, "--time-scale", self.asked.time_scale, "--levels", self.folder / "levels.jsonl"]
        # Without --csv-full-history its percentiles would be those since the beginning.
        words += ["--csv", self.folder / "locust", "--csv-full-history", "--html", self.folder / "locust.html", "--only-summary", "--exit-code-on-error", "0"]
        if self.asked.page:
            words += ["--web-host", PAGE[0], "--web-port", PAGE[1], "--autostart", "--autoquit", "1"]
        else:
            words += ["--headless"]
        if self.asked.generators > 1:
            words += ["--processes", self.asked.generators]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        self.process = start(words, self.folder / "locust.log", env=environment, start_new_session=True)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            end([self.process], END_SECONDS)

    def levels(self):
        """What Locust wrote of each level."""
        if self.process.returncode:
            raise Failed(f"locust ends with {self.process.returncode}: {(self.folder / 'locust.log').read_text().strip()[-800:]}")
        return [json.loads(line) for line in (self.folder / "levels.jsonl").read_text().splitlines()]
