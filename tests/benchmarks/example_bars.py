"""Acceptance thresholds of the generator: estimates and their limits by panel."""

from typing import NamedTuple

import pandas as pd

PANELS = ["R", "C", "U", "R2048", "S"]
SIMPLER = ("copula", "mosaic", "published")
RIVALS = ("independent", "copula", "mosaic", "cvae", "mixture", "published")
SETS = {SIMPLER: "best of the simpler", RIVALS: "best of the rivals"}
EVALUATED = "snpgen"


class Bar(NamedTuple):
    """`estimate` of `EVALUATED` must be between `low` and `high`, by panel; None is no limit.

    With `against` it is the difference to the best of these subjects, per seed. `every`:
    for each seed, not only on average.
    """

    estimate: str
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    against: tuple[str, ...] = ()
    every: bool = False

    @property
    def best(self) -> str:
        """Which of several values is the best: max or min."""
        return "max" if any(limit is not None for limit in self.low) else "min"

    @property
    def name(self) -> str:
        """The estimate and what it is compared with."""
        what = SETS.get(self.against, "".join(self.against))
        return f"{self.estimate} less {what}" if what else self.estimate


NONE = (None,) * len(PANELS)
ONLY_S = (None, None, None, None, 0.0)

BARS = [
    Bar("af_rmse", NONE, (0.003, 0.003, 0.004, 0.003, 0.004)),
    Bar("rare_af_ratio", (0.98, 0.98, 0.97, 0.98, 0.97), (1.02, 1.02, 1.03, 1.02, 1.03)),
    Bar("ld_slope", (0.98, 0.97, 0.98, 0.98, 0.97), NONE),
    Bar("ld_pearson", (0.998, 0.99, 0.998, 0.998, 0.995), NONE),
    Bar("ld_far_ratio", NONE, (1.1, 1.1, 1.1, 1.1, 1.3)),
    Bar("heldout_slope", (0.9,) * 5, (1.1,) * 5),
    Bar("auc_prs", (0.0,) * 5, NONE, ("real",)),
    Bar("auc_ridge", (-0.005, -0.003, -0.005, -0.008, -0.010), NONE, ("shuffled",)),
    Bar("auc_xgboost", (-0.008, -0.005, -0.008, -0.010, -0.012), NONE, ("shuffled",)),
    Bar("c2st_xgboost", NONE, (0.55, 0.52, 0.58, 0.60, 0.60)),
    Bar("mia_frequency_auc_all", NONE, (0.01,) * 5, ("independent",)),
    Bar("mia_frequency_auc_case", NONE, (0.01,) * 5, ("independent",)),
    Bar("mia_loss_auc", NONE, (0.53,) * 5),
    Bar("wall_seconds", NONE, (240, 240, 240, 720, 300)),
    Bar("c2st_xgboost", NONE, (0.0,) * 5, SIMPLER),
    Bar("ld_rmse", NONE, (0.0,) * 5, SIMPLER),
    Bar("auc_prs", (-0.003,) * 5, NONE, RIVALS),
    Bar("auc_ridge", (-0.003,) * 5, NONE, RIVALS),
    Bar("auc_xgboost", (-0.003,) * 5, NONE, RIVALS),
    Bar("c2st_xgboost", NONE, ONLY_S, ("cvae",), every=True),
    Bar("ld_far_ratio", NONE, ONLY_S, ("cvae",), every=True),
    Bar("pc_wasserstein", NONE, ONLY_S, ("cvae",), every=True),
]


class Verdict(NamedTuple):
    """A bar on one panel: mean and spread over seeds, the limits in words, and whether it is met."""

    bar: str
    mean: float
    spread: float
    limits: str
    met: bool


def judge(estimates: pd.DataFrame, panel: str) -> list[Verdict]:
    """The bars of a panel; those of estimates that were not measured, or are NaN, are left out.

    `estimates` has the seeds as rows, and columns (subject, metric).
    """
    verdicts = []
    for bar in BARS:
        low, high = (side[PANELS.index(panel)] for side in (bar.low, bar.high))
        values = _values(estimates, bar)
        if values.empty or (low is None and high is None):
            continue
        evaluated = values.tolist() if bar.every else [values.mean()]
        met = all(
            (low is None or value >= low) and (high is None or value <= high) for value in evaluated
        )
        limits = f"{low} to {high}" if None not in (low, high) else f">= {low}"
        limits = f"<= {high}" if low is None else limits
        verdicts.append(Verdict(bar.name, values.mean(), values.std(), limits, met))
    return verdicts


def _values(estimates: pd.DataFrame, bar: Bar) -> pd.Series:
    """The estimate by seed, minus the best of those in `against`."""
    column = (EVALUATED, bar.estimate)
    rivals = [(name, bar.estimate) for name in bar.against if (name, bar.estimate) in estimates]
    if column not in estimates or (bar.against and not rivals):
        return pd.Series(dtype=float)
    values = estimates[column]
    if rivals:
        values = values - estimates[rivals].agg(bar.best, axis=1)
    return values.dropna()
