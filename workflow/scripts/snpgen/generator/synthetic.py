"""Synthetic people on disk: a PLINK fileset and a phenotype table with ids that are nobody's."""

import numpy as np
import pandas as pd

from snpgen.plink import write_fileset


def balanced_labels(n: int) -> np.ndarray:
    """Labels int64 (n,), half of them cases."""
    return (np.arange(n) % 2).astype(np.int64)


def shuffled_labels(labels: np.ndarray, seed: int) -> np.ndarray:
    """The training labels in another order, so that no synthetic person stands for a real one."""
    return np.random.default_rng(seed).permutation(labels)


def write_cohort(bed: str, dosages: np.ndarray, labels: np.ndarray, variants: pd.DataFrame) -> None:
    """Write `bed` with its .bim and .fam, and beside it `.pheno.tsv` (FID, IID, phenotype 0/1).

    `dosages` int8 (n, n_variants) of the effect alleles of `variants`, `labels` (n,) of 0 and 1.
    """
    prefix = bed.removesuffix(".bed")
    width = len(str(len(labels)))
    iid = [f"SYN{number:0{width}d}" for number in range(1, len(labels) + 1)]
    people = pd.DataFrame({"FID": iid, "IID": iid, "phenotype": labels})
    fam = people.assign(father="0", mother="0", sex=0, phenotype=labels + 1)
    write_fileset(prefix, dosages, fam, variants)
    people.to_csv(f"{prefix}.pheno.tsv", sep="\t", index=False)
