"""Acceptance thresholds of the generator: estimates and their limits by panel."""

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd
from scipy.stats import t

PANELS = ["R", "C", "U", "R2048", "S", "B", "A", "M", "I", "L"]
SIMPLER = ("copula", "mosaic", "published")
RIVALS = ("independent", "copula", "mosaic", "cvae", "mixture", "published")
SETS = {SIMPLER: "best of the simpler", RIVALS: "best of the rivals"}
EVALUATED = "snpgen"

Limits = Mapping[str, float]  # by panel; a panel that is absent has no limit


class Bar(NamedTuple):
    """`estimate` of `EVALUATED` must be between `low` and `high`.

    With `against` it is the difference to the best of these subjects, per seed. `every`:
    for each seed, not only on average. `interval`: not the mean, but the end of its 95 % interval over seeds
    that is closer to the limit.
    """

    estimate: str
    low: Limits
    high: Limits
    against: tuple[str, ...] = ()
    every: bool = False
    interval: bool = False

    @property
    def best(self) -> str:
        """Which of several values is the best: max or min."""
        return "max" if self.low else "min"

    @property
    def name(self) -> str:
        """The estimate and what it is compared with."""
        what = SETS.get(self.against, "".join(self.against))
        name = f"{self.estimate} less {what}" if what else self.estimate
        return f"{name}, 95 %" if self.interval else name


def _by(*limits: float) -> Limits:
    """Limits of the first panels."""
    return dict(zip(PANELS, limits, strict=False))


def _on(panels: str | list[str], limit: float) -> Limits:
    """The same limit on some panels, which have names of one letter if they are given as text."""
    return dict.fromkeys(panels, limit)


NONE: Limits = {}
FIRST = PANELS[:5]
GROUPS = ["European", "South_Asian", "African", "East_Asian", "Admixed"]
DISTANCES = ["3-10mb", "10-30mb", "30-100mb", "far"]

BARS = [
    Bar("af_rmse", NONE, _by(0.003, 0.003, 0.004, 0.003, 0.004)),
    Bar("rare_af_ratio", _by(0.98, 0.98, 0.97, 0.98, 0.97), _by(1.02, 1.02, 1.03, 1.02, 1.03)),
    Bar("ld_slope", _by(0.98, 0.97, 0.98, 0.98, 0.97), NONE),
    Bar("ld_pearson", _by(0.998, 0.99, 0.998, 0.998, 0.995), NONE),
    Bar("ld_far_ratio", NONE, _by(1.1, 1.1, 1.1, 1.1, 1.3)),
    Bar("heldout_slope", _on(FIRST, 0.9), _on(FIRST, 1.1)),
    Bar("auc_prs", _on(FIRST, 0.0), NONE, ("real",)),
    Bar("auc_ridge", _by(-0.005, -0.003, -0.005, -0.008, -0.010), NONE, ("shuffled",)),
    Bar("auc_xgboost", _by(-0.008, -0.005, -0.008, -0.010, -0.012), NONE, ("shuffled",)),
    Bar("c2st_xgboost", NONE, _by(0.55, 0.52, 0.58, 0.60, 0.60)),
    Bar("mia_frequency_auc_all", NONE, _on(FIRST, 0.01), ("independent",)),
    Bar("mia_frequency_auc_case", NONE, _on(FIRST, 0.01), ("independent",)),
    Bar("mia_loss_auc", NONE, _on(FIRST, 0.53)),
    Bar("wall_seconds", NONE, _by(240, 240, 240, 720, 300)),
    Bar("c2st_xgboost", NONE, _on(FIRST, 0.0), SIMPLER),
    Bar("ld_rmse", NONE, _on(FIRST, 0.0), SIMPLER),
    Bar("auc_prs", _on(FIRST, -0.003), NONE, RIVALS),
    Bar("auc_ridge", _on(FIRST, -0.003), NONE, RIVALS),
    Bar("auc_xgboost", _on(FIRST, -0.003), NONE, RIVALS),
    Bar("c2st_xgboost", NONE, _on("S", 0.0), ("cvae",), every=True),
    Bar("ld_far_ratio", NONE, _on("S", 0.0), ("cvae",), every=True),
    Bar("pc_wasserstein", NONE, _on("S", 0.0), ("cvae",), every=True),
    # Population structure, admixture and inbreeding.
    Bar("c2st_minority", NONE, _on("B", 0.64)),
    Bar("c2st_minority", NONE, _on("B", -0.15), ("cvae",)),
    *(Bar(f"share_ratio_{name}", _on("B", 0.8), _on("B", 1.25)) for name in GROUPS),
    Bar("af_error_ratio", NONE, _on("B", 1.3)),
    *(Bar(f"ancestry_covariance_{name}_all", _on("A", 0.9), _on("A", 1.1)) for name in DISTANCES),
    Bar("feature_c2st_all", NONE, _on("A", 0.57)),
    *(Bar(f"ancestry_covariance_{name}_admixed", NONE, _on("M", 1.5)) for name in DISTANCES[2:]),
    Bar("c2st_admixed", NONE, _on("M", 0.68)),
    *(
        Bar(f"{name}_ratio_all", _on("AI", 0.85), _on("AI", 1.15))
        for name in ("f_sd", "f_q98", "runs_mean")
    ),
    Bar("heterozygosity_ratio_all", _on("L", 0.9), _on("L", 1.1)),
    Bar("c2st_all", NONE, _on("L", 0.60)),
    # The diffusion, compared with a Gaussian mixture of the same latents.
    *(
        Bar(name, NONE, _on(panels, 0.03), ("mixture",), interval=True)
        for name, panels in {
            "c2st_xgboost": PANELS,
            "c2st_all": "AIL",
            "c2st_minority": "BM",
            "pc_wasserstein": PANELS,
            "pc_energy_all": "AIL",
            "pc_energy_minority": "BM",
        }.items()
    ),
    *(
        Bar(name, _on(PANELS, -0.03), NONE, ("mixture",), interval=True)
        for name in ("auc_prs", "auc_ridge", "auc_xgboost")
    ),
    *(
        Bar(name, NONE, _on(PANELS, 0.01), ("mixture",))
        for name in (
            "mia_frequency_auc_all",
            "mia_frequency_auc_case",
            "mia_adaptive_auc_all",
            "mia_adaptive_auc_case",
            "mia_worst_group",
        )
    ),
]


class Verdict(NamedTuple):
    """A bar on one panel: mean (or end of its interval) and spread over seeds, the limits, and whether it is met."""

    bar: str
    value: float
    spread: float
    limits: str
    met: bool


def judge(estimates: pd.DataFrame, panel: str) -> list[Verdict]:
    """The bars of a panel; those of estimates that were not measured, or are NaN, are left out.

    An interval needs two seeds. `estimates` has the seeds as rows, and columns (subject, metric).
    """
    verdicts = []
    for bar in BARS:
        low, high = bar.low.get(panel), bar.high.get(panel)
        values = _values(estimates, bar)
        if len(values) < 1 + bar.interval or (low is None and high is None):
            continue
        value = values.mean()
        if bar.interval:
            half = t.ppf(0.975, len(values) - 1) * values.std() / len(values) ** 0.5
            value += half if low is None else -half
        evaluated = values.tolist() if bar.every else [value]
        met = all(
            (low is None or each >= low) and (high is None or each <= high) for each in evaluated
        )
        limits = f"{low} to {high}" if None not in (low, high) else f">= {low}"
        limits = f"<= {high}" if low is None else limits
        verdicts.append(Verdict(bar.name, value, values.std(), limits, met))
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
