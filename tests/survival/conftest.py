"""The small demo, which these tests look at."""

from small_demo import run

__all__ = ["run"]
