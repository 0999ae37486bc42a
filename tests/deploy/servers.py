"""For the checks of tests/deploy that try something on a real contato: one on an embedded queue and SQLite, on free ports."""

import contextlib
import os
import random
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

PATIENCE_SECONDS = 60
# Where each role listens, in the order in which `listeners` takes ports.
LISTENERS = ["PRODUCER_API__LISTEN", "DLQ_FUNCTION__LISTEN", "PRODUCER_API__MANAGEMENT", "CONSUMER_WORKER__MANAGEMENT", "DLQ_FUNCTION__MANAGEMENT"]
# Cargo's own target folder may be elsewhere.
BINARIES = Path(os.environ.get("CARGO_TARGET_DIR", Path.cwd() / "target"), "debug")


class Failed(Exception):
    """A server does not start, or not as it should."""


def build(*programs):
    """Builds them as they are now; at once where that is done."""
    subprocess.run(["cargo", "build", "--quiet", "--locked", *(word for program in programs for word in ("-p", program))], check=True)


def free_ports(count):
    """Ports below the range that the kernel takes those of outgoing connections from: one of these could be gone too soon."""
    held = []
    while len(held) < count:
        with contextlib.suppress(OSError):
            held.append(socket.create_server(("127.0.0.1", random.randrange(20_000, 30_000))))
    ports = [server.getsockname()[1] for server in held]
    for server in held:
        server.close()
    return ports


def listeners(ports):
    """The settings that have contato listen there."""
    return {f"CONTATO__{name}": f"127.0.0.1:{port}" for name, port in zip(LISTENERS, ports, strict=True)}


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def wait(what, until, process, log):
    """Until a started process does something; `Failed` if it ends before, or takes too long."""
    limit = time.monotonic() + PATIENCE_SECONDS
    while not until():
        if process.poll() is not None or time.monotonic() > limit:
            raise Failed(f"{what} does not become ready: {log.read_text().strip()[-800:]}")
        time.sleep(0.1)


def start(words, log, **options):
    """A process with its output in a file."""
    with log.open("w") as output:
        return subprocess.Popen(list(map(str, words)), stdin=subprocess.DEVNULL, stdout=output, stderr=output, **options)


class Contato:
    """A running one, with its data and its log in the folder."""

    def __init__(self, folder, **settings):
        self.folder, self.settings = folder, settings

    def __enter__(self):
        ports = free_ports(len(LISTENERS))
        self.api, self.console, *self.management = [f"http://127.0.0.1:{port}" for port in ports]
        log = self.folder / "contato.log"
        environment = {**os.environ, **listeners(ports), **self.settings}
        self.process = start([BINARIES / "contato"], log, cwd=self.folder, env=environment)
        try:
            wait("contato", lambda: answers(f"{self.api}/readyz"), self.process, log)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(PATIENCE_SECONDS)
