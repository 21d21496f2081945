"""Covariates that separate cases from controls, so that a logistic regression has no finite estimate."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from snpgen.messages import Code, InputError

_CLASSES = ("controls", "cases")
_SHOWN = 8  # levels named in a message


def check_separation(
    samples: pd.DataFrame, covariates: Sequence[str], categorical: Sequence[str], who: str
) -> None:
    """Raise `InputError` if one covariate separates the cases of `samples` from the controls.

    A categorical covariate separates them if a level has only cases or only controls (quasi-complete
    separation; Albert & Anderson 1984, Biometrika 71:1). A numeric covariate separates them if no case has a
    larger value than any control, or the reverse. `samples` has phenotype (0, 1) and the covariates as
    strings; `who` names the individuals in the message.
    """
    phenotype = samples.phenotype.to_numpy()
    for name in covariates:
        if name in categorical:
            counts = pd.crosstab(samples[name], phenotype).reindex(columns=[0, 1], fill_value=0)
            alone = counts[(counts == 0).any(axis=1)]
            if len(alone):
                raise _separated_levels(name, alone, len(counts) - len(alone), who)
            continue
        values = samples[name].astype(float).to_numpy()
        own = [values[phenotype == label] for label in (0, 1)]
        for low, high in ((0, 1), (1, 0)):
            if own[low].max() <= own[high].min():
                raise InputError(
                    Code.SEPARATING_COVARIATE,
                    f"'{name}' separates cases from controls in {who}: it is at most {own[low].max():g} in "
                    f"all {_CLASSES[low]} and at least {own[high].min():g} in all {_CLASSES[high]}",
                    _remedy_for_number(name, np.unique(values), own),
                    key="covariates",
                )


def _separated_levels(name: str, alone: pd.DataFrame, n_other: int, who: str) -> InputError:
    """The error on the levels `alone` (numbers of controls and cases by level) of a covariate.

    `n_other` other levels have both cases and controls.
    """
    levels = [str(level) for level in alone.index]
    facts = [
        f"all {row.sum()} with '{level}' are {_CLASSES[int(row[1] > 0)]}"
        for level, (_, row) in zip(levels, alone.head(_SHOWN).iterrows(), strict=False)
    ]
    if len(alone) > _SHOWN:
        facts.append(f"{len(alone) - _SHOWN} more levels have only cases or only controls")
    remedy = f"Remove '{name}' from 'covariates'"
    if n_other:
        excluded = " and ".join(f"{_column(name)} != {_value(level)}" for level in levels[:_SHOWN])
        remedy = f"Merge these levels with others, or exclude them (include: {excluded})"
    return InputError(
        Code.SEPARATING_COVARIATE,
        f"'{name}' separates cases from controls in {who}: {', '.join(facts)}",
        remedy,
        key="covariates",
    )


def _column(name: str) -> str:
    """A column in an expression of 'include'."""
    return name if name.isidentifier() else f"`{name}`"


def _value(level: str) -> str:
    """A level in an expression of 'include', where numbers are compared as numbers."""
    return level if level.replace(".", "", 1).isdigit() else f'"{level}"'


def _remedy_for_number(name: str, values: np.ndarray, own: list[np.ndarray]) -> str:
    """Advice for a numeric covariate with the distinct `values`; `own` are those of controls and cases."""
    both = np.intersect1d(own[0], own[1])
    remedy = f"Remove '{name}' from 'covariates'"
    if len(values) == 2 and len(both) == 1:
        condition = f"{_column(name)} == {both[0]:g}"
        remedy += f", and exclude the individuals who carry no information (include: {condition})"
    return remedy
