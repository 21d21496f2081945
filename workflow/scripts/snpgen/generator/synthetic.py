"""Synthetic individuals: their phenotype, sex and group, and the files of a synthetic cohort."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from snpgen.generator.hyperparameters import size_multiple
from snpgen.io.panel import Panel
from snpgen.io.plink import write_fileset
from snpgen.job import log
from snpgen.messages import Code, InputError

BALANCED = "snpgen_balanced"  # the cohort in which all classes have the same size


def count_synthetic(training: int, size: float | None) -> int:
    """Number of synthetic individuals, at least 1; arguments as in `size_multiple`."""
    return max(1, round(size_multiple(training, size) * training))


def assign_phenotypes(
    panel: Panel, cohort: str, n: int, seed: int, min_cell: int = 1
) -> pd.DataFrame:
    """Label, sex, group and phenotype of `n` synthetic individuals, columns as in `Panel.samples`.

    Each row is copied from a training individual. All training individuals are used equally often, in random
    order. In the cohort `BALANCED`, all classes have the same size; the classes of a quantitative trait are
    controls and cases. The value of a quantitative trait is sampled between the value of the training
    individual and an adjacent value with the same phenotype, so that no individual's value is released.

    Training individuals are left out if fewer than `min_cell` have their class, sex and group, because the
    cohort would disclose this number. Raises `InputError` if all individuals of a class are left out.
    """
    rng = np.random.default_rng(seed)
    train = panel.samples("train")
    strata = train[class_column(panel)].to_numpy(int)
    used = np.flatnonzero(_cell_sizes(train, strata) >= min_cell)
    if len(used) < len(train):
        _report_small_cells(strata, used, min_cell)
    if cohort == BALANCED:
        sizes = np.bincount(np.arange(n) % (strata.max() + 1))
        parts = [
            _repeat(used[strata[used] == label], size, rng) for label, size in enumerate(sizes)
        ]
        rows = np.concatenate(parts)
    else:
        rows = _repeat(used, n, rng)
    rows = rng.permutation(rows)
    samples = train.iloc[rows].reset_index(drop=True)
    if not panel.classes:
        samples["label"] = _interpolate(train.label.to_numpy(), strata, rows, rng)
    return samples


def _cell_sizes(train: pd.DataFrame, strata: np.ndarray) -> np.ndarray:
    """Number of training individuals with the class, sex and group of each individual, int (n,)."""
    cells = train.groupby([pd.Series(strata, train.index), "sex", "group"])
    return cells.label.transform("size").to_numpy(int)


def _report_small_cells(strata: np.ndarray, used: np.ndarray, min_cell: int) -> None:
    log.info(
        "%d training individuals whose class, sex and group is that of fewer than %d individuals have no "
        "synthetic individual",
        len(strata) - len(used),
        min_cell,
    )
    if len(np.unique(strata[used])) < len(np.unique(strata)):
        raise InputError(
            Code.TOO_FEW_SAMPLES,
            "in one of the classes, all combinations of sex and group have fewer individuals than "
            f"'release.min_cell' ({min_cell})",
            "Reduce 'release.min_cell', remove a condition (conditions.sex, conditions.group), or merge its groups",
            key="release.min_cell",
        )


def class_column(panel: Panel) -> str:
    """Name of the column of `Panel.samples` that holds the classes; phenotype for a quantitative trait."""
    return "label" if panel.classes else "phenotype"


def _repeat(rows: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Repeat `rows` equally often to obtain `n` rows; the remainder is sampled without replacement."""
    times, remainder = divmod(n, len(rows))
    return np.concatenate([np.tile(rows, times), rng.choice(rows, remainder, replace=False)])


def _interpolate(
    values: np.ndarray, strata: np.ndarray, rows: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """For each of `rows`, a random value between its own value and an adjacent value in its stratum."""
    order = np.lexsort((values, strata))
    rank = np.argsort(order)[rows]
    step = rng.choice([-1, 1], len(rows))
    ends = np.cumsum(np.bincount(strata))  # first rank of the next stratum
    step[np.isin(rank, ends - 1)] = -1
    step[np.isin(rank, [0, *ends])] = 1
    adjacent = values[order[rank + step]]
    return values[rows] + (adjacent - values[rows]) * rng.random(len(rows))


def write_cohort(
    bed: str,
    dosages: np.ndarray,
    samples: pd.DataFrame,
    variants: pd.DataFrame,
    classes: Sequence[str],
) -> None:
    """Write a PLINK 1 fileset (`bed`, .bim, .fam) and the phenotype table `.pheno.tsv`.

    `dosages` int8 (n, m) count the effect alleles of `variants`; `samples` from `assign_phenotypes`;
    `classes` as in `Panel`. The .fam holds sex and phenotype, 1 (control) or 2 (case). The table has the
    columns FID, IID and phenotype (0, 1) and, where they apply, class (its name, if there are more than
    two), value (of a quantitative trait), sex and group. Sample IDs are SYN1 to SYNn, padded with zeros.
    """
    prefix = bed.removesuffix(".bed")
    width = len(str(len(samples)))
    iid = [f"SYN{number:0{width}d}" for number in range(1, len(samples) + 1)]
    table = pd.DataFrame({"FID": iid, "IID": iid, "phenotype": samples.phenotype})
    fam = table.assign(father="0", mother="0", sex=samples.sex, phenotype=samples.phenotype + 1)
    if not classes:
        table["value"] = samples.label
    elif len(classes) > 2:
        table["class"] = np.array(classes)[samples.label.astype(int)]
    if (samples.sex > 0).any():
        table["sex"] = samples.sex
    if (samples.group != "").any():
        table["group"] = samples.group
    write_fileset(prefix, dosages, fam, variants)
    table.to_csv(f"{prefix}.pheno.tsv", sep="\t", index=False)
