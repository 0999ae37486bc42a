"""contato's roles as processes."""

import os
import pathlib
import secrets
import signal
import subprocess
import urllib.request

from started import answers, end, start, wait

NAMES = ("producer-api", "consumer-worker", "dlq-function")
# Seconds until a role has ended.
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
        log = self.results / f"{name}.log"
        # A group of its own: a Ctrl-C at the terminal is for the script, which then ends it.
        process = self.running[name] = start([self.binaries / name], log, env=self.environment, cwd=self.results, start_new_session=True)
        wait(name, lambda: answers(f"http://127.0.0.1:{self.management[name]}/readyz"), process, log)

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
        end(self.running.values(), STOP_LIMIT)
        self.running = {}
