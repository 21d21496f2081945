"""Files of other studies that are not on the variants of the cohort are refused before the GWAS."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from broken_input import MARKERS, check_refusal

from snpgen.association.external_sumstats import (
    N_PREVIEW,
    check_external_sumstats,
    read_external_sumstats,
)
from snpgen.evaluation.scoring_files import ScoringFile, check_scoring_overlap
from snpgen.messages import Code

N_VARIANTS = 20_000
LENGTH = 100_000_000


@pytest.fixture(scope="module")
def variants() -> pd.DataFrame:
    """Variants at random positions of two chromosomes."""
    rng = np.random.default_rng(1)
    chromosome = np.repeat(["1", "2"], N_VARIANTS // 2)
    table = pd.DataFrame(
        {"chromosome": chromosome, "position": rng.integers(1, LENGTH, N_VARIANTS)}
    )
    ids = [f"v{number}" for number in range(N_VARIANTS)]
    return table.assign(variant_id=ids, effect_allele="A", other_allele="G")


def write_study(path: Path, places: pd.DataFrame) -> str:
    table = pd.DataFrame(
        {
            "chromosome": places.chromosome,
            "base_pair_location": places.position,
            "effect_allele": "A",
            "other_allele": "G",
            "beta": 0.1,
            "standard_error": 0.05,
            "effect_allele_frequency": 0.3,
            "p_value": 0.04,
        }
    )
    table.to_csv(path, sep="\t", index=False)
    return str(path)


def random_places(n: int, chromosome: str = "1") -> pd.DataFrame:
    position = np.random.default_rng(2).integers(1, LENGTH, n)
    return pd.DataFrame({"chromosome": chromosome, "position": position})


def test_study_of_the_same_variants_is_accepted(variants: pd.DataFrame, tmp_path) -> None:
    path = write_study(tmp_path / "study.tsv", variants.sample(5_000, random_state=1))
    check_external_sumstats(path, variants, MARKERS, "other")


def test_variants_of_the_cohort_may_come_late_in_the_file(variants: pd.DataFrame, tmp_path) -> None:
    places = pd.concat([random_places(30_000), variants[-3_000:]])
    path = write_study(tmp_path / "study.tsv", places)
    check_external_sumstats(path, variants, MARKERS, "other")


@pytest.mark.parametrize("change", ["shifted", "random", "chromosomes"])
def test_study_of_other_positions_is_refused(variants: pd.DataFrame, tmp_path, change: str) -> None:
    n = 40_000  # about four rows match by chance
    places = random_places(n, "7" if change == "chromosomes" else "1")
    if change == "shifted":
        places = variants.assign(position=variants.position.to_numpy() + LENGTH)
    path = write_study(tmp_path / "study.tsv", places)
    check_refusal(
        lambda: check_external_sumstats(path, variants, MARKERS, "other"),
        Code.SUMSTATS_OVERLAP,
        "study.tsv",
    )


def test_score_of_other_positions_is_refused(variants: pd.DataFrame) -> None:
    own = variants.iloc[[5, 700, 12_000]]
    own = own.assign(effect_allele=["T", "A", "G"], other_allele=["C", "T", "A"], frequency=0.3)
    for table in (own, pd.concat([own, random_places(1_000)])):
        check_scoring_overlap([ScoringFile("PGS1", "PGS1.txt", table, len(table))], variants)
    for places in (random_places(70), random_places(70, "7")):
        score = ScoringFile("PGS1", "PGS1.txt", places, len(places))
        check_refusal(
            lambda score=score: check_scoring_overlap([score], variants),
            Code.SCORE_OVERLAP,
            "PGS1.txt",
        )


@pytest.mark.parametrize(
    ("column", "value"),
    [("p_value", "NA"), ("base_pair_location", "NA"), ("other_allele", "N")],
)
def test_study_without_a_complete_row_is_refused(
    variants: pd.DataFrame, tmp_path, column: str, value: str
) -> None:
    path = write_study(tmp_path / "study.tsv", variants[:300])
    table = pd.read_csv(path, sep="\t", dtype=str).assign(**{column: value})
    table.to_csv(path, sep="\t", index=False)
    error = check_refusal(
        lambda: check_external_sumstats(path, variants, MARKERS, "other"),
        Code.SUMSTATS_OVERLAP,
        "study.tsv",
    )
    assert f"none of the 300 rows is complete: 300 lack {column}" in error.what


def test_score_with_other_alleles_is_refused(variants: pd.DataFrame) -> None:
    table = variants[:50].assign(effect_allele="I", other_allele="D", frequency=np.nan)
    error = check_refusal(
        lambda: check_scoring_overlap([ScoringFile("PGS1", "PGS1.txt", table, 50)], variants),
        Code.SCORE_OVERLAP,
        "PGS1.txt",
    )
    assert "50 have other alleles than the cohort (A/G in the cohort, I/D" in error.what


def test_study_with_other_alleles_is_refused(variants: pd.DataFrame, tmp_path) -> None:
    path = write_study(tmp_path / "study.tsv", variants[:2_000])
    table = pd.read_csv(path, sep="\t").assign(effect_allele="I", other_allele="D")
    table.loc[:150, ["effect_allele", "other_allele"]] = ["C", "T"]  # on the other strand
    table.to_csv(path, sep="\t", index=False)
    error = check_refusal(
        lambda: check_external_sumstats(path, variants, MARKERS, "other"),
        Code.SUMSTATS_OVERLAP,
        "study.tsv",
    )
    assert "only 151 of the first 2,000 rows" in error.what


def test_study_of_few_variants_is_refused(variants: pd.DataFrame, tmp_path) -> None:
    path = write_study(tmp_path / "study.tsv", variants[:900])
    error = check_refusal(
        lambda: check_external_sumstats(path, variants, MARKERS, "other"),
        Code.SUMSTATS_OVERLAP,
        "study.tsv",
    )
    assert "only 900 complete rows for the 20,000" in error.what


@pytest.mark.parametrize(("smallest", "refused"), [(0.01, True), (1.5, False)])
def test_odds_ratios_are_found_in_the_first_rows(
    variants: pd.DataFrame, tmp_path, smallest: float, refused: bool
) -> None:
    """A file that begins with its smallest p-values may begin with large effects of one sign."""
    rng = np.random.default_rng(1)
    path = write_study(tmp_path / "study.tsv", variants)
    log_p = np.sort(smallest + rng.exponential(size=N_VARIANTS))[::-1]
    beta = rng.uniform(0.6, 1.4, N_VARIANTS)
    beta[10_000:] *= -1
    table = pd.read_csv(path, sep="\t").assign(beta=beta, p_value=10**-log_p)
    if refused:
        table = table.assign(beta=np.abs(beta), p_value=rng.permutation(table.p_value))
    table.to_csv(path, sep="\t", index=False)
    preview = partial(read_external_sumstats, path, variants, MARKERS, "other", N_PREVIEW)
    if not refused:
        preview()
        return
    check_refusal(preview, Code.SUMSTATS_SCALE, "study.tsv")
