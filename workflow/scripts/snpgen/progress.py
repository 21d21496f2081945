"""How far a job is, at what rate, and how long it will still take: lines in its log and on a terminal."""

import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from threading import Lock
from typing import TypeVar

log = logging.getLogger("snpgen.progress")  # `start_log` shows it on a terminal, too

_SECONDS = 10.0  # from one line to the next, at least
_SHARE = 0.05  # and so much of the time so far, so that a job of days does not fill its log
_LINES = 5  # whose rate is told: code that is compiled first says little of what is left
_WORTH = 5.0  # seconds from which on the end of a count is told

Item = TypeVar("Item")


class Meter:
    """Counts up to `total` units (their plural, such as variants) and logs a line now and then.

    `done` units were done before, as in training that goes on; `clock` gives seconds.
    """

    def __init__(
        self, total: int, unit: str, done: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total, self.unit, self.done = total, unit, done
        self._clock, self._start, self._due = clock, clock(), _SECONDS
        self._told = deque([(0.0, done)], _LINES)  # seconds and units of the last lines
        self._before = done
        self._lock = Lock()

    def add(self, count: int = 1) -> None:
        """Count units that are done, in any thread."""
        with self._lock:
            self.done += count
            seconds = self._clock() - self._start
            if seconds < (_WORTH if self.done >= self.total else self._due):
                return
            self._due = seconds + max(_SECONDS, _SHARE * seconds)
            log.info(self._describe(seconds))
            self._told.append((seconds, self.done))

    def _describe(self, seconds: float) -> str:
        here = f"{self.done:,} of {self.total:,} {self.unit}"
        if self.done >= self.total:
            pace = _describe_rate((self.done - self._before) / seconds)
            return f"{here} in {describe_seconds(seconds)}, {pace}"
        since, done = self._told[0]
        rate = (self.done - done) / (seconds - since)
        left = describe_seconds((self.total - self.done) / rate) if rate else "unknown time"
        share = int(100 * self.done / self.total)
        return f"{here} ({share} %), {_describe_rate(rate)}, {left} left"


def _describe_rate(rate: float) -> str:
    return f"{rate:,.0f} a second" if rate >= 10 else f"{rate:.2g} a second"


def track(items: Collection[Item], unit: str) -> Iterator[Item]:
    """The items, each counted by a `Meter` when the next one is asked for."""
    meter = Meter(len(items), unit)
    for item in items:
        yield item
        meter.add()


def describe_seconds(seconds: float) -> str:
    """A time in words, to two figures or so: "45 s", "12 min", "3.4 h", "5 days"."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 99.5 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 99.5 * 3600:
        return f"{seconds / 3600:.{1 if seconds < 9.95 * 3600 else 0}f} h"
    return f"{seconds / 86400:.0f} days"
