"""Load by Locust (https://docs.locust.io/): looks at the health, reads and writes as 1:3:10, with pauses of 1 to 3 s.

With `--scenario NAME`, or CONTATO_LOAD_SCENARIO, users come and go as one of `scenarios.py` says, and Locust ends when it is over; without,
as `--users` or Locust's page says. Names and numbers are made up, no person's. Each user reads what it has written itself.
"""

import itertools
import json
import random
import time
import uuid
from pathlib import Path

from locust import FastHttpUser, LoadTestShape, between, events, task

import scenarios

# Of the 67 area codes (DDD) in use.
AREA_CODES = [11, 21, 27, 31, 41, 48, 51, 61, 71, 81, 85, 91]
# Of the contacts it has made, a user reads one of the last.
REMEMBERED = 20


@events.init_command_line_parser.add_listener
def add_options(parser):
    """What Locust is asked besides its own options; the first three also on its page."""
    names = ["", *scenarios.SCENARIOS]
    parser.add_argument("--scenario", choices=names, default="", env_var="CONTATO_LOAD_SCENARIO", help="whose users come and go; none: as --users says")
    parser.add_argument("--scale", type=float, default=1.0, env_var="CONTATO_LOAD_SCALE", help="times the scenario's users")
    parser.add_argument("--time-scale", type=float, default=1.0, env_var="CONTATO_LOAD_TIME_SCALE", help="times the scenario's seconds")
    parser.add_argument("--levels", default="", include_in_web_ui=False, help="a file for what was seen at each level, a line of JSON each")
    parser.add_argument("--api-key", default="", include_in_web_ui=False, env_var="CONTATO_LOAD_API_KEY", help="sent as X-Api-Key where somebody asks for one")


class Client(FastHttpUser):
    """Somebody who sends contacts in and looks some up. `--host` may name several producer-apis, with commas: users take turns among them."""

    wait_time = between(1, 3)
    numbers = itertools.count()

    def __init__(self, environment):
        hosts = (self.host or "").split(",")
        self.host = hosts[next(self.numbers) % len(hosts)] or None
        key = environment.parsed_options.api_key
        self.default_headers = {"X-Api-Key": key} if key else None
        super().__init__(environment)
        self.contacts = []

    @task(1)
    def health(self):
        with self.client.get("/health", catch_response=True) as answer:
            judge(answer, 200)

    @task(3)
    def read(self):
        if self.contacts:
            path, name = f"/v1/contacts/{random.choice(self.contacts)}", "/v1/contacts/{id}"
        else:
            path, name = "/v1/contacts?limit=20", "/v1/contacts"
        with self.client.get(path, name=name, catch_response=True) as answer:
            # Accepted, and perhaps not yet applied.
            judge(answer, 200, 404)

    @task(10)
    def write(self):
        contact = {
            "name": f"Teste {uuid.uuid4().hex[:8]}",
            "phone": f"+55{random.choice(AREA_CODES)}9{random.randint(60000000, 99999999)}",
        }
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        with self.client.post("/v1/contacts", json=contact, headers=headers, catch_response=True) as answer:
            if judge(answer, 202):
                self.contacts = [*self.contacts, answer.json()["contactId"]][-REMEMBERED:]


def judge(answer, *good):
    """Whether the answer is a good one; else Locust counts it as failed, by its status or by what went wrong with the connection."""
    if answer.status_code in good:
        answer.success()
        return True
    answer.failure(str(answer.status_code or type(answer.error).__name__))
    return False


class Scenario(LoadTestShape):
    """Users as the scenario says that was chosen; as many as --users says, for --run-time, when none was."""

    use_common_options = True

    def reset_time(self):
        """A test begins."""
        super().reset_time()
        asked = self.runner.environment.parsed_options
        self.walk, self.seen = None, {}
        if asked.scenario:
            self.walk = scenarios.Walk(scenarios.levels(asked.scenario, asked.scale, asked.time_scale), self.begun, self.ended)

    def tick(self):
        if self.walk:
            return self.walk.step(self.get_run_time(), self.get_current_user_count())
        asked = self.runner.environment.parsed_options
        if asked.run_time and self.get_run_time() >= asked.run_time:
            return None
        return asked.num_users or 1, asked.spawn_rate or 1

    def begun(self, level):
        self.seen = {"users": level.users, "begun": time.time(), "before": counted(self.runner.stats)}

    def ended(self, level, reached):
        path = self.runner.environment.parsed_options.levels
        if path and not level.rest:
            seen = {**self.seen, "reached": reached, "ended": time.time(), "after": counted(self.runner.stats)}
            with Path(path).open("a") as file:
                file.write(json.dumps(seen) + "\n")


def counted(stats):
    """What Locust has counted so far; of two of these the difference is what came between."""
    return {
        "requests": {f"{entry.method} {entry.name}": dict(entry.response_times) for entry in stats.entries.values()},
        "errors": {f"{error.method} {error.name}: {error.error}": error.occurrences for error in stats.errors.values()},
    }
