"""Ranking by external summary statistics: their evidence for the variants of the cohort."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from snpgen.association.external_sumstats import ExternalSumstats
from snpgen.genetics.harmonisation import MAX_PALINDROME_MAF, check_frequencies, pair_alleles
from snpgen.io.plink_tables import VARIANT_COLUMNS
from snpgen.io.tables import FUNNEL_COLUMNS
from snpgen.job import log
from snpgen.messages import InputError

RANKING_COLUMNS = [
    "chromosome",
    "variant_id",
    "position",
    "effect_allele",
    "other_allele",
    "neg_log_10_p_value",
    "beta",
]
MAX_FREQUENCY_DIFFERENCE = 0.2
MIN_MATCHED = 0.1  # share of our variants
COMPARED_P = 1e-3  # effects are compared below this p
MIN_COMPARED = 20


def harmonise(external: ExternalSumstats, gwas: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The file's evidence for our variants, with our alleles; and the funnel.

    `gwas` has the columns of `sumstats.COLUMNS`. The first result has, in the order of `gwas`,
    `RANKING_COLUMNS` (beta for our effect allele, NaN where the file has none), and the columns
    swapped, other_strand (bool) and our_beta. A variant that the file holds more than once takes the row
    on our strand, and of those the one with the smaller p. Raises `InputError` when fewer than
    `MIN_MATCHED` of our variants are left, and as `check_frequencies` does.
    """
    ours = gwas[[*VARIANT_COLUMNS, "effect_allele_frequency"]].assign(our_beta=gwas.beta)
    pairs = pair_alleles(external.table, ours)
    counts = [external.n_rows, external.n_complete, len(external.table), pairs.row.nunique()]
    check_frequencies(pairs, external.path)
    pairs = pairs[pairs.settled]
    counts.append(pairs.row.nunique())
    frequency = pairs.frequency.where(~pairs.swapped, 1 - pairs.frequency)
    pairs = pairs[~((frequency - pairs.our_frequency).abs() > MAX_FREQUENCY_DIFFERENCE)]
    counts.append(pairs.row.nunique())
    pairs = pairs.sort_values(
        ["our_row", "other_strand", "neg_log_10_p_value"],
        ascending=[True, True, False],
        kind="stable",
    ).drop_duplicates("our_row")
    counts.append(pairs.row.nunique())

    if len(pairs) < MIN_MATCHED * len(gwas):
        raise InputError(
            f"{external.path} holds only {len(pairs)} of our {len(gwas)} variants, which is too few "
            "to rank by: check panel.sumstats_build, that chromosomes are named 1 to 22, and that "
            "the file is of the whole genome and not cut at a p-value"
        )
    log.info("%d of our %d variants are in %s", len(pairs), len(gwas), external.path)
    reasons = [
        ("in the file", ""),
        ("complete", "no position, alleles or p-value"),
        ("position", "no variant of our GWAS there"),
        ("alleles", "other alleles than ours"),
        (
            "strand",
            f"A/T or C/G, and not rare enough (below {MAX_PALINDROME_MAF}) to tell the strand",
        ),
        ("frequency", f"differs from ours by more than {MAX_FREQUENCY_DIFFERENCE}"),
        ("repeats", "a variant again, on the other strand or with a larger p"),
    ]
    funnel = pd.DataFrame(
        {
            "step": [step for step, _ in reasons],
            "unit": "variants",
            "kept": counts,
            "dropped": -np.diff(counts, prepend=counts[0]),
            "reason": [reason for _, reason in reasons],
        }
    )
    ranking = pairs.reset_index(drop=True)
    ranking["beta"] = ranking.beta.where(~ranking.swapped, -ranking.beta)
    for name in ("effect_allele", "other_allele"):
        ranking[name] = gwas[name].to_numpy()[ranking.our_row]
    columns = [*RANKING_COLUMNS, "swapped", "other_strand", "our_beta"]
    return ranking[columns], funnel[FUNNEL_COLUMNS]


def compare_effects(ranking: pd.DataFrame) -> float | None:
    """Correlation of the file's effects with ours, over variants with p below `COMPARED_P` in it.

    None with fewer than `MIN_COMPARED` of them.
    """
    both = ranking[["beta", "our_beta"]][
        ranking.neg_log_10_p_value > -np.log10(COMPARED_P)
    ].dropna()
    return float(both.corr().iloc[0, 1]) if len(both) >= MIN_COMPARED else None


def summarise_ranking(
    external: ExternalSumstats, ranking: pd.DataFrame, build: str, independent: bool
) -> dict[str, Any]:
    """What `ranking.json` holds. Its warnings, whole sentences, are logged as well."""
    file, correlation = Path(external.path).name, compare_effects(ranking)
    warnings = []
    if not independent:
        warnings.append(
            f"Variants were ranked by {file}, whose study may have included people of this cohort: "
            "test people may have been seen, and figures on them may be too good."
        )
    if correlation is not None and correlation < 0:
        warnings.append(
            f"Effects in {file} and in our GWAS point in opposite directions (correlation "
            f"{correlation:.2f}): the file may be of another trait, or name its effect allele "
            "otherwise than its format does."
        )
    for warning in warnings:
        log.warning(warning)
    return {
        "file": file,
        "format": external.format,
        "build": build,
        "independent": independent,
        "n_matched": len(ranking),
        "n_swapped": int(ranking.swapped.sum()),
        "n_other_strand": int(ranking.other_strand.sum()),
        "effect_correlation": correlation,
        "warnings": warnings,
    }
