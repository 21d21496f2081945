"""Ranking of the cohort's variants by external summary statistics."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from snpgen.association.external_sumstats import MIN_MATCHED, ExternalSumstats
from snpgen.association.shrinkage import correct_effects
from snpgen.genetics.harmonisation import (
    MAX_PALINDROME_MAF,
    Step,
    check_frequencies,
    explain_losses,
    pair_alleles,
    show_alleles,
)
from snpgen.io.matching import FEW
from snpgen.io.plink_tables import VARIANT_COLUMNS
from snpgen.io.tables import make_funnel
from snpgen.job import log
from snpgen.messages import Code, InputError

RANKING_COLUMNS = [
    "chromosome",
    "variant_id",
    "position",
    "effect_allele",
    "other_allele",
    "neg_log_10_p_value",
    "beta",
    "standard_error",
    "beta_corrected",
]
MAX_FREQUENCY_DIFFERENCE = 0.2
MAX_COMPARED_P = 1e-3  # effects are compared for variants with a smaller external p-value
MIN_COMPARED = 20  # variants


def harmonise(external: ExternalSumstats, gwas: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Harmonise external summary statistics with the GWAS of the cohort; returns the ranking and the funnel.

    `gwas` has the columns of `sumstats.COLUMNS`. The ranking has one row per matched variant, in the order of
    `gwas`. Its columns are `RANKING_COLUMNS`, swapped and other_strand (bool, from `align`), and our_beta
    (the effect in `gwas`). Its beta is the external effect of the effect allele of `gwas`, and beta_corrected
    this effect after `correct_effects`; NaN if beta or standard_error is missing. If several rows of the file
    match a variant, rows on the cohort's strand are preferred, and among these the row with the smallest
    p-value. Raises `InputError` if fewer than `MIN_MATCHED` of the variants in `gwas`
    remain, or if `check_frequencies` rejects the file.
    """
    ours = gwas[[*VARIANT_COLUMNS, "effect_allele_frequency"]].assign(our_beta=gwas.beta)
    pairs = paired = pair_alleles(external.table, ours)
    counts = [external.n_rows, external.n_complete, len(external.table), pairs.row.nunique()]
    check_frequencies(pairs, external.path)
    unsettled = pairs[~pairs.settled]
    unknown = int((unsettled.frequency.isna() | unsettled.our_frequency.isna()).sum())
    pairs = settled = pairs[pairs.settled]
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
        numbers, remedy = _explain(external, gwas, (paired, settled, pairs))
        raise InputError(
            Code.SUMSTATS_OVERLAP,
            f"only {len(pairs):,} of the {len(gwas):,} variants of the cohort can be ranked by the file. Of "
            f"the others, {numbers}",
            remedy,
            file=external.path,
        )
    log.info("%d of the %d variants of the cohort are in %s", len(pairs), len(gwas), external.path)
    if len(pairs) < FEW * len(gwas):
        numbers, _ = _explain(external, gwas, (paired, settled, pairs))
        log.warning("warning: %s: few variants match. Of the others, %s", external.path, numbers)
    reasons = {
        "in the file": "",
        "complete": "no position, alleles or p-value",
        "position": "no variant of the cohort at this position",
        "alleles": "alleles differ from the alleles of the cohort",
        "strand": f"A/T or C/G without a frequency ({unknown:,} rows), or with a minor allele frequency of "
        f"{MAX_PALINDROME_MAF} or more ({counts[3] - counts[4] - unknown:,} rows)",
        "frequency": f"frequency differs from the cohort by more than {MAX_FREQUENCY_DIFFERENCE}",
        "duplicates": "duplicate of a variant, on the other strand or with a larger p-value",
    }
    ranking = pairs.reset_index(drop=True)
    ranking["beta"] = ranking.beta.where(~ranking.swapped, -ranking.beta)
    errors = ranking.standard_error.where(ranking.standard_error > 0)
    ranking["beta_corrected"] = correct_effects(ranking.beta.to_numpy(), errors.to_numpy())
    for name in ("effect_allele", "other_allele"):
        ranking[name] = gwas[name].to_numpy()[ranking.our_row]
    columns = [*RANKING_COLUMNS, "swapped", "other_strand", "our_beta"]
    return ranking[columns], make_funnel(list(zip(reasons, counts, reasons.values(), strict=True)))


def _explain(
    external: ExternalSumstats, gwas: pd.DataFrame, pairs: Sequence[pd.DataFrame]
) -> tuple[str, str]:
    """Numbers of variants of `gwas` that cannot be ranked, by reason, and the remedy for the largest.

    `pairs` are the pairs with the same alleles, those of known strand, and those with similar frequencies.
    """
    keys = ["chromosome", "position"]
    known, found = (pd.MultiIndex.from_frame(table[keys]) for table in (gwas, external.table))
    at_position = known.isin(found)
    paired, settled, similar = (np.isin(np.arange(len(gwas)), table.our_row) for table in pairs)
    listed = ", ".join(external.chromosomes[:3]) or "none"
    place = "are at positions that are not in the file"
    remedy = "Check that the file is on the build of the cohort ('panel.sumstats_build'), or lift it over"
    is_short = external.n_complete < max(external.n_rows / 2, MIN_MATCHED * len(gwas))
    if external.n_complete < external.n_rows / 2:
        lacking = external.describe_missing()
        place = f"have no complete row in the file: of its {external.n_rows:,} rows, {lacking}"
        remedy = "Fill in these columns, or remove the rows without values"
    elif is_short:
        place = f"are not in the file, which has only {external.n_complete:,} rows"
        remedy = "Give all variants of the study, not only those below a p-value threshold"
    others = ~paired & at_position
    alleles = show_alleles(gwas[others], external.table)
    same_chromosome = gwas.chromosome.isin(external.chromosomes).to_numpy()
    steps = [
        Step(
            same_chromosome | is_short,
            f"are on chromosomes that are not in the file (it has {listed})",
            "Name chromosomes as in the .bim, from 1 to 22, and give a file that contains them",
        ),
        Step(at_position, place, remedy),
        Step(
            paired,
            f"have other alleles in the file{alleles}",
            "Write the alleles of both files as bases (A, C, G, T) of the same variants",
        ),
        Step(
            settled,
            f"are A/T or C/G variants without a frequency in the file, or with a minor allele frequency of "
            f"{MAX_PALINDROME_MAF} or more",
            "Add effect allele frequencies to the file",
        ),
        Step(
            similar,
            f"have a frequency that differs by more than {MAX_FREQUENCY_DIFFERENCE}",
            "Give a study of the same ancestry, and frequencies of the effect allele",
        ),
    ]
    return explain_losses(steps)


def compare_effects(ranking: pd.DataFrame) -> float | None:
    """Correlation of external effects and effects in the GWAS of the cohort.

    Only variants with an external p-value below `MAX_COMPARED_P` are used. None if fewer than `MIN_COMPARED`
    of these have both effects.
    """
    both = ranking[["beta", "our_beta"]][
        ranking.neg_log_10_p_value > -np.log10(MAX_COMPARED_P)
    ].dropna()
    return float(both.corr().iloc[0, 1]) if len(both) >= MIN_COMPARED else None


def summarise_ranking(
    external: ExternalSumstats, ranking: pd.DataFrame, build: str, independent: bool
) -> dict[str, Any]:
    """The content of `ranking.json`; its warnings (`kind` and `facts`) are also logged."""
    file, correlation = Path(external.path).name, compare_effects(ranking)
    warnings: list[dict[str, Any]] = []
    if not independent:
        log.warning("the study of %s may include individuals of the test set", file)
        warnings.append({"kind": "sample_overlap", "facts": {"file": file}})
    if correlation is not None and correlation < 0:
        log.warning(
            "effects in %s have a correlation of %.2f with effects in the GWAS of the cohort",
            file,
            correlation,
        )
        facts = {"file": file, "correlation": correlation}
        warnings.append({"kind": "opposite_effects", "facts": facts})
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
