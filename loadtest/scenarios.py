"""The scenarios of the load tests: how many users, for how long. Plain Python, so that a check can walk through them.

A level lasts from when its users are there: at 100 users a second 7,500 need 75 s, and a minute that began before would never see them.
"""

from dataclasses import dataclass

# What a ramp may take, measured by what it should: a generator that is too busy to begin its users is told apart from one that did.
RAMP_PATIENCE = 3
RAMP_PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Level:
    """So many users, come (or gone) at so many a second, for so many seconds from when they are there."""

    users: int
    rate: float
    hold_seconds: float
    # Between levels; nothing is noted of it.
    rest: bool = False


def base():
    """One user, then very many, a minute each."""
    return [Level(1, 1, 60), *(Level(users, 100, 60) for users in (2_500, 5_000, 7_500))]


def moderate():
    """A usual day."""
    return [Level(100, 10, 300)]


def high():
    """A busy day."""
    return [Level(500, 50, 600)]


def spike():
    """Twenty times as many at once, and back: what has piled up, and how soon it is gone."""
    return [Level(10, 5, 120), Level(200, 40, 300), Level(10, 5, 120)]


def stress():
    """More and more until something gives, with rests in which queues empty."""
    levels = []
    for users in (100, 200, 500, 1_000, 1_500, 2_000):
        rate = min(100, users / 10)
        levels += [Level(users, rate, 120), Level(0, 100, 30, rest=True)]
    return levels[:-1]


SCENARIOS = {scenario.__name__: scenario for scenario in (base, moderate, high, spike, stress)}


def levels(scenario, scale=1.0, time_scale=1.0):
    """Those of a scenario by its name, with so many times the users for so many times as long. Users come at the same rate."""
    if scale <= 0 or time_scale <= 0:
        raise ValueError("a scale is more than 0")
    scaled = []
    for level in SCENARIOS[scenario]():
        users = max(1, round(level.users * scale)) if level.users else 0
        scaled.append(Level(users, level.rate, level.hold_seconds * time_scale, level.rest))
    return scaled


def seconds(of):
    """How long levels take if users come as fast as they should."""
    before = [0, *(level.users for level in of)]
    return sum(abs(level.users - users) / level.rate + level.hold_seconds for users, level in zip(before, of))


class Walk:
    """Through levels, in steps: the time does not come from here, and neither do the users."""

    def __init__(self, of, begun=lambda level: None, ended=lambda level, reached: None):
        self.of, self.begun, self.ended = list(of), begun, ended
        self.since = self.held_since = None
        self.before, self.reached = 0, False

    def step(self, now, users):
        """Users and their rate from now on, by how many there are; None when all is done."""
        while self.of:
            level = self.of[0]
            if self.since is None:
                self.since, self.before = now, users
            if self.held_since is None and not self.try_to_hold(level, now, users):
                return level.users, level.rate
            if now - self.held_since < level.hold_seconds:
                return level.users, level.rate
            self.of.pop(0)
            self.ended(level, self.reached)
            self.since = self.held_since = None
        return None

    def try_to_hold(self, level, now, users):
        """A level begins when its users are there, or when they are late beyond patience."""
        expected = abs(level.users - self.before) / level.rate
        self.reached = users == level.users
        if not self.reached and now - self.since < RAMP_PATIENCE * expected + RAMP_PATIENCE_SECONDS:
            return False
        self.held_since = now
        self.begun(level)
        return True
