"""Scoring files of the PGS Catalog: matching, scores, and broken files."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from broken_input import check_refusal
from example_association import needs_plink2, run_plink2, simulate_dosages, write_cohort

from snpgen.evaluation.scores import match_score
from snpgen.evaluation.scoring_files import ScoringFile, read_scoring_file, read_scoring_files
from snpgen.genetics.builds import read_markers
from snpgen.io.plink import MISSING
from snpgen.messages import Code, InputError

ROOT = Path(__file__).parents[3]
MARKERS = read_markers(ROOT / "resources/build_markers.tsv")
COMPLEMENT = dict(zip("ACGT", "TGCA", strict=True))
N, M = 500, 80
HEADER = {"pgs_id": "PGS000042", "genome_build": "GRCh38"}


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """A fileset of two chromosomes, all kinds of alleles, missing calls; A/T variants are rare."""
    rng = np.random.default_rng(2)
    dosages = simulate_dosages(N, M, rng)
    alleles = [("A", "G"), ("C", "T"), ("A", "C"), ("CTG", "C"), ("A", "T")]
    rare = np.arange(M) % 5 == 4
    dosages[:, rare] = rng.binomial(2, 0.1, (N, rare.sum()))
    dosages[rng.random((N, M)) < 0.03] = MISSING
    variants = pd.DataFrame(
        {
            "chromosome": np.repeat(["1", "2"], M // 2),
            "variant_id": [f"v{j}" for j in range(M)],
            "position": 10_000 + 500 * np.arange(M),
            "effect_allele": [alleles[j % 5][0] for j in range(M)],
            "other_allele": [alleles[j % 5][1] for j in range(M)],
        }
    )
    return write_cohort(tmp_path_factory.mktemp("ours") / "cohort", dosages, variants)


@pytest.fixture
def theirs(ours):
    """The columns of a scoring file with a weight for each of our variants."""
    return pd.DataFrame(
        {
            "rsID": "rs" + ours.variants.variant_id.str[1:],
            "chr_name": ours.variants.chromosome,
            "chr_position": ours.variants.position.astype(str),
            "effect_allele": ours.variants.effect_allele,
            "other_allele": ours.variants.other_allele,
            "effect_weight": np.random.default_rng(4).normal(size=M),
            "allelefrequency_effect": np.where(np.arange(M) % 5 == 4, "0.1", ""),
        }
    )


def write_file(path, table, **header):
    lines = ["###PGS CATALOG SCORING FILE", "##SOURCE INFORMATION"]
    lines += [f"#{key}={value}" for key, value in (HEADER | header).items()]
    text = "\n".join(lines) + "\n" + table.to_csv(sep="\t", index=False)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def read(path, build="GRCh38") -> ScoringFile:
    return read_scoring_file(str(path), build, MARKERS)


def match(scoring, ours):
    return match_score(scoring, ours, ["1", "2"], np.arange(N), threads=1)


def score(scoring, ours):
    return match(scoring, ours).score(ours, np.arange(N), 1)


def test_scores_are_weighted_sums_with_missing_calls_as_expected(theirs, ours, tmp_path):
    scoring = read(write_file(tmp_path / "a.txt.gz", theirs))
    assert scoring.name == "PGS000042" and scoring.n_rows == M
    dosages = np.ma.masked_equal(ours.read(np.arange(M), np.arange(N)), MISSING)
    filled = dosages.filled(0) + dosages.mask * dosages.mean(axis=0).data
    np.testing.assert_allclose(score(scoring, ours), filled @ theirs.effect_weight, rtol=1e-9)


def test_swapped_alleles_and_other_strands_are_corrected(theirs, ours, tmp_path):
    """The same score however the alleles are written: its effect alleles are the same."""
    expected = score(read(write_file(tmp_path / "a.txt", theirs)), ours)
    swap, turn = np.arange(M) % 3 == 0, np.arange(M) % 5 < 3  # the strand of single bases alone
    names = ["effect_allele", "other_allele"]
    changed = theirs.copy()
    changed.loc[swap, names] = changed.loc[swap, names[::-1]].to_numpy()
    changed.loc[swap, "effect_weight"] *= -1
    frequency = pd.to_numeric(changed.allelefrequency_effect)
    changed["allelefrequency_effect"] = frequency.where(~swap, 1 - frequency).astype(str)
    changed["allelefrequency_effect"] = changed.allelefrequency_effect.replace("nan", "")
    for name in names:
        changed.loc[turn, name] = changed.loc[turn, name].map(COMPLEMENT)
    changed = changed.sample(frac=1, random_state=1)
    changed["chr_name"] = np.resize(["chr0", "Chr", "CHR"], M) + changed.chr_name
    found = match(read(write_file(tmp_path / "b.txt", changed)), ours)
    assert len(found.rows) == M
    shift = 2 * theirs.effect_weight[swap].sum()  # of counting the other allele
    np.testing.assert_allclose(found.score(ours, np.arange(N), 1), expected - shift, atol=1e-9)


@needs_plink2
def test_scores_are_those_of_plink2(theirs, ours, tmp_path):
    """With swapped alleles, whose effect allele PLINK 2 counts, too."""
    swap = np.arange(M) % 2 == 0
    names = ["effect_allele", "other_allele"]
    theirs.loc[swap, names] = theirs.loc[swap, names[::-1]].to_numpy()
    theirs = theirs[np.arange(M) % 5 != 4]
    found = score(read(write_file(tmp_path / "a.txt", theirs)), ours)
    weights = theirs.assign(ID="v" + theirs.rsID.str[2:])
    columns = ["ID", "effect_allele", "effect_weight"]
    weights[columns].to_csv(tmp_path / "weights", sep="\t", index=False)
    inputs = ["--bfile", ours.beds[0].with_suffix(""), "--score", tmp_path / "weights"]
    run_plink2(*inputs, "1", "2", "3", "header", "cols=+scoresums", "--out", tmp_path / "s")
    expected = pd.read_csv(tmp_path / "s.sscore", sep=r"\s+").SCORE1_SUM
    np.testing.assert_allclose(found, expected, atol=1e-4)  # six digits


def test_variants_that_cannot_be_scored_are_counted(theirs, ours, tmp_path, caplog):
    theirs["is_recessive"] = "False"
    theirs.loc[0, "chr_position"] = ""
    theirs.loc[1, "effect_allele"] = ""
    theirs.loc[[2, 3], "other_allele"] = ["", "C/T"]
    theirs.loc[5, "effect_weight"] = np.nan
    theirs.loc[6, "is_recessive"] = "True"
    theirs.loc[7, "other_allele"] = "A"  # other alleles than ours, also on the other strand
    theirs.loc[8, "chr_position"] = "7"  # no variant of ours
    theirs.loc[9, "allelefrequency_effect"] = ""  # A/T of unknown strand
    theirs.loc[14, "allelefrequency_effect"] = "0.45"  # and of one that frequency does not resolve
    theirs.loc[[15, 16], "chr_name"] = "X"
    again = theirs.iloc[[20]].assign(effect_weight=9.0)
    with caplog.at_level("INFO", logger="snpgen"):
        scoring = read(write_file(tmp_path / "a.txt", pd.concat([theirs, again])))
        found = match(scoring, ours)
    assert scoring.n_rows == M + 1 and len(scoring.table) == M - 5
    assert set(range(M)) - set(found.rows) == {0, 1, 2, 3, 5, 6, 7, 8, 9, 14, 15, 16}
    assert (np.diff(found.rows) > 0).all() and 9.0 not in found.weights
    for reason in ("no effect allele", "no finite weight", "not additive", "no position"):
        assert f"1 rows excluded: {reason}" in caplog.text
    assert "2 rows excluded: no other allele" in caplog.text
    assert (
        "PGS000042: 81 rows, 75 complete, 71 matched to variants of the cohort, 69" in caplog.text
    )
    assert "68 used (84.0 %)" in caplog.text


def test_inferred_other_allele_is_used(theirs, ours, tmp_path):
    expected = score(read(write_file(tmp_path / "a.txt", theirs)), ours)
    inferred = theirs.rename(columns={"other_allele": "hm_inferOtherAllele"})
    assert (score(read(write_file(tmp_path / "b.txt", inferred)), ours) == expected).all()


def test_positions_are_those_of_the_cohorts_build(theirs, ours, tmp_path):
    lifted = theirs.assign(
        hm_chr=theirs.chr_name, hm_pos=theirs.chr_position, chr_position=["3"] * M
    )
    path = write_file(tmp_path / "a.txt", lifted, genome_build="hg19", HmPOS_build="GRCh38")
    assert len(match(read(path), ours).rows) == M
    assert (read(path, "GRCh37").table.position == 3).all()
    assert len(match(read(path, "other"), ours).rows) == M
    trusted = write_file(tmp_path / "b.txt", theirs, genome_build="NR")
    assert len(match(read(trusted, "GRCh37"), ours).rows) == M


def refuse(path, code, build="GRCh38", **place):
    with pytest.raises(InputError) as error:
        read(path, build)
    assert (error.value.code, error.value.file) == (code, str(path))
    assert {name: getattr(error.value, name) for name in place} == place
    assert "\n" not in str(error.value)


def test_broken_files_are_refused_with_code_and_place(theirs, tmp_path):
    path = tmp_path / "their.txt"

    def write(table=theirs, **header):
        return write_file(path, table, **header)

    for column in ("effect_weight", "effect_allele", "chr_name"):
        refuse(write(theirs.drop(columns=column)), Code.MISSING_COLUMN)
    refuse(write(theirs.iloc[:0]), Code.EMPTY_FILE)
    refuse(write(genome_build="GRCh37"), Code.SCORE_BUILD)
    refuse(write(genome_build="NCBI36"), Code.SCORE_BUILD)
    broken = {"effect_weight": "big", "chr_position": "near", "allelefrequency_effect": "1.2"}
    for column, value in broken.items():
        changed = theirs.astype(str)
        changed.loc[2, column] = value
        refuse(write(changed), Code.INVALID_VALUE, line=8)
    marker = theirs.copy()
    marker.loc[0, ["rsID", "chr_name", "chr_position"]] = ["rs1801133", "1", "11856378"]
    refuse(write(marker, genome_build="NR"), Code.SCORE_BUILD, variant="rs1801133")
    path.write_text("")
    refuse(path, Code.EMPTY_FILE)
    path.write_text("#pgs_id=PGS1\n")
    refuse(path, Code.EMPTY_FILE)
    whole = gzip.compress(b"#a=b\n" + theirs.to_csv(sep="\t").encode())
    path.write_bytes(whole[:-200])
    refuse(path, Code.DAMAGED_FILE)
    path.write_bytes(b"BZh91" + bytes(range(256)))
    refuse(path, Code.COMPRESSED_FILE)
    theirs.rename(columns={"other_allele": "rsID"}).to_csv(path, sep="\t", index=False)
    refuse(path, Code.DUPLICATE_COLUMN)
    refuse(tmp_path / "their.gone", Code.UNREADABLE_FILE)
    refuse(tmp_path, Code.UNREADABLE_FILE)


def test_names_must_be_unique_and_not_reserved(theirs, tmp_path):
    paths = [str(write_file(tmp_path / name, theirs)) for name in ("a.txt", "b.txt")]
    with pytest.raises(InputError) as error:
        read_scoring_files(paths, "GRCh38", MARKERS)
    assert (error.value.code, error.value.file) == (Code.DUPLICATE_SCORE, paths[1])
    for reserved in ("snpgen", "NA"):
        path = str(write_file(tmp_path / "c.txt", theirs, pgs_id=reserved))
        with pytest.raises(InputError) as error:
            read_scoring_files([path], "GRCh38", MARKERS)
        assert (error.value.code, error.value.file) == (Code.DUPLICATE_SCORE, path)
    named = write_file(tmp_path / "my score.2.gz", theirs, pgs_id="")
    files = read_scoring_files([paths[0], str(named)], "GRCh38", MARKERS)
    assert [file.name for file in files] == ["PGS000042", "my_score"]


def test_both_alleles_of_a_variant_may_have_weights(theirs, ours, tmp_path):
    """A second row with the other allele as effect allele counts the copies of this allele."""
    expected = score(read(write_file(tmp_path / "a.txt", theirs)), ours)
    names = ["effect_allele", "other_allele"]
    again = theirs.iloc[[3, 6]].assign(effect_weight=[0.25, -0.5])
    again[names] = again[names[::-1]].to_numpy()
    found = match(read(write_file(tmp_path / "b.txt", pd.concat([theirs, again]))), ours)
    assert len(found.rows) == M
    copies = ours.read(np.array([3, 6]), np.arange(N)).astype(float)
    copies[copies == MISSING] = np.nan
    copies = 2 - np.where(np.isnan(copies), np.nanmean(copies, axis=0), copies)
    np.testing.assert_allclose(
        found.score(ours, np.arange(N), 1), expected + copies @ [0.25, -0.5], atol=1e-5
    )


def test_repeated_rows_count_once(theirs, ours, tmp_path, caplog):
    expected = score(read(write_file(tmp_path / "a.txt", theirs)), ours)
    path = write_file(tmp_path / "b.txt", pd.concat([theirs, theirs.iloc[[3, 3]]]))
    with caplog.at_level("WARNING", logger="snpgen"):
        np.testing.assert_allclose(score(read(path), ours), expected)
    assert "2 rows repeat the effect allele" in caplog.text


@pytest.mark.parametrize("declared", ["OR", "Odds Ratio", "hr"])
def test_declared_odds_ratios_are_refused(declared: str, theirs, tmp_path):
    path = write_file(tmp_path / "a.txt", theirs, weight_type=declared)
    with pytest.raises(InputError) as error:
        read(path)
    assert (error.value.code, error.value.file) == (Code.SCORE_SCALE, str(path))
    assert declared in error.value.what


def test_weights_that_look_like_odds_ratios(theirs, tmp_path, caplog):
    ratios = theirs.assign(effect_weight=np.exp(theirs.effect_weight / 5))
    for declared in ("NR", ""):
        path = write_file(tmp_path / "a.txt", ratios, weight_type=declared)
        with pytest.raises(InputError) as error:
            read(path)
        assert error.value.code == Code.SCORE_SCALE and "near 1" in error.value.what
    with caplog.at_level("WARNING", logger="snpgen"):
        assert len(read(write_file(tmp_path / "b.txt", ratios, weight_type="beta")).table) == M
    assert "near 1" in caplog.text


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"chr_name": "9"}, "80 are on other chromosomes than the cohort (which has 1, 2)"),
        ({"chr_position": "7"}, "80 are at positions that are not in the cohort"),
        ({"effect_allele": "I", "other_allele": "D"}, "80 have other alleles than the cohort (A/G"),
        ({"effect_allele": "A", "other_allele": "T"}, "64 have other alleles"),
    ],
)
def test_a_score_without_a_match_is_refused(changes: dict, what: str, theirs, ours, tmp_path):
    path = write_file(tmp_path / "a.txt", theirs.assign(allelefrequency_effect="", **changes))
    with pytest.raises(InputError) as error:
        match(read(path), ours)
    assert (error.value.code, error.value.file) == (Code.SCORE_OVERLAP, str(path))
    assert what in error.value.what, error.value.what


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"other_allele": "."}, "no other allele"),
        ({"effect_weight": "NA"}, "no finite weight"),
        ({"chr_position": "NA"}, "no position"),
        (None, "no other allele"),  # no column of the other allele
    ],
)
def test_a_file_without_a_complete_row_is_refused(theirs, tmp_path, change, reason):
    table = theirs.assign(**change) if change else theirs.drop(columns="other_allele")
    path = write_file(tmp_path / "a.txt", table)
    error = check_refusal(lambda: read(path), Code.SCORE_OVERLAP, "a.txt")
    assert f"none of the {M} rows can be used: {reason} ({M} rows)" in error.what
