"""Ten thousand corrupted filesets: a clear refusal or what stands in the bytes, and nothing else."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from snpgen.job import InputError
from snpgen.plink import MISSING, open_fileset, write_fileset
from test_plink import make_dosages, make_tables

ENDINGS = ["bed", "bim", "fam"]
ODD = [b"\n", b"\r", b"\r\n", b"\t", b" ", b"  ", b'"', b"'", b",", b"#", b"0", b"-", b"9", b"chr"]
ODD += [b"\0", b"\xff", b"\xef\xbb\xbf", b"\xc3\xa9", b"\xc2\xa0", b"\x0b", b"\x1c", b"nan", b"1e3"]
PACKED = (b"\x1f\x8b", b"BZh", b"\x28\xb5\x2f\xfd", b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
PACKED += (b"\xff\xfe", b"\xfe\xff")


class RefusedError(Exception):
    """What the simple reader does not take."""


def refuse_if(wrong: bool) -> None:
    if wrong:
        raise RefusedError


def read_fields(path: Path) -> list[list[str]]:
    """Six fields a line, of the lines that are not blank."""
    content = path.read_bytes()
    refuse_if(not content or content.startswith(PACKED) or b"\0" in content)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise RefusedError from None
    lines = re.split("\r\n|\n|\r", text.removeprefix("\ufeff"))
    rows = [re.split("[ \t]+", line.strip(" \t")) for line in lines if line.strip(" \t")]
    refuse_if(not rows or any(len(row) != 6 for row in rows))
    return rows


def read_simply(folder: Path) -> tuple[list[list[str]], list[tuple], np.ndarray]:
    """People, variants and dosages, byte by byte; `RefusedError` where PLINK's formats are broken."""
    people = read_fields(folder / "set.fam")
    iids = [row[1] for row in people]
    refuse_if(len(set(iids)) < len(iids))
    refuse_if(people[0][0].startswith("#") or iids[0].upper() == "IID")
    variants = []
    for chromosome, name, _, position, first, second in read_fields(folder / "set.bim"):
        refuse_if(not re.fullmatch("-?[0-9]{1,10}", position))
        refuse_if(first == second and first not in ("0", "."))
        chromosome = re.sub("^chr", "", chromosome, flags=re.IGNORECASE)
        if re.fullmatch("[0-9]*[1-9][0-9]*", chromosome):
            chromosome = chromosome.lstrip("0")
        variants.append((chromosome, name, int(position), first, second))
    content = (folder / "set.bed").read_bytes()
    width = -(-len(people) // 4)
    refuse_if(content[:3] != b"\x6c\x1b\x01" or len(content) != 3 + width * len(variants))
    dosages = np.empty((len(people), len(variants)), dtype=np.int8)
    for variant in range(len(variants)):
        row = content[3 + variant * width : 3 + (variant + 1) * width]
        codes = [byte >> shift & 3 for byte in row for shift in (0, 2, 4, 6)]
        refuse_if(any(codes[len(people) :]))
        dosages[:, variant] = [(2, MISSING, 1, 0)[code] for code in codes[: len(people)]]
    return people, variants, dosages


def flip(content: bytes, rng: np.random.Generator) -> bytes:
    out = bytearray(content)
    out[rng.integers(len(out))] ^= 1 << int(rng.integers(8))
    return bytes(out)


def insert(content: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(len(content) + 1))
    new = ODD[rng.integers(len(ODD))] if rng.random() < 0.7 else rng.bytes(int(rng.integers(1, 4)))
    return content[:place] + new + content[place:]


def delete(content: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(len(content)))
    return content[:place] + content[place + int(rng.integers(1, 4)) :]


def truncate(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: rng.integers(len(content))]


def drop_line(content: bytes, rng: np.random.Generator) -> bytes:
    lines = content.split(b"\n")
    del lines[rng.integers(len(lines))]
    return b"\n".join(lines)


def double_line(content: bytes, rng: np.random.Generator) -> bytes:
    lines = content.split(b"\n")
    place = rng.integers(len(lines))
    return b"\n".join([*lines[:place], lines[place], *lines[place:]])


def swap_fields(content: bytes, rng: np.random.Generator) -> bytes:
    lines = content.split(b"\n")
    place = rng.integers(len(lines))
    fields = re.split(rb"([ \t])", lines[place])
    if len(fields) < 3:
        return content
    one, other = 2 * rng.integers(0, (len(fields) + 1) // 2, 2)
    fields[one], fields[other] = fields[other], fields[one]
    lines[place] = b"".join(fields)
    return b"\n".join(lines)


CORRUPTIONS: list[Callable[[bytes, np.random.Generator], bytes]] = [
    flip,
    insert,
    delete,
    truncate,
    drop_line,
    double_line,
    swap_fields,
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, bytes]]:
    """The bytes of small filesets of every number of people that a byte can end in."""
    folder = tmp_path_factory.mktemp("whole")
    filesets = []
    for n_samples, n_variants in ((1, 1), (2, 5), (3, 4), (4, 3), (5, 2), (9, 6)):
        prefix = folder / "set"
        dosages = make_dosages(n_samples, n_variants, seed=n_samples)
        write_fileset(str(prefix), dosages, *make_tables(n_samples, n_variants))
        filesets.append({end: prefix.with_suffix(f".{end}").read_bytes() for end in ENDINGS})
    return filesets


def test_corrupted_filesets_are_refused_or_read_as_they_are(
    whole: list[dict[str, bytes]], tmp_path: Path
) -> None:
    rng = np.random.default_rng(20260310)
    n_read = 0
    for number in range(10_000):
        fileset = dict(whole[number % len(whole)])
        for _ in range(rng.integers(1, 4)):
            ending = ENDINGS[rng.integers(3)]
            if fileset[ending]:
                corrupt = CORRUPTIONS[rng.integers(len(CORRUPTIONS))]
                fileset[ending] = corrupt(fileset[ending], rng)
        for ending, content in fileset.items():
            (tmp_path / f"set.{ending}").write_bytes(content)
        try:
            expected = read_simply(tmp_path)
        except RefusedError:
            with pytest.raises(InputError) as refusal:
                open_fileset(str(tmp_path / "set"), ["1"])
            sentence = str(refusal.value)
            assert sentence.startswith(f"{tmp_path}/set."), (number, sentence)
            assert "\n" not in sentence and "\r" not in sentence, (number, sentence)
            continue
        people, variants, dosages = expected
        found = open_fileset(str(tmp_path / "set"), ["1"])
        n_read += 1
        assert found.samples.to_numpy().tolist() == people, number
        assert list(found.variants.itertuples(index=False, name=None)) == variants, number
        everybody, all_variants = (np.arange(size) for size in dosages.shape)
        np.testing.assert_array_equal(found.read(all_variants, everybody), dosages, str(number))
    assert 500 < n_read < 9_500  # both ends are met often
