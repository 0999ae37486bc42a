"""A client beside Locust that has nothing else to do: does contato keep its users waiting, or does Locust?

Locust is one process. With thousands of users an answer that has come waits there until its user's turn, and is told as late. The witness
sends few writes, at a constant rate, and times each from when it was due: a stall is felt by all that came due in it.
"""

import http.client
import itertools
import json
import random
import threading
import time
import uuid
from urllib.parse import urlsplit

EVERY_SECONDS = 0.1
# Whoever is refused, or hears nothing, has waited for so long.
PATIENCE_SECONDS = 30


class Witness:
    """Sends writes in a thread while a scenario runs, to each producer-api in turn."""

    def __init__(self, hosts):
        self.connections = [http.client.HTTPConnection(urlsplit(host).netloc, timeout=PATIENCE_SECONDS) for host in hosts]
        # When each was due, and its milliseconds.
        self.seen = []
        self.accepted = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Once is enough."""
        self.over.set()
        self.thread.join()

    def run(self):
        due = time.time()
        for connection in itertools.cycle(self.connections):
            if self.over.wait(max(0, due - time.time())):
                return
            accepted = self.write(connection)
            self.accepted += accepted
            self.seen.append((due, 1000 * (time.time() - due if accepted else PATIENCE_SECONDS)))
            due += EVERY_SECONDS

    def write(self, connection):
        """Whether it was accepted."""
        contact = {"name": f"Teste {uuid.uuid4().hex[:8]}", "phone": f"+55119{random.randint(60000000, 99999999)}"}
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        try:
            connection.request("POST", "/v1/contacts", json.dumps(contact), headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status == 202
        except (OSError, http.client.HTTPException):
            connection.close()
            return False

    def between(self, begun, ended):
        """Milliseconds of the writes that were due at a level."""
        return [milliseconds for due, milliseconds in self.seen if begun <= due <= ended]
