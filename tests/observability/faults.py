"""The faults: how each is made and mended. Each leaves nothing behind."""

import base64
import json
import os
import subprocess
import threading
import time
import urllib.parse
import urllib.request

# What a worker can make nothing of, with a number: the same message twice is one dead letter.
POISON = '{{"this is": "no command", "number": {}'
# Of these so many a second: more than a twentieth of the load of the whole run, also when they come for seconds only.
POISON_RATE = 50
# Seconds that a command of scripts/services may take.
SERVICES_LIMIT = 90


class Stage:
    """What faults work on."""

    def __init__(self, root, instance, roles):
        self.root, self.instance, self.roles = root, instance, roles
        management = urllib.parse.urlsplit(os.environ["CONTATO_TEST_RABBITMQ_MANAGEMENT_URL"])
        self._broker = f"http://{management.hostname}:{management.port}"
        user = f"{management.username}:{management.password}".encode()
        self._authorization = f"Basic {base64.b64encode(user).decode()}"
        self.poisoning = None

    def services(self, command, *arguments):
        """Runs scripts/services on the instance."""
        ran = subprocess.run(
            [self.root / "scripts/services", command, "--name", self.instance, *arguments], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SERVICES_LIMIT, check=False,
        )
        if ran.returncode:
            raise RuntimeError(f"scripts/services {command} {' '.join(arguments)} failed:\n{ran.stdout}")
        return ran.stdout

    def broker(self, method, path, body=None):
        """One request to RabbitMQ's management API."""
        request = urllib.request.Request(
            f"{self._broker}/api/{path}", None if body is None else json.dumps(body).encode(), method=method,
            headers={"Authorization": self._authorization, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def publish(self, key, payload):
        """Puts a message into the queue of this name, past contato; whether there is such a queue."""
        message = {"properties": {"delivery_mode": 2}, "routing_key": key, "payload": payload, "payload_encoding": "string"}
        return self.broker("POST", "exchanges/%2F/amq.default/publish", message)["routed"]

    def dead_letters(self, method, path, body=None):
        """One request to dlq-function."""
        request = urllib.request.Request(
            f"{self.roles.dead_letters}{path}", None if body is None else json.dumps(body).encode(), method=method,
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())


class Fault:
    """One: it begins, lasts until its alerts have arrived, and is mended."""

    # Its name in only_when_failing.yaml.
    name = ""
    # What is said of it.
    what = ""

    def __init__(self, stage):
        self.stage = stage

    def begin(self):
        """Makes it."""

    def mend(self):
        """Takes it away."""


class MemoryAlarm(Fault):
    name = "memory-alarm"
    what = "RabbitMQ takes no more messages: its memory alarm"

    def begin(self):
        self.stage.services("rabbitmqctl", "set_vm_memory_high_watermark", "absolute", "1MB")

    def mend(self):
        self.stage.services("rabbitmqctl", "set_vm_memory_high_watermark", "0.6")


class SqlStopped(Fault):
    name = "sql-stopped"
    what = "PostgreSQL is stopped"

    def begin(self):
        self.stage.services("stop", "postgres")

    def mend(self):
        self.stage.services("start", "postgres")


class WorkersGone(Fault):
    name = "workers-gone"
    what = "all workers are killed"

    def begin(self):
        self.stage.roles.kill("consumer-worker")

    def mend(self):
        self.stage.roles.start("consumer-worker")


class Poison(Fault):
    name = "poison"
    what = "messages that are no commands come into the queue, one into the parking queue, and one for a queue that is not there"

    def begin(self):
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_on, daemon=True)
        self._thread.start()
        assert self.stage.publish("contato.dlq.parking", POISON.format(0)), "the parking queue is there"
        assert not self.stage.publish("contato.nobody", POISON.format(0)), "nobody's queue is not there"

    def _keep_on(self):
        number = 0
        while not self._ended.wait(1 / POISON_RATE):
            number += 1
            self.stage.publish("contato", POISON.format(number))

    def mend(self):
        self._ended.set()
        self._thread.join(30)
        self.stage.broker("DELETE", "queues/%2F/contato.dlq.parking/contents")


class BrakedReplay(Fault):
    name = "braked-replay"
    what = "a replay of those dead letters, which die again until the brake stops it"

    def begin(self):
        self._replay = self.stage.dead_letters("POST", "/v1/replays", {"reason": "undecodable", "brake": 20})
        until = time.monotonic() + 30
        while (state := self.stage.dead_letters("GET", f"/v1/replays/{self._replay['id']}")["state"]) == "running":
            if time.monotonic() > until:
                raise RuntimeError("the replay was not stopped by its brake within 30 s")
            time.sleep(0.2)
        if state != "braked":
            raise RuntimeError(f"the replay of what must die again is {state}, not braked")

    def mend(self):
        self.stage.dead_letters("POST", "/v1/dead-letters/discard", {"reason": "undecodable"})


class BrokerKilled(Fault):
    name = "broker-killed"
    what = "RabbitMQ is killed"

    def begin(self):
        self.stage.services("kill", "rabbitmq")

    def mend(self):
        self.stage.services("start", "rabbitmq")


ALL = (MemoryAlarm, SqlStopped, WorkersGone, Poison, BrakedReplay, BrokerKilled)
