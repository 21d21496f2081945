"""Samples are identified by IID, or by FID and IID if the IIDs of a fileset are not unique."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from broken_input import check_refusal

from snpgen.cohort.phenotype import check_phenotype
from snpgen.cohort.qc import check_kinship, exclude_samples
from snpgen.cohort.split import find_families, read_split
from snpgen.genetics.kinship import read_kinship
from snpgen.io.panel import read_samples
from snpgen.io.plink import open_fileset, write_fileset
from snpgen.io.plink_tables import read_fam
from snpgen.io.samples import SampleIds, for_file, join_ids, read_keep
from snpgen.io.tables import read_own_table
from snpgen.messages import Code

FIDS = ["a", "b", "c", "0d"]


@pytest.fixture
def fileset(tmp_path: Path):
    """Four families; all IIDs are 1."""
    samples = pd.DataFrame({"FID": FIDS, "IID": "1", "father": "0", "mother": "0"})
    samples = samples.assign(sex="1", phenotype="-9")
    variants = pd.DataFrame({"chromosome": ["1", "1"], "variant_id": ["v1", "v2"]})
    variants = variants.assign(position=[5, 9], effect_allele="A", other_allele="C")
    dosages = np.array([[0, 1], [1, 2], [2, 0], [1, 1]], np.int8)
    write_fileset(str(tmp_path / "set"), dosages, samples, variants)
    return open_fileset(str(tmp_path / "set"), ["1"])


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_fid_and_iid_together_are_the_id(fileset, tmp_path: Path) -> None:
    assert fileset.samples.IID.tolist() == ["a 1", "b 1", "c 1", "0d 1"]
    assert fileset.sample_rows(["c 1", "a 1"]).tolist() == [2, 0]
    write_fileset(
        str(tmp_path / "copy"),
        fileset.read([0], np.arange(4)),
        fileset.samples,
        fileset.variants[:1],
    )
    fam = (tmp_path / "copy.fam").read_text().split()
    assert fam[::6] == FIDS and set(fam[1::6]) == {"1"}
    SampleIds.of(fileset.samples).write_keep(tmp_path / "keep.txt")
    assert (tmp_path / "keep.txt").read_text() == "#FID\tIID\na\t1\nb\t1\nc\t1\n0d\t1\n"


def test_keep_files_are_read_as_they_were_written(tmp_path: Path) -> None:
    ids = pd.DataFrame({"FID": ["a", "b,", '"c"'], "IID": ["A,1", "B;1", '"C"']})
    SampleIds.of(ids).write_keep(tmp_path / "keep.txt")
    assert read_keep(str(tmp_path / "keep.txt"), with_fid=False).tolist() == ids.IID.tolist()
    joined = read_keep(str(tmp_path / "keep.txt"), with_fid=True)
    assert joined.tolist() == join_ids(ids.FID, ids.IID).tolist()


def test_unique_iids_do_not_need_the_fid(tmp_path: Path) -> None:
    fam = write(tmp_path / "set.fam", "f 1 0 0 1 -9\nf 2 0 0 1 -9\n")
    assert read_fam(Path(fam)).IID.tolist() == ["1", "2"]
    write(tmp_path / "set.fam", "f 1 0 0 1 -9\nf 1 0 0 1 -9\n")
    error = check_refusal(lambda: read_fam(Path(fam)), Code.DUPLICATE_SAMPLE, "set.fam", 2)
    assert "f 1 occurs twice" in error.what


def test_tables_are_matched_by_both(fileset, tmp_path: Path) -> None:
    samples = fileset.samples
    text = "IID\tFID\ty\n1\tc\t1\n1\ta\t0\n1\tb\t1\n"
    table = write(tmp_path / "t.tsv", text)
    found, funnel = check_phenotype(samples, [table], "y", "0/1")
    assert found.FID.tolist() == ["a", "b", "c"] and found.phenotype.tolist() == [0, 1, 1]
    assert funnel.kept[0] == 3
    split = write(tmp_path / "s.tsv", "FID,IID,split\nb,1,test\na,1,train\n")
    assert read_split(split, samples)[0].tolist()[:2] == ["train", "test"]
    excluded = write(tmp_path / "x.txt", "c 1\nz 1\n")
    assert exclude_samples(samples, excluded)[0].FID.tolist() == ["a", "b", "0d"]


def test_tables_without_fid_are_refused(fileset, tmp_path: Path) -> None:
    samples = fileset.samples
    table = write(tmp_path / "t.tsv", "IID\ty\n1\t1\n")
    call = lambda: check_phenotype(samples, [table], "y", "0/1")
    error = check_refusal(call, Code.MISSING_COLUMN, "t.tsv")
    assert "not unique" in error.what and "FID" in error.remedy
    split = write(tmp_path / "s.tsv", "IID,split\n1,test\n")
    check_refusal(lambda: read_split(split, samples), Code.MISSING_COLUMN, "s.tsv")
    excluded = write(tmp_path / "x.txt", "1\n")
    check_refusal(lambda: exclude_samples(samples, excluded), Code.MALFORMED_TABLE, "x.txt", 1)
    kinship = write(tmp_path / "k", "ID1 ID2 Kinship\n1 1 0.25\n")
    check_refusal(lambda: read_kinship(kinship, with_fid=True), Code.MISSING_COLUMN, "k")


def test_lost_zeros_of_a_fid_are_named(fileset, tmp_path: Path) -> None:
    table = write(tmp_path / "t.tsv", "FID\tIID\ty\na\t1\t1\nd\t1\t0\n00d\t1\t0\n")
    call = lambda: check_phenotype(fileset.samples, [table], "y", "0/1")
    error = check_refusal(call, Code.NO_MATCHING_SAMPLE, "t.tsv", 4, sample="00d 1")
    assert "zeros" in error.what


def test_relatives_are_found_by_both(fileset, tmp_path: Path) -> None:
    path = write(tmp_path / "k", "#FID1\tIID1\tFID2\tIID2\tKINSHIP\na\t1\tc\t1\t0.25\n")
    pairs = read_kinship(path, with_fid=True)
    assert check_kinship(pairs, fileset.samples, path)[0].matched == 2
    family = find_families(pairs, fileset.samples.IID.to_numpy(), 0.1, 9).family
    assert family[0] == family[2] and len(set(family)) == 3
    for_file(pairs).to_csv(path, sep="\t", index=False)
    pd.testing.assert_frame_equal(read_kinship(path, with_fid=True), pairs)
    for_file(pairs[:0]).to_csv(path, sep="\t", index=False)
    assert read_kinship(path, with_fid=True).empty


def test_own_tables_have_both_columns(fileset, tmp_path: Path) -> None:
    path = tmp_path / "own.tsv"
    table = pd.DataFrame({"x": [0.5, 1.5], "IID": ["007 1", "b 1"]})
    for_file(table).to_csv(path, sep="\t", index=False)
    assert path.read_text() == "x\t#FID\tIID\n0.5\t007\t1\n1.5\tb\t1\n"
    found = read_own_table(path, ["IID"])
    assert found.IID.tolist() == ["007 1", "b 1"] and found.FID.tolist() == ["007", "b"]
    assert list(read_samples(str(path))) == ["x", "IID"]
    samples = fileset.samples[["FID", "IID", "sex"]]
    for_file(samples).to_csv(path, sep="\t", index=False)
    assert path.read_text().startswith("#FID\tIID\tsex\na\t1\t1\n")
    pd.testing.assert_frame_equal(read_own_table(path, str, missing=()), samples)
    unique = pd.DataFrame({"IID": ["007"], "FID": ["f"]})
    assert for_file(unique) is unique
