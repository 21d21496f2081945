"""Genome-wide scan of one chromosome: filters and logistic regression in training people."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from snpgen.association.logistic import NullModel, fit_variants, pairwise_products
from snpgen.association.sumstats import COLUMNS
from snpgen.job import log
from snpgen.plink import MISSING, VARIANT_COLUMNS, Fileset

BLOCK_GENOTYPES = 2**19  # genotypes that are fitted at once, so that their arrays stay in cache
DEVIATIONS = 40  # of the number of heterozygotes: what lies further out has no weight


@dataclass(frozen=True)
class Filters:
    """What a variant must reach in the training people; the last in training controls."""

    min_maf: float
    min_call_rate: float
    min_hwe_p: float


def hardy_weinberg_p(hom1: int, het: int, hom2: int) -> float:
    """Exact p of Hardy-Weinberg equilibrium for these genotype counts (Wigginton et al. 2005).

    The sum of the probabilities, given the allele counts, of all numbers of heterozygotes that are
    no more likely than the one seen. Probabilities far below 1e-50 come out as 0.
    """
    return float(hardy_weinberg(np.array([hom1]), np.array([het]), np.array([hom2]))[0])


def hardy_weinberg(hom1: np.ndarray, het: np.ndarray, hom2: np.ndarray) -> np.ndarray:
    """`hardy_weinberg_p` of many variants: counts (m,) to p (m,)."""
    people = hom1 + het + hom2
    rare = 2 * np.minimum(hom1, hom2) + het
    log_factorial = np.concatenate(
        [[0.0], np.cumsum(np.log(np.arange(1, 2 * people.max(initial=0) + 1)))]
    )
    p = np.ones(len(people))
    for j in np.flatnonzero(rare):
        n, n_rare = int(people[j]), int(rare[j])
        share = n_rare / (2 * n)
        expected = 2 * n * share * (1 - share)
        reach = DEVIATIONS * 2 * share * (1 - share) * np.sqrt(n) + 100
        low = max(n_rare % 2, int(expected - reach) // 2 * 2 + n_rare % 2)
        n_het = np.arange(low, min(n_rare, int(expected + reach)) + 1, 2)
        few = (n_rare - n_het) // 2
        log_weight = (
            n_het * np.log(2)
            - log_factorial[n_het]
            - log_factorial[few]
            - log_factorial[n - n_het - few]
        )
        weight = np.exp(log_weight - log_weight.max())
        seen = np.flatnonzero(n_het == het[j])
        # A little slack, so that equally likely counts are not told apart by rounding.
        p[j] = (
            weight[weight <= weight[seen[0]] * (1 + 1e-9)].sum() / weight.sum() if len(seen) else 0
        )
    return p


def _genotype_counts(dosages: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of people with no, one and two effect alleles, each (m,)."""
    het, hom = (dosages == 1).sum(axis=0), (dosages == 2).sum(axis=0)
    return len(dosages) - het - hom - (dosages == MISSING).sum(axis=0), het, hom


def _filtered(
    fileset: Fileset,
    variants: np.ndarray,
    samples: np.ndarray,
    controls: np.ndarray,
    filters: Filters,
    chunk_size: int,
    threads: int,
    dropped: dict[str, int],
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield the rows that pass, their frequencies and dosages; add to the counts in `dropped`."""
    done = 0
    for rows, dosages in fileset.chunks(variants, samples, chunk_size, threads):
        done += len(rows)
        log.info("%d of %d variants", done, len(variants))
        none, het, hom = _genotype_counts(dosages)
        n_called = none + het + hom
        frequency = (het + 2 * hom) / np.maximum(2 * n_called, 1)
        maf = np.minimum(frequency, 1 - frequency)
        called = n_called >= filters.min_call_rate * len(samples)
        common = (maf >= filters.min_maf) & (maf > 0)
        balanced = hardy_weinberg(*_genotype_counts(dosages[controls])) >= filters.min_hwe_p
        dropped["call rate"] += int((~called).sum())
        dropped["allele frequency"] += int((called & ~common).sum())
        dropped["Hardy-Weinberg"] += int((called & common & ~balanced).sum())
        passing = called & common & balanced
        yield rows[passing], frequency[passing], dosages[:, passing]


def _blocks(
    chunks: Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]], size: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Regroup chunks into blocks of exactly `size` variants, but for the last.

    The fit then sees the same blocks, and gives the same bits, whatever the chunk size.
    """
    held: list[np.ndarray] | None = None
    for chunk in chunks:
        held = (
            list(chunk)
            if held is None
            else [np.concatenate(pair, axis=-1) for pair in zip(held, chunk, strict=True)]
        )
        while len(held[0]) >= size:
            rows, frequency, dosages = (part[..., :size] for part in held)
            yield rows, frequency, dosages
            held = [part[..., size:] for part in held]
    if held is not None and len(held[0]):
        yield held[0], held[1], held[2]


def scan(
    fileset: Fileset,
    variants: np.ndarray,
    samples: np.ndarray,
    null: NullModel,
    filters: Filters,
    chunk_size: int,
    threads: int = 1,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Associations of `variants` (rows of the fileset) in `samples`, people as in `null`.

    Returns the summary statistics (columns of `sumstats.COLUMNS`) and the funnel: step, unit, kept,
    dropped, reason. Of variants with the same chromosome, position, alleles and id the first stays.
    """
    repeated = fileset.variants.iloc[variants].duplicated(VARIANT_COLUMNS).to_numpy()
    steps = {
        "genotype files": "",
        "duplicates": "same chromosome, position, alleles and id as an earlier variant",
        "call rate": f"called in less than {filters.min_call_rate:g} of the training people",
        "allele frequency": f"minor allele frequency in training people 0 or below {filters.min_maf:g}",
        "Hardy-Weinberg": f"exact p in training controls below {filters.min_hwe_p:g}",
        "regression": "neither the likelihood nor the penalised likelihood has a maximum",
    }
    dropped = dict.fromkeys(steps, 0)
    dropped["duplicates"] = int(repeated.sum())

    controls = np.flatnonzero(null.phenotype == 0)
    chunks = _filtered(
        fileset, variants[~repeated], samples, controls, filters, chunk_size, threads, dropped
    )
    products = pairwise_products(null.basis)
    tables = [fileset.variants.iloc[:0]]
    for rows, frequency, dosages in _blocks(chunks, max(8, BLOCK_GENOTYPES // len(samples))):
        effects = fit_variants(dosages, null, products)
        fitted = pd.DataFrame(asdict(effects), index=rows)
        fitted["effect_allele_frequency"] = frequency
        fitted["test"] = np.where(effects.firth, "firth", "logistic")
        tables.append(fileset.variants.iloc[rows].join(fitted))
    table = pd.concat(tables).reindex(columns=COLUMNS)
    dropped["regression"] = int(table.beta.isna().sum())
    table = table[table.beta.notna()].sort_values(["position", "variant_id"], ignore_index=True)

    counts = pd.Series(dropped)
    funnel = pd.DataFrame(
        {
            "step": steps.keys(),
            "unit": "variants",
            "kept": (len(variants) - counts.cumsum()).to_numpy(),
            "dropped": counts.to_numpy(),
            "reason": steps.values(),
        }
    )
    return table, funnel
