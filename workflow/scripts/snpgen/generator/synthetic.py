"""Synthetic people: who they are, and their files with ids that are nobody's."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from snpgen.io.panel import Panel
from snpgen.io.plink import write_fileset

BALANCED = "snpgen_balanced"  # the cohort with as many people of each class


def draw_samples(panel: Panel, cohort: str, n: int, seed: int) -> pd.DataFrame:
    """Labels, sex, groups and phenotypes of `n` synthetic people, as columns as in `Panel.people`.

    What a person is goes together as in a training person, in random order and each as often as the
    others; for the cohort `BALANCED` all classes (of a quantitative trait: controls and cases) have
    as many people. Values of a quantitative trait are drawn between those of a training person and
    the next in rank of the same phenotype, so that they are nobody's own.
    """
    rng = np.random.default_rng(seed)
    train = panel.samples("train")
    strata = train[class_column(panel)].to_numpy(int)
    if cohort == BALANCED:
        sizes = np.bincount(np.arange(n) % (strata.max() + 1))
        parts = [
            _repeat(np.flatnonzero(strata == label), size, rng) for label, size in enumerate(sizes)
        ]
        rows = np.concatenate(parts)
    else:
        rows = _repeat(np.arange(len(train)), n, rng)
    rows = rng.permutation(rows)
    samples = train.iloc[rows].reset_index(drop=True)
    if not panel.classes:
        samples["label"] = _between(train.label.to_numpy(), strata, rows, rng)
    return samples


def class_column(panel: Panel) -> str:
    """The column of `Panel.people` that holds classes: of a quantitative trait, the phenotype."""
    return "label" if panel.classes else "phenotype"


def _repeat(rows: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """`n` of `rows`, all as often but for what is left over, which is drawn."""
    times, left = divmod(n, len(rows))
    return np.concatenate([np.tile(rows, times), rng.choice(rows, left, replace=False)])


def _between(
    values: np.ndarray, strata: np.ndarray, rows: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """For each of `rows` a value between its own and that of a neighbour in rank in its stratum."""
    order = np.lexsort((values, strata))
    rank = np.argsort(order)[rows]
    step = rng.choice([-1, 1], len(rows))
    ends = np.cumsum(np.bincount(strata))  # ranks at which the next stratum begins
    step[np.isin(rank, ends - 1)] = -1
    step[np.isin(rank, [0, *ends])] = 1
    neighbour = values[order[rank + step]]
    return values[rows] + (neighbour - values[rows]) * rng.random(len(rows))


def write_cohort(
    bed: str,
    dosages: np.ndarray,
    samples: pd.DataFrame,
    variants: pd.DataFrame,
    classes: Sequence[str],
) -> None:
    """Write `bed` with its .bim and .fam, and beside it `.pheno.tsv`.

    `dosages` int8 (n, n_variants) of the effect alleles of `variants`, `people` as `draw_people`
    gives them, `classes` as in `Panel`. The .fam holds sex and 1 (control) or 2 (case). The table
    holds FID, IID and phenotype (0, 1), then what there is of class (its name, where there are more
    than two), value (of a quantitative trait), sex and group.
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
