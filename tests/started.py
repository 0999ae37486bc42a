"""For checks and load tests in Python: programs that they start, and the ports of these."""

import contextlib
import random
import socket
import subprocess
import time
import urllib.error
import urllib.request

PATIENCE_SECONDS = 60


class Failed(Exception):
    """A program does not start, or not as it should."""


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


def answers(url):
    """Whether something says there that all is well."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def start(words, log, **options):
    """A process with its output at the end of a file."""
    with log.open("a") as output:
        return subprocess.Popen(list(map(str, words)), stdin=subprocess.DEVNULL, stdout=output, stderr=output, **options)


def wait(what, until, process, log):
    """Until a started process does something; `Failed` if it ends before, or takes too long."""
    limit = time.monotonic() + PATIENCE_SECONDS
    while not until():
        if process.poll() is not None or time.monotonic() > limit:
            raise Failed(f"{what} does not become ready: {log.read_text().strip()[-800:]}")
        time.sleep(0.1)


def end(processes, seconds):
    """Asks them to end, all at once, and kills those that have not after so long."""
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
