"""Requests of all kinds, good and bad, by names, phones and e-mails that are told apart from everything else."""

import collections
import http.client
import json
import random
import threading
import time
import urllib.parse

# Threads that write, threads that read and wait, and requests a second of each.
WRITERS, READERS = 4, 2
RATE = 6
# Contacts that are remembered, to read and change.
REMEMBERED = 200
# The id of no contact.
NOBODY = "00000000-0000-8000-8000-000000000000"
# What appears in no metric.
FIRST_NAMES = ("Jacira", "Ubirajara", "Iracema", "Moacir")
DOMAIN = "observado.example"


class Load:
    """Runs until it is ended."""

    def __init__(self, api, dead_letters):
        self._api = urllib.parse.urlsplit(api).netloc
        self._dead_letters = urllib.parse.urlsplit(dead_letters).netloc
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(WRITERS + READERS)]
        self.answers = collections.Counter()
        self.contacts = collections.deque(maxlen=REMEMBERED)
        # A sample of what was sent: names, phones, e-mails.
        self.sent = set(FIRST_NAMES) | {DOMAIN}

    def start(self):
        """Begins."""
        for thread in self._threads:
            thread.start()

    def end(self):
        """Ends it, and waits for that."""
        self._ended.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(30)

    def _run(self, number):
        writer = _Writer(self, number)
        due = time.monotonic()
        while not self._ended.is_set():
            writer.step()
            # What is late is not caught up with: an outage is no queue of requests.
            due = max(due + 1 / RATE, time.monotonic() - 1 / RATE)
            self._ended.wait(max(0.0, due - time.monotonic()))

    def ask(self, place, method, path, body=None, headers=None):
        """One request; the status and the body of its answer, or None where there is none."""
        connection = http.client.HTTPConnection(place, timeout=10)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            text = answer.read()
            self.answers[answer.status] += 1
            return answer.status, text
        except (OSError, http.client.HTTPException):
            self.answers["none"] += 1
            return None, b""
        finally:
            connection.close()


class _Writer:
    """One of its threads."""

    def __init__(self, load, number):
        self.load, self.number = load, number
        self.chance = random.Random(number)
        self.contacts = load.contacts
        self.steps = 0
        # Whoever reads waits while SQL does not answer; whoever writes does not.
        if number < WRITERS:
            self.kinds = [self.create] * 8 + [self.change] * 3 + [self.again] * 2 + [self.delete, self.wrong]
        else:
            self.kinds = [self.read] * 4 + [self.find] * 2 + [self.guarded, self.unknown, self.waited, self.dead]

    def step(self):
        """The next request."""
        self.steps += 1
        self.chance.choice(self.kinds)()

    def person(self):
        """Somebody who does not exist."""
        number = f"{self.number}{self.steps:06d}"
        person = {
            "name": f"{self.chance.choice(FIRST_NAMES)} Observada",
            "phone": f"+55119{int(number) % 100_000_000:08d}",
            "email": f"pessoa{number}@{DOMAIN}",
        }
        if len(self.load.sent) < 2_000:
            self.load.sent.update((person["phone"], person["email"]))
        return person

    def api(self, method, path, body=None, **headers):
        """One request to producer-api."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            headers["Content-Type"] = kind
            body = json.dumps(body)
        return self.load.ask(self.load._api, method, path, body, headers)

    def some(self):
        """The address of a contact that was created, or of none."""
        known = list(self.contacts)
        return f"/v1/contacts/{self.chance.choice(known) if known else NOBODY}"

    def create(self):
        status, text = self.api("POST", "/v1/contacts", self.person())
        if status == 202:
            self.contacts.append(json.loads(text)["contactId"])

    def again(self):
        """The same request twice under one key, and another one under it."""
        person, key = self.person(), f"key-{self.number}-{self.steps}"
        self.api("POST", "/v1/contacts", person, Idempotency_Key=key)
        self.api("POST", "/v1/contacts", person, Idempotency_Key=key)
        if self.chance.random() < 0.3:
            self.api("POST", "/v1/contacts", self.person(), Idempotency_Key=key)

    def read(self):
        self.api("GET", self.some())

    def find(self):
        self.api("GET", self.chance.choice(("/v1/contacts?limit=5", "/v1/contacts?q=jacira&limit=5", "/v1/contacts?areaCode=11&limit=5")))

    def change(self):
        self.api("PATCH", self.some(), {"email": self.person()["email"]})

    def guarded(self):
        """A condition that does not hold."""
        self.api("PATCH", self.some(), {"email": self.person()["email"]}, If_Match='"none"', Prefer="wait=2")

    def delete(self):
        if len(self.contacts) > WRITERS:
            self.api("DELETE", f"/v1/contacts/{self.contacts.popleft()}")

    def wrong(self):
        self.api("POST", "/v1/contacts", {"name": "", "phone": "1", "nickname": "Jaci"})

    def unknown(self):
        self.api("GET", f"/v1/commands/00000000-0000-8000-8000-{self.steps:012d}")

    def waited(self):
        self.api("POST", "/v1/contacts", self.person(), Prefer="wait=2")

    def dead(self):
        path = self.chance.choice(("/v1/dead-letters?limit=5", "/v1/dead-letter-groups", "/v1/replays?limit=5"))
        self.load.ask(self.load._dead_letters, "GET", path)
