"""Once a second: CPU time of every process, what has been accepted and finished, and how long that took. Levels are cut out of it by the clock."""

import http.client
import threading
import time
from dataclasses import dataclass

from campaign import processes, series

EVERY_SECONDS = 1.0


@dataclass
class Sample:
    """What had been used and counted by a moment; the clock is the one that Locust writes down, too."""

    at: float
    # CPU seconds, by process; `machine` is all that the machine did.
    cpu: dict
    accepted: int
    finished: int
    latency: dict

    @property
    def waiting(self):
        """Commands accepted and not finished: queued, waiting for another attempt, or in hand."""
        return max(0, self.accepted - self.finished)


class Sampler:
    """Takes samples in a thread while a scenario runs."""

    def __init__(self, roles, servers, generator):
        self.roles = roles
        self.pids = {**servers.pids, **{name: process.pid for name, process in roles.processes.items()}}
        self.generator = generator
        self.samples, self.fault = [], None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.samples.append(self.take())
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def run(self):
        while not self.over.wait(EVERY_SECONDS):
            try:
                self.samples.append(self.take())
            except (OSError, http.client.HTTPException) as fault:
                # One missing second is nothing; the last fault is told if a role has ended.
                self.fault = fault

    def take(self):
        at, found = time.time(), processes.stats()
        cpu = {name: processes.cpu_seconds(pid, found) for name, pid in self.pids.items()}
        if self.generator.pid:
            # Each of its processes has one core at most: the busiest one tells whether it keeps up.
            for member in processes.tree(self.generator.pid, found):
                cpu[f"generator-{member}"] = found[member][1]
        cpu["observer"] = time.process_time()
        cpu["machine"] = processes.machine_seconds()
        scrapes = [series.read(management) for management in self.roles.management.values()]
        return Sample(
            at,
            cpu,
            int(series.total(scrapes, series.ACCEPTED)),
            int(series.total(scrapes, series.COMPLETED, result=series.ENDS)),
            series.buckets(scrapes),
        )

    def between(self, begun, ended):
        """The samples of a level."""
        return [sample for sample in self.samples if begun <= sample.at <= ended]


def cores(samples, named):
    """How many cores' worth the processes used whose names begin so, together; None if too short to tell."""
    return sum(each_core(samples, named).values()) if len(samples) > 1 else None


def each_core(samples, named):
    """Likewise, of each."""
    first, last = samples[0], samples[-1]
    took = last.at - first.at
    return {name: (last.cpu[name] - first.cpu.get(name, last.cpu[name])) / took for name in last.cpu if name.startswith(named)}
