"""Phenotypes, covariates and conditions of the genotyped people: their coding, and complete cases."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from snpgen.io.tables import FUNNEL_COLUMNS, Tables, to_numbers
from snpgen.job import log
from snpgen.messages import InputError

CODINGS = {"0/1": (0.0, 1.0), "1/2": (1.0, 2.0)}  # control, case
QUANTITATIVE = "quantitative"  # the coding of numbers, of which a threshold makes cases
CLASSES = "classes"  # the coding of names, of which the first stands for controls


def class_names(coding: str, classes: Sequence[str]) -> tuple[str, ...]:
    """Names of the classes in order; none for a quantitative phenotype. `classes` are the declared."""
    if coding == QUANTITATIVE:
        return ()
    return tuple(classes) if coding == CLASSES else ("control", "case")


def code_phenotype(
    values: pd.Series, coding: str, threshold: float | None = None, classes: Sequence[str] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Phenotypes int8 of 0 (control) and 1 (case), and a mask of values that are neither.

    `values` are strings, or NaN; `coding` is a key of `CODINGS`, or `QUANTITATIVE`, where a case has
    a number of at least `threshold`, or `CLASSES`, where a case has one of `classes` but the first.
    """
    if coding == CLASSES:
        return values.isin(classes[1:]).to_numpy(np.int8), ~values.isin(classes).to_numpy()
    numbers = to_numbers(values).to_numpy()
    if coding == QUANTITATIVE:
        return (numbers >= threshold).astype(np.int8), np.isnan(numbers)
    control, case = CODINGS[coding]
    return (numbers == case).astype(np.int8), (numbers != case) & (numbers != control)


def check_threshold(values: pd.Series, threshold: float, column: str, file: str) -> None:
    """Raise `InputError` unless the threshold has values below it and values from it on."""
    if not values.min() < threshold <= values.max():
        raise InputError(
            f"{file}: {column} runs from {values.min():g} to {values.max():g}, so that threshold "
            f"{threshold:g} leaves no cases or no controls: correct it in the phenotype's file"
        )
    if values.min() < -9:
        log.warning("-9 counts as missing in %s, although smaller values are there", column)


def find_sex(tables: Tables) -> np.ndarray:
    """Sex of each person as the generator takes it, int8 of 1 (male), 2 (female) or 0 (unknown).

    From a table where it stands there as 1 and 2 (biobanks have other codings), else from the .fam.
    Raises `InputError` where nobody's is known.
    """
    sex = tables.column("sex", "conditions.sex")
    known = sex.dropna()
    if known.empty or not known.isin(["1", "2"]).all():
        log.info("sex is not 1 (male) or 2 (female) in %s: that of the .fam counts", tables.paths)
        sex = tables.samples.sex
    coded = sex.map({"1": 1, "2": 2}).fillna(0).to_numpy(np.int8)
    if not coded.any():
        raise InputError(
            "conditions.sex is true, but nobody's sex is known: write it to the .fam as 1 (male) and "
            "2 (female), or switch conditions.sex off"
        )
    return coded


def check_phenotype(
    samples: pd.DataFrame,
    paths: Sequence[str],
    column: str,
    coding: str,
    covariates: Sequence[str] = (),
    categorical: Sequence[str] = (),
    include: str | None = None,
    threshold: float | None = None,
    classes: Sequence[str] = (),
    sex: bool = False,
    group: str | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """People with genotypes, phenotype, group and covariates, in the order of `samples`; the funnel.

    `samples` has FID, IID, sex; `paths` the phenotype's table and, if covariates stand apart, a
    second. The people come as FID, IID, sex, phenotype (0, 1; see `code_phenotype`); value (float64)
    of a quantitative phenotype, class (the name) of one of `classes`; if asked for, sex_code (see
    `find_sex`) and group, the values of that column; and the covariates as they stand in the tables
    (`sex` is the covariate where it is one). Raises `InputError` on anything that would make the
    phenotype, a condition or a covariate unusable.
    """
    tables = Tables(samples, paths)
    individuals = tables.samples
    steps = [
        ("genotyped", len(samples), ""),
        ("in the table", len(individuals), "not in the table"),
    ]
    wanted = np.ones(len(individuals), dtype=bool)
    if include:
        wanted = tables.included(include)
        steps.append(("included", wanted.sum(), f"not {include}"))

    values = tables.column(column, "column")
    known = wanted & values.notna().to_numpy()
    steps.append(("phenotype known", known.sum(), "phenotype missing"))
    if not known.any():
        raise InputError(
            f"{paths[0]}: nobody left has a value of {column}: correct column or include"
        )
    phenotype, wrong = code_phenotype(values, coding, threshold, classes)
    if (wrong & known).any():
        row = np.flatnonzero(wrong & known)[0]
        iid = individuals.IID[row]
        key, declared = ("classes", ", ".join(classes)) if classes else ("coding", coding)
        raise InputError(
            f"{tables.place(column, iid)}: {column} of {iid} is {values[row]} where {key} {declared} "
            f"is declared: correct {key}, or make the value NA"
        )

    result = individuals[["FID", "IID", "sex"]].assign(phenotype=phenotype)
    if threshold is not None:
        result["value"] = to_numbers(values)
        check_threshold(result.value[known], threshold, column, tables.file(column))
    if classes:
        result["class"] = values
    if sex:
        result["sex_code"] = find_sex(tables)
    if group:
        result["group"] = tables.column(group, "conditions.group")
        known &= result.group.notna().to_numpy()
        steps.append(("group known", known.sum(), f"{group} missing"))
        if not known.any():
            raise InputError(
                f"{tables.file(group)}: nobody left has a value of {group}: correct conditions.group"
            )
    complete = known.copy()
    for name in covariates:
        raw = tables.column(name, "covariates")
        if not raw[known].notna().any():
            raise InputError(
                f"{tables.file(name)}: covariate {name} is missing for everyone: leave it out"
            )
        if name not in categorical:
            text = np.flatnonzero(known & raw.notna() & to_numbers(raw).isna())
            if len(text):
                iid = individuals.IID[text[0]]
                raise InputError(
                    f"{tables.place(name, iid)}: covariate {name} of {iid} is {raw[text[0]]}, not a "
                    "number: correct it, or list the covariate under categorical"
                )
        complete &= raw.notna().to_numpy()
        result[name] = raw
    if covariates:
        steps.append(("covariates known", complete.sum(), "a covariate missing"))
    result = result[complete]
    if result.empty:
        raise InputError(f"nobody has {column} and all covariates: leave out those that lack most")
    absent = [name for name in classes if name not in set(result["class"])]
    if absent:
        raise InputError(
            f"{tables.file(column)}: nobody left is {absent[0]} in {column}: correct classes"
        )
    for name in covariates:
        values = result[name] if name in categorical else to_numbers(result[name])
        if values.nunique() == 1:
            raise InputError(
                f"{tables.file(name)}: covariate {name} is {result[name].iloc[0]} for everyone left: "
                "leave it out of covariates"
            )

    kept = np.array([count for _, count, _ in steps])
    funnel = pd.DataFrame(
        {
            "step": [step for step, _, _ in steps],
            "unit": "samples",
            "kept": kept,
            "dropped": -np.diff(kept, prepend=kept[0]),
            "reason": [reason for _, _, reason in steps],
        }
    )
    return result, funnel[FUNNEL_COLUMNS]


def find_samples(
    samples: pd.DataFrame, paths: Sequence[str], settings: dict, conditions: dict
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`check_phenotype` with the settings of a phenotype's file and of the section conditions."""
    return check_phenotype(
        samples,
        paths,
        settings["column"],
        settings["coding"],
        settings.get("covariates", []),
        settings.get("categorical", []),
        settings.get("include"),
        settings.get("threshold"),
        settings.get("classes", []),
        conditions["sex"],
        conditions["group"],
    )
