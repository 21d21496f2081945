"""The checks of a fileset: chromosomes, genome build, call rates."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from snpgen.cohort.qc import check_samples, rows_on, sample_call_rates
from snpgen.genetics.builds import CENTROMERES, LENGTHS, check_build, detect_build, read_markers
from snpgen.io.plink import MISSING, open_fileset, write_fileset
from snpgen.messages import InputError

MARKERS = read_markers(Path(__file__).parents[3] / "resources" / "build_markers.tsv")


def make_variants(rows: list[tuple[str, str, int]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["chromosome", "variant_id", "position"])


@pytest.fixture
def fileset(tmp_path: Path):
    rng = np.random.default_rng(1)
    dosages = rng.binomial(2, 0.3, (10, 3_000)).astype(np.int8)
    dosages[4, :300] = MISSING
    dosages[7, 2_000:] = MISSING
    iid = [f"p{number}" for number in range(10)]
    samples = pd.DataFrame({"FID": iid, "IID": iid})
    samples = samples.assign(father="0", mother="0", sex="2", phenotype="-9")
    variants = pd.DataFrame({"chromosome": ["1"] * 1_500 + ["2"] * 1_000 + ["X"] * 500})
    variants["variant_id"] = [f"v{number}" for number in range(3_000)]
    variants = variants.assign(position=np.arange(3_000), effect_allele="A", other_allele="G")
    write_fileset(str(tmp_path / "set"), dosages, samples, variants)
    return open_fileset(str(tmp_path / "set"), ["1", "2"])


def test_call_rates_count_only_the_configured_chromosomes(fileset) -> None:
    rows = rows_on(fileset, ["1", "2"])
    np.testing.assert_array_equal(rows, np.arange(2_500))
    expected = np.ones(10)
    expected[4], expected[7] = 1 - 300 / 2_500, 1 - 500 / 2_500
    np.testing.assert_allclose(sample_call_rates(fileset, rows, threads=1), expected)


def test_people_with_few_calls_are_dropped_and_counted(fileset) -> None:
    individuals, funnel = check_samples(fileset, rows_on(fileset, ["1", "2"]), 0.85, threads=1)
    assert list(individuals.columns) == ["FID", "IID", "sex", "call_rate"]
    assert list(individuals.IID) == [f"p{number}" for number in range(10) if number != 7]
    counts = funnel.set_index(["unit", "step"])
    assert tuple(counts.loc[("samples", "called"), ["kept", "dropped"]]) == (9, 1)
    on = counts.loc[("variants", "on the configured chromosomes")]
    assert (on.kept, on.dropped) == (2_500, 500)


def test_nobody_with_enough_calls(fileset) -> None:
    with pytest.raises(InputError, match=r"nobody in .*set\.fam has a call rate of 1\.1"):
        check_samples(fileset, rows_on(fileset, ["1", "2"]), 1.1, threads=1)


def test_chromosome_without_variants(fileset) -> None:
    with pytest.raises(InputError, match=r"set\.bim: no variant on chromosome 3"):
        rows_on(fileset, ["1", "2", "3"])


def test_markers_fit_their_chromosomes() -> None:
    assert MARKERS.variant_id.is_unique and len(MARKERS) >= 40
    for build, column in (("GRCh37", "grch37"), ("GRCh38", "grch38")):
        assert (MARKERS[column] < MARKERS.chromosome.map(LENGTHS[build])).all()
    # Neighbours move together when a build changes: no typing error in one of two columns.
    near = MARKERS.sort_values(["chromosome", "grch37"])
    together = (near.chromosome == near.chromosome.shift()) & (near.grch37.diff() < 1_000_000)
    assert together.sum() >= 8
    assert ((near.grch38 - near.grch37).diff()[together].abs() < 100).all()
    # A position counted from 0 on one build must not look like one of the other.
    assert ((MARKERS.grch38 - MARKERS.grch37).abs() > 1).all()


def test_lengths_of_the_builds() -> None:
    for build in LENGTHS.values():
        assert list(build) == list(CENTROMERES) == [str(number) for number in range(1, 23)]
    # Total of the autosomes, as the assembly reports of GRCh37.p13 and GRCh38 state it.
    assert sum(LENGTHS["GRCh37"].values()) == 2_881_033_286
    assert sum(LENGTHS["GRCh38"].values()) == 2_875_001_522


@pytest.mark.parametrize("build", ["GRCh37", "GRCh38"])
def test_build_is_told_by_one_marker(build: str) -> None:
    marker = MARKERS.iloc[7]
    variants = make_variants(
        [("1", "other", 10), (marker.chromosome, marker.variant_id, marker[build.lower()])]
    )
    assert detect_build(variants, MARKERS) == (build, marker.variant_id)
    check_build(variants, MARKERS, build)
    check_build(variants, MARKERS, "other")
    wrong = {"GRCh37": "GRCh38", "GRCh38": "GRCh37"}[build]
    message = f"variant {marker.variant_id} at position .* on {build}, not {wrong}"
    with pytest.raises(InputError, match=message):
        check_build(variants, MARKERS, wrong)


def test_build_is_told_by_a_position_beyond_the_other_ones_end() -> None:
    variants = make_variants([("1", "a", 249_000_000)])
    assert detect_build(variants, MARKERS) == ("GRCh37", "a")
    variants = make_variants([("20", "b", 64_000_000)])
    assert detect_build(variants, MARKERS) == ("GRCh38", "b")


def test_build_that_cannot_be_told_is_taken_on_trust() -> None:
    variants = make_variants([("1", "a", 1_000_000), ("9", "rs429358", 45_411_941)])
    assert detect_build(variants, MARKERS) == (None, None)
    check_build(variants, MARKERS, "GRCh37")
    check_build(variants, MARKERS, "GRCh38")
    mixed = MARKERS.iloc[:2].copy()
    mixed["position"] = [mixed.grch37.iloc[0], mixed.grch38.iloc[1]]
    assert detect_build(mixed[["chromosome", "variant_id", "position"]], MARKERS) == (None, None)


def test_position_beyond_the_chromosome_on_both_builds() -> None:
    variants = make_variants([("1", "a", 1_000), ("21", "far", 50_000_000)])
    with pytest.raises(InputError, match="variant far at 21:50000000 lies beyond the end"):
        check_build(variants, MARKERS, "GRCh38")
