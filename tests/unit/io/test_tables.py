"""The reader of text tables, and the identity of samples."""

import bz2
import csv
import gzip
import lzma
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import zstandard
from broken_input import check_refusal

from snpgen.io.headers import WHITESPACE, Layout, read_header
from snpgen.io.samples import SampleIds
from snpgen.io.tables import parse_numbers, read_rows, read_strings
from snpgen.messages import Code

ROWS = [["IID", "age", "centre"], ["007", "", "north, upper"], ["null", "40", "NA"]]
TABLE = pd.DataFrame(ROWS[1:], columns=ROWS[0], index=[2, 3])


def write(path: Path, delimiter: str, rows: list[list[str]]) -> str:
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return str(path)


@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
def test_delimiters(delimiter: str, tmp_path: Path) -> None:
    path = write(tmp_path / "table", delimiter, ROWS)
    pd.testing.assert_frame_equal(read_strings(path), TABLE)
    pd.testing.assert_frame_equal(read_strings(path, ["centre", "IID"]), TABLE[["IID", "centre"]])


def test_blank_lines_count_and_a_hash_before_a_name_does_not(tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_text("\ufeff#IID  age\n\n a   1\n")
    table = read_strings(str(path))
    assert table.to_dict("split") == {"index": [3], "columns": ["IID", "age"], "data": [["a", "1"]]}


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstandard.compress])
def test_comments_and_compression(compress, tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_bytes(compress(b"##first\n##second\n#CHROM POS\n1 10\n1 20\n2 5\n"))
    header = read_header(path, [WHITESPACE])
    assert header.comments == ["##first", "##second"] and header.line == 3
    chunks = list(read_rows(path, header, ["POS"], chunk_size=2))
    assert [len(chunk) for chunk in chunks] == [2, 1]
    assert pd.concat(chunks).POS.to_dict() == {4: "10", 5: "20", 6: "5"}


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("", Code.EMPTY_FILE, None),
        ("\n\n", Code.MALFORMED_TABLE, None),
        ("1 1 0\n2 2 1\n", Code.MALFORMED_TABLE, None),
        ("IID,age\na,1\nIID,age\nb,2\n", Code.MALFORMED_TABLE, 3),
        ("IID,age\na,1\nb\n", Code.MALFORMED_TABLE, 3),
        ('IID,note\na,"x, y"\nb,"z\nc,d\n', Code.MALFORMED_TABLE, 3),
        ('IID,note\na,"x\ny"\nc,d\n', Code.MALFORMED_TABLE, 2),
        ('IID,a,b\na,"x,y"\nb,"z",1\n', Code.MALFORMED_TABLE, 2),
        ("IID,age,#age\na,1,2\n", Code.DUPLICATE_COLUMN, None),
        ("IID,age\na,1,2\n", Code.MALFORMED_TABLE, 2),
        ("IID,age\na,1\nb,1,2\n", Code.MALFORMED_TABLE, 3),
        ("IID,age\na,1\nb,1,,2\n", Code.MALFORMED_TABLE, 3),
        ("IID age\na 1\nb\n", Code.MALFORMED_TABLE, 3),
        ("IID,sex\na,1\n", Code.MISSING_COLUMN, None),
        ("IID,age\na,1\n# end of the pilot\nb,2\n", Code.MALFORMED_TABLE, 3),
        ("IID,age\na,1\n# pilot, end\nb,2\n", Code.MALFORMED_TABLE, 3),
        ("IID,age\na,1\n#pilot,end,2\n", Code.MALFORMED_TABLE, 3),
        ("IID,age\na,1\n##\n", Code.MALFORMED_TABLE, 3),
    ],
)
def test_broken_tables(text: str, code: Code, line: int | None, tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_text(text)
    columns = ["age"] if code == Code.MISSING_COLUMN else None
    error = check_refusal(lambda: read_strings(str(path), columns), code, "table", line)
    assert ("comment" in error.what) == ("\n#" in text)


def test_id_with_hash_is_no_comment(tmp_path: Path) -> None:
    (tmp_path / "table").write_text("IID,age\n1,40\n#2,50\n")
    assert read_strings(tmp_path / "table").IID.tolist() == ["1", "#2"]


def zipped(content: bytes) -> bytes:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("table", content)
    return archive.getvalue()


@pytest.mark.parametrize(
    ("compress", "tool"), [(bz2.compress, "bunzip2"), (lzma.compress, "unxz"), (zipped, "unzip")]
)
def test_other_compression_is_refused(compress, tool: str, tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(compress(b"IID,age\na,1\n"))
    call = lambda: read_strings(tmp_path / "table")
    assert tool in check_refusal(call, Code.COMPRESSED_FILE, "table").remedy


@pytest.mark.parametrize(
    "text",
    [
        "IID\tbmi kg\tnote\n1\t23,4\tx\n",  # a comma and a blank that are not delimiters
        "sep=;\nIID;bmi kg;note\n1;23,4;x\n",
        '\ufeff"IID";"bmi kg";"note"\r\n"1";"23,4";"x"\r\n',
        "# a comment, of R\n\n## another\nIID|bmi kg|note\n\n1|23,4|x\n",
        "#exported today\nIID\tbmi kg\tnote\n1\t23,4\tx\n",
        "#IID\tbmi kg\tnote\n1\t23,4\tx\n",
        "IID\tbmi kg\tnote\n1\t23,4\tx\t\t\n",
        "IID,bmi kg,note\n1,'23,4',x\n".replace("'", '"'),
    ],
)
def test_dialects(text: str, tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(text.encode())
    table = read_strings(tmp_path / "table")
    assert table.to_dict("records") == [{"IID": "1", "bmi kg": "23,4", "note": "x"}]
    line = [bool(text.strip()) for text in text.splitlines()]
    assert table.index.tolist() == [len(line)]


def test_aligned_columns_and_names_with_commas(tmp_path: Path) -> None:
    (tmp_path / "table").write_text("   IID  age,raw  \n  1       40 \n 22\t     50\n")
    table = read_strings(tmp_path / "table")
    assert table["age,raw"].tolist() == ["40", "50"] and table.IID.tolist() == ["1", "22"]


@pytest.mark.parametrize("mark", ["\t", ","])
def test_lone_quotation_marks_do_not_swallow_rows(mark: str, tmp_path: Path) -> None:
    notes = ["none"] * 400
    notes[50], notes[170], notes[300] = '"scar of 2 cm', '"asthma since 1990', '5" x 3"'
    rows = [["IID", "note", "age"], *([str(i), note, "40"] for i, note in enumerate(notes))]
    (tmp_path / "table").write_text("".join(mark.join(row) + "\n" for row in rows))
    table = read_strings(tmp_path / "table")
    assert table.note.tolist() == notes and (table.age == "40").all()


def test_layouts_without_a_header(tmp_path: Path) -> None:
    layout = Layout(("ID1", "ID2", "kinship"), ("ID1", "ID2", "kinship"))
    (tmp_path / "table").write_text("1 2 0.25\n3 4 1e-2\n")
    table = read_strings(tmp_path / "table", layouts=[layout])
    assert table.index.tolist() == [1, 2] and table.kinship.tolist() == ["0.25", "1e-2"]
    (tmp_path / "table").write_text("ID2 ID1 kinship\n1 2 0.25\n")
    assert read_strings(tmp_path / "table", layouts=[layout]).ID2.tolist() == ["1"]


def test_numbers() -> None:
    text = pd.Series(["0.5", np.nan, "1e-3", "2", "x"], index=[2, 3, 5, 6, 7])
    np.testing.assert_array_equal(parse_numbers("t", "p", text[:3], 0, 1), [0.5, np.nan, 0.001])
    for last, line in ((4, 6), (5, 7)):
        faulty = text[[2, 3, 5, text.index[last - 1]]]
        check_refusal(
            lambda values=faulty: parse_numbers("t", "p", values, 0, 1),
            Code.INVALID_VALUE,
            "t",
            line,
        )


def test_sample_ids(tmp_path: Path) -> None:
    ids = SampleIds(np.array(["f", "f", "g"]), np.array(["a", "b", "a"]))
    assert SampleIds(ids.fid[:2], ids.iid[:2]).rows(["b", "x", "a"]).tolist() == [1, -1, 0]
    assert ids.duplicates().tolist() == [2]
    assert ids.same(SampleIds(ids.fid[::-1], ids.iid)) and not ids.same(
        SampleIds(ids.fid, ids.iid[[1, 0, 2]])
    )
    ids.write_keep(tmp_path / "keep")
    assert (tmp_path / "keep").read_text() == "#FID\tIID\nf\ta\nf\tb\ng\ta\n"
