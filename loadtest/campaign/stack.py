"""RabbitMQ and PostgreSQL by scripts/services, and contato's roles as processes, as many of each as asked."""

import base64
import json
import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests"))

from started import Failed, answers, end, free_ports, start, wait

NAME = "load"
ANSWER_SECONDS = 60
END_SECONDS = 40
# For data that are made up and thrown away.
ID_KEY = "measured-with-this-key-0123456789"
LETTERS_KEY = "1:" + "5a" * 32


class Servers:
    """A RabbitMQ and a PostgreSQL of their own, removed with all data at the end."""

    def __enter__(self):
        try:
            self.services("up")
            text = self.services("env")
            variables = dict(re.findall(r"^export (\w+)='?([^'\n]*)'?$", text, re.MULTILINE))
            self.variables = variables
            self.broker, self.store = variables["CONTATO_TEST_AMQP_URL"], variables["CONTATO_TEST_POSTGRES_URL"]
            self.management = urllib.parse.urlsplit(variables["CONTATO_TEST_RABBITMQ_MANAGEMENT_URL"])
            self.pids = {words[1]: pid_of(words[4]) for words in map(str.split, self.services("status").splitlines())}
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.services("down")

    @staticmethod
    def services(command, *words):
        done = subprocess.run([ROOT / "scripts/services", command, "--name", NAME, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, start_new_session=True)
        if done.returncode:
            raise Failed(f"scripts/services {command}: {(done.stdout + done.stderr).strip()[-800:]}")
        return done.stdout

    def sql(self, statement, database="contato"):
        return self.services("psql", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statement).strip()

    def versions(self):
        broker = self.ask_broker("/api/overview")
        return {
            "RabbitMQ": f"{broker['rabbitmq_version']}, Erlang {broker['erlang_version']}",
            "PostgreSQL": self.sql("SHOW server_version").split()[0],
        }

    def ask_broker(self, path):
        address = self.management
        key = base64.b64encode(f"{address.username}:{address.password}".encode()).decode()
        asked = urllib.request.Request(f"http://{address.hostname}:{address.port}{path}", headers={"Authorization": f"Basic {key}"})
        with urllib.request.urlopen(asked, timeout=ANSWER_SECONDS) as answer:
            return json.load(answer)


def pid_of(process):
    """Of a container it is what runs in it; this machine sees it too, if the engine is its own."""
    if not process.isdigit():
        process = subprocess.run(["docker", "inspect", "-f", "{{.State.Pid}}", process], capture_output=True, text=True, check=True).stdout
    return int(process)


class Roles:
    """So many producer-apis and consumer-workers, and a dlq-function, on an empty database and queues of their own."""

    def __init__(self, servers, binaries, producers, workers, logs):
        self.servers, self.binaries, self.logs = servers, binaries, logs
        self.wanted = ["producer-api"] * producers + ["consumer-worker"] * workers + ["dlq-function"]
        self.database = f"load{uuid.uuid4().hex}"
        self.processes, self.management, self.hosts = {}, {}, []

    def __enter__(self):
        self.servers.sql(f"CREATE DATABASE {self.database} OWNER contato")
        base = self.servers.store.rpartition("/")[0]
        self.settings = {
            "CONTATO__IDS__KEY": ID_KEY,
            "CONTATO__DEAD_LETTERS__KEYS": LETTERS_KEY,
            "CONTATO__BROKER__URL": self.servers.broker,
            "CONTATO__BROKER__PREFIX": f"{self.database}.",
            # As the broker's URL: without TLS.
            "CONTATO__STORE__URL": f"{base}/{self.database}?sslmode=disable",
            "CONTATO__LOG__FILTER": "warn",
            # All users come from one address here, whose quota this is.
            "CONTATO__HTTP__RATE_LIMIT": "1000000",
        }
        try:
            self.migrate()
            for number, role in enumerate(self.wanted):
                self.start(role, f"{role}-{number}")
            for name in self.processes:
                self.await_ready(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        end(self.processes.values(), END_SECONDS)
        self.servers.sql(f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE)")

    def migrate(self):
        done = subprocess.run([self.binaries / "contato", "migrate", "up"], env={**os.environ, **self.settings}, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"contato migrate up: {(done.stdout + done.stderr).strip()[-800:]}")

    def start(self, role, name):
        listen, management = (f"127.0.0.1:{port}" for port in free_ports(2))
        section = role.replace("-", "_").upper()
        settings = {f"CONTATO__{section}__MANAGEMENT": management}
        if role != "consumer-worker":
            settings[f"CONTATO__{section}__LISTEN"] = listen
        if role == "producer-api":
            self.hosts.append(f"http://{listen}")
        self.management[name] = management
        environment = {**os.environ, **self.settings, **settings}
        # Of a session of its own: Ctrl-C ends this program first, which then ends them in order.
        self.processes[name] = start([self.binaries / role], self.logs / f"{name}.log", env=environment, start_new_session=True)

    def await_ready(self, name):
        wait(name, lambda: answers(f"http://{self.management[name]}/readyz"), self.processes[name], self.logs / f"{name}.log")

    def ended(self):
        """Names of those that are gone, which none should be."""
        return [name for name, process in self.processes.items() if process.poll() is not None]
