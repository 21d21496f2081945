"""Phenotype, covariates and conditions of the genotyped individuals: coding, and complete cases."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from snpgen.io.cells import interpret, read_fam_sex, to_numbers
from snpgen.io.matching import MIN_MATCHED
from snpgen.io.sample_tables import Tables
from snpgen.io.tables import make_funnel
from snpgen.job import log
from snpgen.messages import Code, InputError

CODINGS = {"0/1": (0.0, 1.0), "1/2": (1.0, 2.0)}  # control, case
QUANTITATIVE = "quantitative"  # a number; cases have a value of at least the threshold
_SHOWN = 5  # covariates with missing values, in a message
CLASSES = "classes"  # names of classes; the first is the reference (controls)


def class_names(coding: str, classes: Sequence[str]) -> tuple[str, ...]:
    """Names of the classes in order; none for a quantitative phenotype.

    `classes` are the names in the configuration.
    """
    if coding == QUANTITATIVE:
        return ()
    return tuple(classes) if coding == CLASSES else ("control", "case")


def code_phenotype(
    values: pd.Series, coding: str, threshold: float | None = None, classes: Sequence[str] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Phenotypes, int8 (n,) of 0 (control) and 1 (case), and a mask of invalid values.

    `values` are strings or NaN. `coding` is a key of `CODINGS`, `QUANTITATIVE` (cases have a value of at
    least `threshold`) or `CLASSES` (cases have any of `classes` except the first).
    """
    if coding == CLASSES:
        return values.isin(classes[1:]).to_numpy(np.int8), ~values.isin(classes).to_numpy()
    numbers = to_numbers(values).to_numpy()
    if coding == QUANTITATIVE:
        return (numbers >= threshold).astype(np.int8), np.isnan(numbers)
    control, case = CODINGS[coding]
    return (numbers == case).astype(np.int8), (numbers != case) & (numbers != control)


def check_threshold(values: pd.Series, threshold: float, column: str, file: str) -> None:
    """Raise `InputError` unless some values are below the threshold and some are not."""
    if not values.min() < threshold <= values.max():
        raise InputError(
            Code.PHENOTYPE_CODING,
            f"'{column}' ranges from {values.min():g} to {values.max():g}, so 'threshold' {threshold:g} "
            "leaves no cases or no controls",
            "Correct 'threshold' in the phenotype's file",
            file=file,
        )
    if values.min() < -9:
        log.warning("column %s has values below -9, but -9 itself is read as missing", column)


def find_sex(tables: Tables) -> np.ndarray:
    """Sex of each individual, int8 (n,) of 1 (male), 2 (female) or 0 (unknown).

    Sex is read from the column sex of a table, or from the .fam if no table has values of it. Raises
    `InputError` if the sex of every individual is unknown.
    """
    sex = tables.column("sex", "conditions.sex")
    if sex.isna().all():
        log.info("%s: no sex, so it is read from the .fam", ", ".join(tables.paths))
        sex = read_fam_sex(tables.samples.sex)
    coded = sex.fillna("0").to_numpy(np.int8)
    if not coded.any():
        raise InputError(
            Code.NO_VALUES,
            "the sex of every individual is unknown",
            "Write the sex to the .fam as 1 (male) or 2 (female), or set 'conditions.sex' to false",
            key="conditions.sex",
        )
    return coded


def describe_losses(funnel: pd.DataFrame) -> str:
    """The numbers of individuals that each step of a funnel leaves out, the largest first; "" if none."""
    steps = funnel[(funnel.unit == "samples") & (funnel.dropped > 0)]
    steps = steps.sort_values("dropped", ascending=False, kind="stable")
    if steps.empty:
        return ""
    shown = "; ".join(f"{n} ({why})" for n, why in zip(steps.dropped, steps.reason, strict=True))
    return f"Individuals left out: {shown}"


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
    min_matched: float = MIN_MATCHED,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Find the individuals with genotypes, phenotype, group and all covariates.

    `samples` has FID, IID and sex. `paths` are the table of the phenotype and, if covariates are in another
    file, the table of covariates; each must have the share `min_matched` of the individuals. Returns the
    individuals, sorted by IID, and the funnel. The table of individuals has FID, IID, sex; phenotype (0, 1;
    see `code_phenotype`); value (float64) of a quantitative phenotype; class (the name) if there are
    `classes`; sex_code (see `find_sex`) if `sex`; group, the values of the column `group`, if it is given; and
    the covariates as strings. If sex is a covariate, the column sex holds this covariate. Raises `InputError`
    if the phenotype, a condition or a covariate cannot be used.
    """
    tables = Tables(samples, paths, min_matched)
    individuals = tables.samples
    steps = [
        ("genotyped", len(samples), ""),
        ("in the table", len(individuals), "not in the table"),
    ]
    included = np.ones(len(individuals), dtype=bool)
    if include:
        included = tables.included(include, categorical)
        steps.append(("included", included.sum(), f"not selected by include: {include}"))

    # The names in the table are interpreted like other cells: the class 1 may be written 1.0.
    names = interpret(pd.Series(classes, dtype=str), "classes", classes=frozenset(classes))
    values = tables.column(column, "column", classes=frozenset(classes) - {"NA"})
    if classes:
        values = values.replace(dict(zip(names, classes, strict=True)))
    known = included & values.notna().to_numpy()
    steps.append(("phenotype known", known.sum(), "phenotype missing"))
    if not known.any():
        raise InputError(
            Code.NO_VALUES,
            f"'{column}' is missing for all included individuals",
            "Correct 'column' or 'include'",
            file=paths[0],
        )
    phenotype, wrong = code_phenotype(values, coding, threshold, classes)
    if (wrong & known).any():
        cells = values[wrong & known]
        if coding == QUANTITATIVE:
            what, remedy = (
                "cannot be read as numbers",
                "Correct the values, or write NA if they are missing",
            )
            raise tables.words_error(column, cells, what, remedy, Code.PHENOTYPE_CODING)
        key, declared = ("classes", ", ".join(classes)) if classes else ("coding", coding)
        file, line, row = tables.first_place(column, cells)
        iid = individuals.IID[row]
        raise InputError(
            Code.PHENOTYPE_CODING,
            f"'{column}' is {values[row]} for sample {iid}, but {key} is \"{declared}\"",
            f"Correct '{key}', or set the value to NA",
            file=file,
            line=line,
            sample=iid,
        )

    result = individuals[["FID", "IID"]].assign(
        sex=read_fam_sex(individuals.sex).fillna("0"), phenotype=phenotype
    )
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
                Code.NO_VALUES,
                f"'{group}' is missing for all included individuals",
                "Correct 'conditions.group'",
                file=tables.file(group),
            )
    complete = known.copy()
    missing = {}
    for name in covariates:
        raw = tables.column(name, "covariates", numeric=name not in categorical)
        if not raw[known].notna().any():
            raise InputError(
                Code.NO_VALUES,
                f"covariate '{name}' is missing for all included individuals",
                "Remove it from 'covariates'",
                file=tables.file(name),
            )
        if name not in categorical:
            words = known & raw.notna() & to_numbers(raw).isna()
            if words.any():
                raise tables.words_error(
                    name,
                    raw[words],
                    "cannot be read as numbers",
                    "Correct the values, write NA if they are missing, or list the covariate in 'categorical'",
                )
        complete &= raw.notna().to_numpy()
        missing[name] = raw[known].isna().sum()
        result[name] = raw
    counts = sorted(((n, name) for name, n in missing.items() if n), key=lambda one: -one[0])
    reason = "a covariate missing: " + ", ".join(f"{name} {n}" for n, name in counts[:_SHOWN])
    reason += f" and {len(counts) - _SHOWN} other covariates" * (len(counts) > _SHOWN)
    if covariates:
        steps.append(("covariates known", complete.sum(), reason if counts else ""))
    result = result[complete]
    if result.empty:
        raise InputError(
            Code.TOO_FEW_SAMPLES,
            f"No individual has values of '{column}' and all covariates ({reason})",
            "Remove the covariates with the most missing values",
        )
    absent = [name for name in classes if name not in set(result["class"])]
    left_out = (values == absent[0]).sum() if absent else 0
    if left_out:
        raise InputError(
            Code.TOO_FEW_SAMPLES,
            f"None of the individuals of class {absent[0]} is left, of {left_out} in the table. "
            f"{describe_losses(make_funnel(steps, 'samples'))}",
            "Correct 'covariates' or 'include', or remove the class from 'classes'",
        )
    if absent:
        raise InputError(
            Code.PHENOTYPE_CODING,
            f"'classes' lists {absent[0]}, but no included individual has this value in '{column}'",
            "Correct 'classes'",
            file=tables.file(column),
        )
    for name in covariates:
        values = result[name] if name in categorical else to_numbers(result[name])
        if values.nunique() == 1:
            raise InputError(
                Code.COLLINEAR_COVARIATE,
                f"covariate '{name}' is {result[name].iloc[0]} for all included individuals",
                "Remove it from 'covariates'",
                file=tables.file(name),
            )

    matches = [match.funnel() for match in tables.matches]
    return result, pd.concat([*matches, make_funnel(steps, "samples")], ignore_index=True)


def find_samples(
    samples: pd.DataFrame,
    paths: Sequence[str],
    settings: dict,
    conditions: dict,
    min_matched: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Call `check_phenotype` with the `settings` of a phenotype's file and the configured `conditions`."""
    keys = ("column", "coding", "covariates", "categorical", "include", "threshold", "classes")
    own = {key: settings[key] for key in keys if key in settings}
    return check_phenotype(samples, paths, **own, **conditions, min_matched=min_matched)


def read_groups(
    samples: pd.DataFrame, paths: Sequence[str], column: str, iid: np.ndarray
) -> np.ndarray:
    """Group str (n,) of the individuals `iid` (n,) for the evaluation, "" if it is missing.

    It is read from the first of the tables `paths` that has the `column`; `samples` has FID, IID and sex.
    Raises `InputError` if no table has this column, or if it has no values.
    """
    tables = Tables(samples, paths, min_matched=0)
    values = tables.column(column, "evaluation.group")
    found = values.set_axis(tables.samples.IID).reindex(iid)
    if found.isna().all():
        raise InputError(
            Code.NO_VALUES,
            f"'{column}' is missing for all individuals",
            "Correct 'evaluation.group'",
            file=tables.file(column),
            key="evaluation.group",
        )
    return found.fillna("").to_numpy(np.str_)
