"""Conditions of the generator: class or value of the phenotype, sex and group, encoded as numbers.

Classes are encoded as one-hot vectors. Values of a quantitative trait are encoded by a linear B-spline
basis, with knots at the quantiles that Harrell (2015, Regression Modeling Strategies, table 2.3)
recommends for five knots.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from snpgen.io.panel import OTHER, Panel
from snpgen.job import log

KNOT_QUANTILES = (0.05, 0.275, 0.5, 0.725, 0.95)


@dataclass(frozen=True)
class ConditionEncoding:
    """The encoding of phenotype, sex and group, fitted on training individuals.

    The first `n_classes` columns encode the label: one per class or, for a quantitative trait, one per
    knot (`knots`, ascending; None for classes). One column for sex follows if `sex` is true, then one
    column for each of `groups`. `centres` are the training means that are subtracted from these columns.
    """

    n_classes: int
    knots: tuple[float, ...] | None
    sex: bool
    groups: tuple[str, ...]
    centres: tuple[float, ...]

    @property
    def n_conditions(self) -> int:
        """Number of columns."""
        return self.n_classes + len(self.centres)

    def encode(self, label: ArrayLike, sex: ArrayLike, group: ArrayLike) -> np.ndarray:
        """Conditions float32 (n, n_conditions) of n individuals.

        `label` (n,) is the index of the class or the value of the trait, `sex` (n,) is 1 (male), 2 (female)
        or 0 (unknown), and `group` (n,) is str, as in `Panel`. The first `n_classes` columns are non-negative
        and sum to 1. For a class, they are one-hot. For a value, they give the linear interpolation between
        the two nearest knots, and are constant beyond the outer knots. The other columns are centred; for
        unknown sex or group they are 0, which is the mean. Raises `ValueError` if a label is not the index of
        a class.
        """
        label = np.asarray(label, dtype=np.float64)
        if self.knots is None:
            weights = (label[:, None] == np.arange(self.n_classes)).astype(np.float64)
        else:
            corners = np.eye(self.n_classes)
            weights = np.stack([np.interp(label, self.knots, corner) for corner in corners], axis=1)
        if not np.allclose(weights.sum(axis=1), 1):
            raise ValueError(f"labels are not all whole numbers from 0 to {self.n_classes - 1}")
        extra = _indicators(self.sex, self.groups, np.asarray(sex), np.asarray(group))
        centred = np.nan_to_num(extra - np.array(self.centres))
        return np.concatenate([weights, centred], axis=1).astype(np.float32)

    def encode_split(self, panel: Panel, split: str) -> np.ndarray:
        """Conditions float32 (n, n_conditions) of the individuals of a split."""
        table = panel.samples(split)
        return self.encode(table.label, table.sex, table.group)


def _indicators(
    sex: bool, groups: tuple[str, ...], sexes: np.ndarray, group: np.ndarray
) -> np.ndarray:
    """Indicators of males and of each of `groups`, float64 (n, columns); NaN if unknown."""
    columns = [np.where(sexes == 0, np.nan, sexes == 1)] if sex else []
    known = np.isin(group, groups)
    columns += [np.where(known, group == name, np.nan) for name in groups]
    return np.stack(columns, axis=1) if columns else np.empty((len(group), 0))


def fit_encoding(panel: Panel, sex: bool, group: bool) -> ConditionEncoding:
    """Fit the encoding on the training individuals of the panel.

    `sex` and `group` select whether sex and group are encoded. They are omitted if they do not vary
    among training individuals. The group `OTHER`, a collection of small groups, has no column and is
    encoded as the mean.

    The knots of a quantitative trait are the quantiles `KNOT_QUANTILES` of its training values, without
    duplicates. If all quantiles are equal, as for a trait that is zero in almost all individuals, the knots
    are the means of controls and cases.
    """
    train = panel.samples("train")
    sex = sex and set(train.sex) >= {1, 2}
    names = sorted(set(train.group) - {"", OTHER}) if group else []
    groups = tuple(names) if len(names) > 1 else ()
    columns = _indicators(sex, groups, train.sex.to_numpy(), train.group.to_numpy())
    case = train.phenotype.to_numpy() == 1
    knots = None if panel.classes else _choose_knots(train.label.to_numpy(), case)
    encoding = ConditionEncoding(
        n_classes=len(panel.classes) if knots is None else len(knots),
        knots=knots,
        sex=sex,
        groups=groups,
        centres=tuple(np.nanmean(columns, axis=0).tolist()),
    )
    log.info("conditions of the generator: %s", _describe(encoding, panel.classes))
    return encoding


def _describe(encoding: ConditionEncoding, classes: Sequence[str]) -> str:
    if encoding.knots is None:
        parts = [f"class ({', '.join(classes)})"]
    else:
        knots = ", ".join(f"{knot:.4g}" for knot in encoding.knots)
        parts = [f"value (linear spline with knots {knots})"]
    parts += ["sex"] if encoding.sex else []
    parts += [f"group ({', '.join(encoding.groups)})"] if encoding.groups else []
    return ", ".join(parts)


def _choose_knots(values: np.ndarray, case: np.ndarray) -> tuple[float, ...]:
    knots = np.unique(np.quantile(values, KNOT_QUANTILES))
    if len(knots) == 1:
        knots = np.array([values[~case].mean(), values[case].mean()])
    return tuple(knots.tolist())
