"""Load by Locust (https://docs.locust.io/): looks at the health, reads and writes as 1:3:10, with pauses of 1 to 3 s.

Names and numbers are made up, no person's. Each user reads what it has written itself.
"""

import random
import uuid

from locust import FastHttpUser, between, task

# Of the 67 area codes (DDD) in use.
AREA_CODES = [11, 21, 27, 31, 41, 48, 51, 61, 71, 81, 85, 91]
# Of the contacts it has made, a user reads one of the last.
REMEMBERED = 20


class Client(FastHttpUser):
    """Somebody who sends contacts in and looks some up."""

    wait_time = between(1, 3)

    def on_start(self):
        self.contacts = []

    @task(1)
    def health(self):
        self.client.get("/health")

    @task(3)
    def read(self):
        if self.contacts:
            self.read_contact(random.choice(self.contacts))
        else:
            self.client.get("/v1/contacts?limit=20", name="/v1/contacts")

    @task(10)
    def write(self):
        contact = {
            "name": f"Teste {uuid.uuid4().hex[:8]}",
            "phone": f"+55{random.choice(AREA_CODES)}9{random.randint(60000000, 99999999)}",
        }
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        with self.client.post("/v1/contacts", json=contact, headers=headers, catch_response=True) as answer:
            if answer.status_code == 202:
                self.contacts = [*self.contacts, answer.json()["contactId"]][-REMEMBERED:]
            else:
                answer.failure(f"{answer.status_code} and not 202")

    def read_contact(self, contact):
        path = f"/v1/contacts/{contact}"
        with self.client.get(path, name="/v1/contacts/{id}", catch_response=True) as answer:
            # Accepted, and perhaps not yet applied.
            if answer.status_code == 404:
                answer.success()
