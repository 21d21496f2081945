"""Tables of imputation quality: columns, variants without IDs, multiallelic sites, and UK Biobank's files."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from broken_input import check_refusal

from snpgen.cohort.qc import check_info
from snpgen.io.imputation_quality import find_info, read_info
from snpgen.messages import Code

VARIANTS = pd.DataFrame(
    {
        "chromosome": ["1", "1", "1", "2"],
        "variant_id": ["rs1", "rs1", "1:300:G:A", "rs4"],
        "position": [100, 100, 300, 100],
        "effect_allele": ["A", "T", "A", "C"],
        "other_allele": ["G", "G", "G", "CT"],
    }
)


def write(path: Path, text: str) -> list[str]:
    path.write_text(text)
    return [str(path)]


def test_columns_of_imputation_quality(tmp_path):
    path = write(tmp_path / "a.tsv", "#CHROM\tID\tR2\n1\trs1\t0.9\n1\trs2\t0.5\n1\trs1\t0.7\n")
    assert read_info(path).quality.to_dict() == {"rs1": 0.7, "rs2": 0.5}
    info = read_info(write(tmp_path / "a.csv", "variant_id,INFO\nrs1,0.9\n"))
    assert info.quality.to_dict() == {"rs1": 0.9}
    path = write(tmp_path / "wrong.tsv", "ID\tquality\nrs1\t0.9\n")
    check_refusal(lambda: read_info(path), Code.MISSING_COLUMN, "wrong.tsv")
    path = write(tmp_path / "wrong.tsv", "rs1\t0.9\nrs2\t0.8\n")
    error = check_refusal(lambda: read_info(path), Code.MISSING_COLUMN, "wrong.tsv")
    assert "no header" in error.what


@pytest.mark.parametrize("word", ["NA", "", " nan ", "N/A", "#N/A", "NULL", ".", "-9", "-9.00"])
def test_missing_quality(word, tmp_path):
    info = read_info(write(tmp_path / "info", f"ID\tINFO\nrs1\t{word}\nrs4\t0.5\n"))
    np.testing.assert_array_equal(find_info(info, VARIANTS), [np.nan, np.nan, np.nan, 0.5])


def test_variants_without_ids_are_known_by_position_and_alleles(tmp_path):
    """The site 1:100 has two variants with one ID; 1:300 has no ID in either file."""
    rows = ["chr1\t100\trs1\tG\tA\t0.9", "1\t100\trs1\tG\tT\t0.3", "01\t300\t.\ta\tg\t0.8"]
    path = write(tmp_path / "a", "\n".join(["#CHROM\tPOS\tID\tREF\tALT\tR2", *rows, ""]))
    np.testing.assert_array_equal(find_info(read_info(path), VARIANTS), [0.9, 0.3, 0.8, np.nan])
    # Files of the Michigan Imputation Server have the position and alleles in the ID.
    rows = ["chr1:100:G:A G A 0.9", "chr1:100:G:T G T 0.3", "chr1:300:G:A G A 0.8"]
    path = write(tmp_path / "b", "\n".join(["SNP REF(0) ALT(1) Rsq", *rows, ""]))
    np.testing.assert_array_equal(find_info(read_info(path), VARIANTS), [0.9, 0.3, 0.8, np.nan])


def test_nameless_variants_that_cannot_be_told_apart_are_refused(tmp_path):
    path = write(tmp_path / "info", "ID\tR2\nrs1\t0.9\n.\t0.3\n.\t0.9\n")
    error = check_refusal(lambda: read_info(path), Code.UNKNOWN_VARIANT, "info", 3)
    assert "2 variants have no ID" in error.what


def test_files_of_uk_biobank_without_a_header(tmp_path):
    """One file per chromosome: alternate ID, rsID, position, two alleles, MAF, minor allele, INFO."""
    first = [
        "1:100_G_A\trs1\t100\tG\tA\t0.4\tA\t0.9",
        "1:100_G_T\trs1\t100\tG\tT\t0.1\tT\t0.3",
        "1:300_G_A\t.\t300\tG\tA\t1e-05\tA\t0.8",
    ]
    paths = write(tmp_path / "ukb_mfi_chr1_v3.txt", "\n".join([*first, ""]))
    line = "2:100_CT_C\trs4\t100\tCT\tC\t0.2\tC\t1\n"
    paths += write(tmp_path / "ukb_mfi_chr2_v3.txt", line)
    np.testing.assert_array_equal(find_info(read_info(paths), VARIANTS), [0.9, 0.3, 0.8, 1])


def test_minimac_files_have_positions_as_ids_and_columns_of_alleles(tmp_path):
    rows = ["1:100\tG\tA\t0.9", "1:100\tG\tT\t0.3", "chr1:300\tG\tA\t0.8", "rs4\tCT\tC\t0.7"]
    path = write(tmp_path / "a", "\n".join(["SNP\tREF(0)\tALT(1)\tRsq", *rows, ""]))
    info = read_info(path)
    np.testing.assert_array_equal(find_info(info, VARIANTS), [0.9, 0.3, 0.8, 0.7])
    match = check_info(info, VARIANTS.assign(variant_id=list("abcd"))[:3], "a")
    assert (match.listed, match.known, match.matched, match.few) == (4, 3, 3, False)


def test_rows_are_counted_once(tmp_path, caplog):
    """Position and alleles, and the ID, both identify a row."""
    variants = VARIANTS.assign(variant_id=["1:100:G:A", "1:100:G:T", "x", "rs4"])
    rows = ["1\t100\trs1\tG\tA\t0.9", "1\t100\t1:100:G:T\tG\tT\t0.3", "2\t100\trs4\tCT\tC\t0.8"]
    header = "#CHROM\tPOS\tID\tREF\tALT\tR2"
    info = read_info(write(tmp_path / "a", "\n".join([header, *rows, ""])))
    match = check_info(info, variants, "a")
    assert (match.listed, match.known, match.matched, match.few) == (3, 4, 3, True)
    assert "has only 3 of the 4 IDs of the cohort; it lacks" in caplog.text
    more = [*rows, "1\t300\t.\tA\tG\t0.8", "1\t900\trs9\tA\tG\t0.8"]
    info = read_info(write(tmp_path / "a", "\n".join([header, *more, ""])))
    match = check_info(info, variants, "a")
    assert (match.listed, match.known, match.matched, match.few) == (5, 4, 4, False)


def test_a_table_without_rows_is_refused(tmp_path):
    paths = write(tmp_path / "1", "ID\tR2\nrs1\t0.9\n") + write(tmp_path / "2", "ID\tR2\n")
    check_refusal(lambda: read_info(paths), Code.EMPTY_FILE, "2")


def test_different_values_and_columns_are_logged(tmp_path, caplog):
    rows = "rs1\t0.9\t1\nrs2\t0.5\t1\nrs1\t0.7\t1\nrs2\t0.5\t1\n"
    info = read_info(write(tmp_path / "a", "ID\tR2\tINFO\n" + rows))
    assert info.quality.to_dict() == {"rs1": 1, "rs2": 1}
    assert "the column INFO is used, not R2" in caplog.text
    assert "different imputation quality" not in caplog.text
    info = read_info(write(tmp_path / "b", "ID\tR2\tother\n" + rows))
    assert info.quality.to_dict() == {"rs1": 0.7, "rs2": 0.5}
    assert "b: 1 variants have several rows with different" in caplog.text and "rs1" in caplog.text
