"""contato's roles as processes."""

import os
import pathlib
import secrets
import signal
import subprocess
import time
import urllib.error
import urllib.request

NAMES = ("producer-api", "consumer-worker", "dlq-function")
# Seconds until a role works, and until it has ended.
START_LIMIT = 60
STOP_LIMIT = 30


class Roles:
    """The three, with the ports of their listeners."""

    def __init__(self, binaries, results, management, listen):
        self.binaries = pathlib.Path(binaries)
        self.results = pathlib.Path(results)
        self.management = dict(zip(NAMES, management))
        self.api = f"http://127.0.0.1:{listen[0]}"
        self.dead_letters = f"http://127.0.0.1:{listen[1]}"
        self.running = {}
        self.environment = {
            "CONTATO__IDS__KEY": secrets.token_hex(32),
            "CONTATO__DEAD_LETTERS__KEYS": f"1:{secrets.token_hex(32)}",
            "CONTATO__BROKER__URL": os.environ["CONTATO_TEST_AMQP_URL"],
            "CONTATO__BROKER__RETRY_DELAYS": "300ms,600ms,900ms",
            "CONTATO__BROKER__PUBLISH_TIMEOUT": "2s",
            "CONTATO__STORE__URL": os.environ["CONTATO_TEST_POSTGRES_URL"],
            "CONTATO__STORE__TIMEOUT": "2s",
            "CONTATO__LOG__FORMAT": "json",
            "CONTATO__CANARY__EVERY": "10s",
            "CONTATO__PRODUCER_API__LISTEN": f"127.0.0.1:{listen[0]}",
            "CONTATO__DLQ_FUNCTION__LISTEN": f"127.0.0.1:{listen[1]}",
            **{
                f"CONTATO__{name.upper().replace('-', '_')}__MANAGEMENT": f"127.0.0.1:{port}"
                for name, port in self.management.items()
            },
        }

    def migrate(self):
        """Brings the schema up to date."""
        ran = subprocess.run(
            [self.binaries / "contato", "migrate", "up"], env=self.environment, cwd=self.results, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False,
        )
        if ran.returncode:
            raise RuntimeError(f"the schema cannot be brought up: {ran.stdout}")

    def start(self, name):
        """Starts one, and waits until it is ready."""
        with open(self.results / f"{name}.log", "ab") as log:
            # A group of its own: a Ctrl-C at the terminal is for the script, which then ends it.
            self.running[name] = subprocess.Popen(
                [self.binaries / name], env=self.environment, cwd=self.results, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + START_LIMIT
        while not self.ready(name):
            if self.running[name].poll() is not None:
                raise RuntimeError(f"{name} ended while it started; see {self.results / name}.log")
            if time.monotonic() > until:
                raise RuntimeError(f"{name} is not ready after {START_LIMIT} s; see {self.results / name}.log")
            time.sleep(0.1)

    def ready(self, name):
        """Whether it says so."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.management[name]}/readyz", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def kill(self, name):
        """Takes it away without a word."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait(STOP_LIMIT)

    def scrape(self, name):
        """Its metrics as text."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.management[name]}/metrics", timeout=10) as answer:
            return answer.read().decode()

    def end(self):
        """Ends those that run."""
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
        self.running = {}
