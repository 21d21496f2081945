"""Progress of a job: finished units, rate and remaining time are shown in the log and on a terminal."""

import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from threading import Lock
from typing import TypeVar

log = logging.getLogger("snpgen.progress")  # `start_log` also shows it on a terminal

_SECONDS = 10.0  # minimum time between two lines
_SHARE = 0.05  # the same, as a share of the elapsed time; keeps logs of long jobs short
_LINES = 5  # the rate is computed from the last lines, without compilation at the start
_MIN_SECONDS = 5.0  # a count that finishes sooner is not logged

Item = TypeVar("Item")


class Meter:
    """Count finished units up to `total`, and log a line at intervals; `unit` is a plural such as variants.

    `done` is the number of units that were finished earlier, as in resumed training; `clock` returns seconds.
    """

    def __init__(
        self, total: int, unit: str, done: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total, self.unit, self.done = total, unit, done
        self._clock, self._start, self._due = clock, clock(), _SECONDS
        self._reported = deque([(0.0, done)], _LINES)  # seconds and units of the last lines
        self._before = done
        self._lock = Lock()

    def add(self, count: int = 1) -> None:
        """Count finished units; may be called from any thread."""
        with self._lock:
            self.done += count
            seconds = self._clock() - self._start
            if seconds < (_MIN_SECONDS if self.done >= self.total else self._due):
                return
            self._due = seconds + max(_SECONDS, _SHARE * seconds)
            log.info(self._describe(seconds))
            self._reported.append((seconds, self.done))

    def _describe(self, seconds: float) -> str:
        here = f"{self.done:,} of {self.total:,} {self.unit}"
        if self.done >= self.total:
            pace = _describe_rate((self.done - self._before) / seconds)
            return f"{here} in {describe_seconds(seconds)}, {pace}"
        since, done = self._reported[0]
        rate = (self.done - done) / (seconds - since)
        left = describe_seconds((self.total - self.done) / rate) if rate else "unknown time"
        share = int(100 * self.done / self.total)
        return f"{here} ({share} %), {_describe_rate(rate)}, {left} left"


def _describe_rate(rate: float) -> str:
    return f"{rate:,.0f} per second" if rate >= 10 else f"{rate:.2g} per second"


def track(items: Collection[Item], unit: str) -> Iterator[Item]:
    """Yield the items. A `Meter` counts an item when the next item is requested."""
    meter = Meter(len(items), unit)
    for item in items:
        yield item
        meter.add()


def describe_seconds(seconds: float) -> str:
    """A time to about two digits: "45 s", "12 min", "3.4 h", "5 days"."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 99.5 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 99.5 * 3600:
        return f"{seconds / 3600:.{1 if seconds < 9.95 * 3600 else 0}f} h"
    return f"{seconds / 86400:.0f} days"
