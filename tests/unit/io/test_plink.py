"""PLINK filesets: SNPgen and PLINK 2 read back what was written, with the same alleles."""

import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from broken_input import check_refusal
from example_association import make_samples, make_variants, needs_plink2
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from snpgen.genetics.packed import DOSAGES_OF_BYTE, NO_CALL, read_packed, unpack
from snpgen.io.plink import (
    MISSING,
    Fileset,
    allele_frequency,
    dosage_variance,
    draw_missing,
    fill_missing,
    open_fileset,
    write_fileset,
)
from snpgen.io.plink_tables import plain_chromosomes
from snpgen.io.samples import SampleIds
from snpgen.messages import Code


def make_tables(n_samples: int, n_variants: int, chromosome: str = "1"):
    return make_samples(n_samples), make_variants(n_variants, chromosome)


def make_dosages(n_samples: int, n_variants: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    frequency = rng.uniform(0.1, 0.5, n_variants)
    dosages = rng.binomial(2, frequency, (n_samples, n_variants)).astype(np.int8)
    dosages[rng.random(dosages.shape) < 0.1] = MISSING
    return dosages


@pytest.fixture
def written(tmp_path: Path):
    dosages = make_dosages(7, 12)
    samples, variants = make_tables(7, 12)
    write_fileset(str(tmp_path / "set"), dosages, samples, variants)
    return tmp_path / "set", dosages, samples, variants


DOSAGES = arrays(
    np.int8,
    st.tuples(st.integers(1, 13), st.integers(1, 7)),
    elements=st.sampled_from([0, 1, 2, int(MISSING)]),
)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_written_filesets_are_read_back(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    dosages = data.draw(DOSAGES)
    samples, variants = make_tables(*dosages.shape)
    prefix = str(tmp_path_factory.mktemp("set") / "set")
    write_fileset(prefix, dosages, samples, variants)
    fileset = open_fileset(prefix, ["1"])
    rows = np.array(data.draw(st.lists(st.integers(0, len(samples) - 1))), dtype=int)
    columns = np.flatnonzero(data.draw(arrays(bool, len(variants))))
    assert np.array_equal(fileset.read(columns, rows), dosages[np.ix_(rows, columns)])
    pd.testing.assert_frame_equal(fileset.samples, samples, check_dtype=False)
    pd.testing.assert_frame_equal(fileset.variants, variants, check_dtype=False)


def test_reading_any_rows_and_chunks(written) -> None:
    prefix, dosages, _, _ = written
    fileset = open_fileset(str(prefix), ["1"])
    individuals, rows = np.array([6, 0, 3]), np.array([1, 4, 5, 11])
    np.testing.assert_array_equal(fileset.read(rows, individuals), dosages[individuals][:, rows])
    chunks = list(fileset.chunks(rows, individuals, size=3))
    assert [list(part) for part, _ in chunks] == [[1, 4, 5], [11]]
    np.testing.assert_array_equal(
        np.concatenate([chunk for _, chunk in chunks], axis=1), dosages[individuals][:, rows]
    )


def test_one_file_per_chromosome(tmp_path: Path) -> None:
    parts = {name: make_dosages(6, 5, seed) for seed, name in enumerate(["1", "2", "10"])}
    for name, dosages in parts.items():
        write_fileset(str(tmp_path / f"chr{name}"), dosages, *make_tables(6, 5, name))
    fileset = open_fileset(str(tmp_path / "chr{chromosome}"), list(parts))
    together = np.concatenate(list(parts.values()), axis=1)
    assert list(fileset.variants.chromosome) == ["1"] * 5 + ["2"] * 5 + ["10"] * 5
    rows = np.array([0, 4, 5, 14])
    np.testing.assert_array_equal(fileset.read(rows, np.arange(6)), together[:, rows])


def test_variants_out_of_order_are_not_read(tmp_path: Path) -> None:
    for name in ("1", "2"):
        write_fileset(str(tmp_path / f"chr{name}"), make_dosages(6, 5), *make_tables(6, 5, name))
    fileset = open_fileset(str(tmp_path / "chr{chromosome}"), ["1", "2"])
    with pytest.raises(AssertionError, match="in ascending order"):
        fileset.read(np.array([7, 2]), np.arange(6))


def test_plain_chromosome_names() -> None:
    names = pd.Series(["chr1", "CHR01", "Chr10", "0", "00", "X", "chrX", None, "22", "chr1_alt"])
    found = plain_chromosomes(names).tolist()
    assert found[:7] == ["1", "1", "10", "0", "00", "X", "X"]
    assert pd.isna(found[7]) and found[8:] == ["22", "1_alt"]
    assert plain_chromosomes(pd.Series([None, None], dtype="str")).dtype == "str"


def test_chromosome_files_with_other_samples_are_refused(tmp_path: Path) -> None:
    samples, variants = make_tables(6, 5, "1")
    write_fileset(str(tmp_path / "chr1"), make_dosages(6, 5), samples, variants)

    def with_chromosome_2_of(individuals: pd.DataFrame) -> Fileset:
        write_fileset(
            str(tmp_path / "chr2"), make_dosages(6, 5), individuals, make_tables(6, 5, "2")[1]
        )
        return open_fileset(str(tmp_path / "chr{chromosome}"), ["1", "2"])

    of_one_family = with_chromosome_2_of(samples.assign(FID="one"))  # samples are matched by IID
    pd.testing.assert_frame_equal(of_one_family.samples, with_chromosome_2_of(samples).samples)
    for others in (samples.iloc[::-1], samples.assign(IID=samples.IID.str.replace("1", "9"))):
        check_refusal(
            lambda table=others: with_chromosome_2_of(table), Code.DIFFERENT_SAMPLES, "chr2.fam"
        )
    (tmp_path / "chr2.fam").unlink()
    check_refusal(
        lambda: open_fileset(str(tmp_path / "chr{chromosome}"), ["1", "2"]),
        Code.UNREADABLE_FILE,
        "chr2.fam",
    )


@needs_plink2
def test_plink2_sees_the_same_alleles_and_calls(written) -> None:
    prefix, dosages, _, variants = written
    run = ["plink2", "--bfile", prefix, "--export", "A", "--freq", "--out", prefix]
    subprocess.run(run, check=True, capture_output=True)
    # PLINK 2 exports the count of the reference allele (A2) by default.
    table = pd.read_csv(f"{prefix}.raw", sep="\t")
    assert list(table.columns[6:]) == [f"{name}_G" for name in variants.variant_id]
    exported = table.iloc[:, 6:].to_numpy()
    ours = np.where(dosages == MISSING, np.nan, 2.0 - dosages)
    np.testing.assert_array_equal(exported, ours)
    frequencies = pd.read_csv(f"{prefix}.afreq", sep="\t")
    assert set(frequencies.ALT) == {"A"}
    np.testing.assert_allclose(frequencies.ALT_FREQS, allele_frequency(dosages), atol=1e-6)


ALLELES = st.sampled_from(["A", "C", "G", "T", "AT", "<DEL>"])


@needs_plink2
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_plink2_exports_the_same_dosages_with_swapped_alleles(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    dosages = data.draw(DOSAGES)
    samples, variants = make_tables(*dosages.shape)
    pairs = st.lists(ALLELES, min_size=2, max_size=2, unique=True)
    size = len(variants)
    alleles = np.array(data.draw(st.lists(pairs, min_size=size, max_size=size)))
    variants["effect_allele"], variants["other_allele"] = alleles.T
    folder = tmp_path_factory.mktemp("set")
    called = dosages != MISSING
    swapped = np.where(called, 2 - dosages, MISSING).astype(np.int8)
    names = ["effect_allele", "other_allele"]
    turned = variants.assign(**{names[0]: variants[names[1]], names[1]: variants[names[0]]})
    count_these = folder / "alleles"
    variants[["variant_id", "effect_allele"]].to_csv(
        count_these, sep="\t", header=False, index=False
    )
    for name, written, table in (("ours", dosages, variants), ("turned", swapped, turned)):
        prefix = str(folder / name)
        write_fileset(prefix, written, samples, table)
        run = ["plink2", "--bfile", prefix, "--export", "A", "--export-allele", str(count_these)]
        subprocess.run([*run, "--threads", "1", "--out", prefix], check=True, capture_output=True)
        exported = pd.read_csv(f"{prefix}.raw", sep="\t").iloc[:, 6:]
        labels = variants.variant_id + "_" + variants.effect_allele
        assert list(exported.columns) == labels.tolist()
        np.testing.assert_array_equal(exported.to_numpy(), np.where(called, dosages, np.nan))
        fileset = open_fileset(prefix, ["1"])
        rows, individuals = np.arange(size), np.arange(len(samples))
        np.testing.assert_array_equal(fileset.read(rows, individuals), written)
        pd.testing.assert_frame_equal(fileset.variants, table, check_dtype=False)


@pytest.mark.parametrize("more", ["X", "X Y Z"])
def test_too_many_columns(written, more: str) -> None:
    bim = written[0].with_suffix(".bim")
    lines = bim.read_text().splitlines()
    lines[1] += f" {more}"
    for line, kept in ((2, lines), (1, lines[1:])):
        bim.write_text("\n".join(kept) + "\n")
        check_refusal(
            lambda: open_fileset(str(written[0]), ["1"]), Code.MALFORMED_FILESET, "set.bim", line
        )


def test_missing_calls_are_imputed_from_the_allele_frequency() -> None:
    dosages = np.array([[0, 2, MISSING], [1, MISSING, MISSING], [2, 2, MISSING]], dtype=np.int8)
    frequency = allele_frequency(dosages)
    np.testing.assert_array_equal(frequency, [0.5, 1.0, np.nan])
    filled = fill_missing(dosages[:, :2], frequency[:2])
    np.testing.assert_array_equal(filled, [[0, 2], [1, 2], [2, 2]])
    imputed = draw_missing(dosages, np.array([0.5, 1.0, 0.0]), seed=3)
    np.testing.assert_array_equal(imputed, [[0, 2, 0], [1, 2, 0], [2, 2, 0]])


def test_frequencies_and_variances_of_many_samples_are_those_of_numpy() -> None:
    dosages = np.random.default_rng(1).choice(np.array([0, 1, 2, MISSING]), (25_000, 3))
    called = np.ma.masked_equal(dosages, MISSING)
    np.testing.assert_allclose(allele_frequency(dosages), called.mean(axis=0) / 2, rtol=1e-12)
    np.testing.assert_allclose(dosage_variance(dosages), called.var(axis=0), rtol=1e-12)
    constant = np.array([[0, 1, 2, MISSING]], np.int8).repeat(3, axis=0)
    assert not dosage_variance(constant).any()


def test_imputed_calls_have_the_allele_frequency() -> None:
    dosages = np.full((20_000, 2), MISSING)
    imputed = draw_missing(dosages, np.array([0.1, 0.4]), seed=1)
    np.testing.assert_allclose(imputed.mean(axis=0) / 2, [0.1, 0.4], atol=0.01)
    np.testing.assert_array_equal(imputed, draw_missing(dosages, np.array([0.1, 0.4]), seed=1))


def test_keep_file(tmp_path: Path) -> None:
    samples = make_samples(3).assign(FID=["f", "f", "g"])
    SampleIds.of(samples[1:]).write_keep(tmp_path / "keep")
    assert (tmp_path / "keep").read_text() == "#FID\tIID\nf\t00001\ng\t00002\n"


def test_sample_rows_are_in_the_requested_order(written) -> None:
    fileset = open_fileset(str(written[0]), ["1"])
    iids = fileset.samples.IID.to_numpy()[[4, 0, 2]]
    np.testing.assert_array_equal(fileset.sample_rows(iids), [4, 0, 2])
    check_refusal(
        lambda: fileset.sample_rows([iids[0], "other"]),
        Code.OUTDATED_RESULT,
        "set.fam",
        sample="other",
    )


def test_variants_without_an_id_are_named_by_position_and_alleles(tmp_path: Path) -> None:
    samples, variants = make_tables(4, 6)
    variants["chromosome"] = "chr01"
    variants["variant_id"] = [".", ".", "rs3", "NA", "-", "1:2:A:G"]
    variants.loc[1, ["effect_allele", "other_allele"]] = ["*", "AT"]
    write_fileset(str(tmp_path / "set"), make_dosages(4, 6), samples, variants)
    read = open_fileset(str(tmp_path / "set"), []).variants
    alleles = variants.other_allele + ":" + variants.effect_allele
    names = "1:" + variants.position.astype(str) + ":" + alleles
    assert read.variant_id.tolist() == [names[0], names[1], "rs3", names[3], names[4], "1:2:A:G"]
    assert read.variant_id[1].endswith(":AT:*")


def test_variants_in_any_order_are_read_in_genomic_order(tmp_path: Path) -> None:
    """Genotypes follow their variants, in dosages and in packed genotypes, from two filesets."""
    rng = np.random.default_rng(3)
    samples, variants = make_tables(9, 40)
    variants["chromosome"] = np.repeat(["2", "10"], 20)
    variants.loc[5, "position"] = variants.position[4]
    dosages = make_dosages(9, 40)
    order = rng.permutation(40)
    for name, rows in (("1", order[:17]), ("2", order[17:])):
        write_fileset(str(tmp_path / f"set{name}"), dosages[:, rows], samples, variants.iloc[rows])
    fileset = open_fileset(str(tmp_path / "set{chromosome}"), ["1", "2"])
    pd.testing.assert_frame_equal(fileset.variants, variants, check_dtype=False)
    some = np.array([0, 4, 5, 19, 20, 39])
    np.testing.assert_array_equal(fileset.read(some, np.array([8, 2])), dosages[[8, 2]][:, some])
    unpacked = np.empty(9, np.uint8)
    for variant, packed in zip(some, read_packed(fileset, some), strict=True):
        scratch = np.empty(len(packed), np.uint32)
        unpack(packed, DOSAGES_OF_BYTE, np.arange(9), scratch, unpacked)
        expected = np.where(dosages[:, variant] == MISSING, NO_CALL, dosages[:, variant])
        np.testing.assert_array_equal(unpacked, expected)
