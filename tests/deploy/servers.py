"""For the checks of tests/deploy that try something on a real contato: one on an embedded queue and SQLite, on free ports."""

import os
import subprocess
from pathlib import Path

from started import PATIENCE_SECONDS, answers, free_ports, start, wait

# Where each role listens, in the order in which `listeners` takes ports.
LISTENERS = ["PRODUCER_API__LISTEN", "DLQ_FUNCTION__LISTEN", "PRODUCER_API__MANAGEMENT", "CONSUMER_WORKER__MANAGEMENT", "DLQ_FUNCTION__MANAGEMENT"]
# Cargo's own target folder may be elsewhere.
BINARIES = Path(os.environ.get("CARGO_TARGET_DIR", Path.cwd() / "target"), "debug")


def build(*programs):
    """Builds them as they are now; at once where that is done."""
    subprocess.run(["cargo", "build", "--quiet", "--locked", *(word for program in programs for word in ("-p", program))], check=True)


def listeners(ports):
    """The settings that have contato listen there."""
    return {f"CONTATO__{name}": f"127.0.0.1:{port}" for name, port in zip(LISTENERS, ports, strict=True)}


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
