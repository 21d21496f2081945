"""What a person is drawn for - class or value, sex, group - as numbers for the networks."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from snpgen.io.panel import OTHER, Panel
from snpgen.job import log

KNOT_QUANTILES = (0.05, 0.275, 0.5, 0.725, 0.95)  # for five knots (Harrell 2015, table 2.3)


@dataclass(frozen=True)
class Conditions:
    """How people are encoded; fitted on training people, and plain enough for a model's card.

    `n_classes` columns tell the label: one a class, or, for a quantitative trait, one a knot
    (`knots`, ascending; None for classes). Then come sex, if `sex`, and one column for each of
    `groups`; `centres` holds the training means that are taken off these columns.
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

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `from_dict` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, card: Mapping[str, Any]) -> "Conditions":
        """What `as_dict` wrote, lists in the place of tuples as JSON has them."""
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in card.items()
        }
        return cls(**values)

    def encode(self, label: ArrayLike, sex: ArrayLike, group: ArrayLike) -> np.ndarray:
        """Conditions of n people, float32 (n, n_conditions).

        `label` (n,) is the class's index or the trait's value, `sex` (n,) 1 (male), 2 (female) or 0
        (unknown), `group` (n,) str; see `Panel`. The first `n_classes` columns are weights that are
        not negative and sum to 1: one-hot for a class, for a value shares of the two knots around it
        (linear B-splines, constant beyond the outer knots). The others are centred; an unknown sex
        and an unknown group stand at 0, the average. Raises `ValueError` on a label that is no class.
        """
        label = np.asarray(label, dtype=np.float64)
        if self.knots is None:
            weights = (label[:, None] == np.arange(self.n_classes)).astype(np.float64)
        else:
            corners = np.eye(self.n_classes)
            weights = np.stack([np.interp(label, self.knots, corner) for corner in corners], axis=1)
        if not np.allclose(weights.sum(axis=1), 1):
            raise ValueError(f"labels are not all among 0 to {self.n_classes - 1}")
        extra = _columns(self.sex, self.groups, np.asarray(sex), np.asarray(group))
        centred = np.nan_to_num(extra - np.array(self.centres))
        return np.concatenate([weights, centred], axis=1).astype(np.float32)


def _columns(
    sex: bool, groups: tuple[str, ...], sexes: np.ndarray, group: np.ndarray
) -> np.ndarray:
    """Male, and each of `groups`, as 0 or 1, float64 (n, columns); NaN where not known."""
    columns = [np.where(sexes == 0, np.nan, sexes == 1)] if sex else []
    known = np.isin(group, groups)
    columns += [np.where(known, group == name, np.nan) for name in groups]
    return np.stack(columns, axis=1) if columns else np.empty((len(group), 0))


def encode(panel: Panel, split: str, conditions: Conditions) -> np.ndarray:
    """Conditions float32 (n, c) of the people of a split."""
    table = panel.samples(split)
    return conditions.encode(table.label, table.sex, table.group)


def make_conditions(panel: Panel, sex: bool, group: bool) -> Conditions:
    """The encoding of the panel's people, fitted on its training people.

    `sex` and `group` ask for these columns; they are left out where training people do not differ
    in them. `OTHER` has no column: its people are many groups' few, and count as the average.

    Knots stand at `KNOT_QUANTILES` of the trait, once each; where these are one value, as in a trait
    that is zero for nearly all, at the means of controls and of cases.
    """
    train = panel.samples("train")
    sex = sex and set(train.sex) >= {1, 2}
    names = sorted(set(train.group) - {"", OTHER}) if group else []
    groups = tuple(names) if len(names) > 1 else ()
    columns = _columns(sex, groups, train.sex.to_numpy(), train.group.to_numpy())
    case = train.phenotype.to_numpy() == 1
    knots = None if panel.classes else _place_knots(train.label.to_numpy(), case)
    conditions = Conditions(
        n_classes=len(panel.classes) if knots is None else len(knots),
        knots=knots,
        sex=sex,
        groups=groups,
        centres=tuple(np.nanmean(columns, axis=0).tolist()),
    )
    log.info("people are drawn given %s", _describe(conditions, panel.classes))
    return conditions


def _describe(conditions: Conditions, classes: Sequence[str]) -> str:
    """What people are drawn given, for the log."""
    if conditions.knots is None:
        given = [f"the class ({', '.join(classes)})"]
    else:
        knots = ", ".join(f"{knot:.4g}" for knot in conditions.knots)
        given = [f"the value (a spline with knots at {knots})"]
    given += ["sex"] if conditions.sex else []
    given += [f"the group ({', '.join(conditions.groups)})"] if conditions.groups else []
    return ", ".join(given)


def _place_knots(values: np.ndarray, case: np.ndarray) -> tuple[float, ...]:
    knots = np.unique(np.quantile(values, KNOT_QUANTILES))
    if len(knots) == 1:
        knots = np.array([values[~case].mean(), values[case].mean()])
    return tuple(knots.tolist())
