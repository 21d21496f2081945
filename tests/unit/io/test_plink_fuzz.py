"""Five thousand corrupted filesets: each is refused, or read as an independent reader reads its bytes."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from test_plink import make_dosages, make_tables

from snpgen.genetics.packed import DOSAGES_OF_BYTE, NO_CALL, read_packed, unpack
from snpgen.io.plink import MISSING, Fileset, check_bed, open_fileset, write_fileset
from snpgen.io.plink_tables import read_bim, read_fam
from snpgen.messages import InputError

SIZES = [(1, 1), (2, 5), (3, 4), (4, 3), (5, 2), (9, 6)]  # samples and variants
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


def read_samples(path: Path) -> list[list[str]]:
    individuals = read_fields(path)
    iids = [row[1] for row in individuals]
    refuse_if(individuals[0][0].startswith("#") or iids[0].upper() == "IID")
    if len(set(iids)) < len(iids):
        iids = [f"{row[0]} {row[1]}" for row in individuals]
    refuse_if(len(set(iids)) < len(iids))
    return [[row[0], iid, *row[2:]] for row, iid in zip(individuals, iids, strict=True)]


def read_variants(path: Path) -> list[tuple]:
    variants = []
    for chromosome, name, _, position, first, second in read_fields(path):
        refuse_if(not re.fullmatch("-?[0-9]{1,10}", position))
        refuse_if(first == second and first not in ("0", "."))
        chromosome = re.sub("^chr", "", chromosome, flags=re.IGNORECASE)
        if re.fullmatch("[0-9]*[1-9][0-9]*", chromosome):
            chromosome = chromosome.lstrip("0")
        if name in (".", "NA", "-", "---"):
            name = f"{chromosome}:{int(position)}:{second}:{first}"
        variants.append((chromosome, name, int(position), first, second))
    return variants


def in_genome(variant: tuple) -> tuple:
    """The place of a variant: by number of the chromosome, then by name, position, ID and alleles."""
    chromosome, name, position, first, second = variant
    number = int(chromosome) if chromosome.isdecimal() else np.inf
    return number, chromosome, position, name, first, second


def read_dosages(path: Path, n_samples: int, n_variants: int) -> np.ndarray:
    content, width = path.read_bytes(), -(-n_samples // 4)
    refuse_if(content[:3] != b"\x6c\x1b\x01" or len(content) != 3 + width * n_variants)
    dosages = np.empty((n_samples, n_variants), dtype=np.int8)
    for variant in range(n_variants):
        row = content[3 + variant * width : 3 + (variant + 1) * width]
        codes = [byte >> shift & 3 for byte in row for shift in (0, 2, 4, 6)]
        refuse_if(any(codes[n_samples:]))
        dosages[:, variant] = [(2, MISSING, 1, 0)[code] for code in codes[:n_samples]]
    return dosages


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
    """The bytes of small filesets whose numbers of samples fill the last byte in every way."""
    folder = tmp_path_factory.mktemp("whole")
    filesets = []
    for n_samples, n_variants in SIZES:
        prefix = folder / "set"
        dosages = make_dosages(n_samples, n_variants, seed=n_samples)
        write_fileset(str(prefix), dosages, *make_tables(n_samples, n_variants))
        filesets.append({end: prefix.with_suffix(f".{end}").read_bytes() for end in ENDINGS})
    return filesets


def corrupt(content: bytes, rng: np.random.Generator, share_flipped: float = 0) -> bytes:
    """One to three corruptions after each other, a share of the results with flipped bits alone."""
    kinds = [flip] if rng.random() < share_flipped else CORRUPTIONS
    for _ in range(rng.integers(1, 4)):
        if content:
            content = kinds[rng.integers(len(kinds))](content, rng)
    return content


def compare(number: int, expect: Callable[[], object], read: Callable[[], object]) -> bool:
    """Whether the file is read, then as expected; otherwise it is refused in one line."""
    try:
        expected = expect()
    except RefusedError:
        with pytest.raises(InputError) as refusal:
            read()
        file, text = Path(str(refusal.value.file)).name, str(refusal.value)
        assert file in ("set.bed", "set.bim", "set.fam") and "\n" not in text, number
        return False
    np.testing.assert_equal(read(), expected, str(number))
    return True


def test_corrupted_fam(whole: list[dict[str, bytes]], tmp_path: Path) -> None:
    rng, path = np.random.default_rng(1), tmp_path / "set.fam"
    n_read = 0
    for number in range(1_000):
        path.write_bytes(corrupt(whole[number % len(whole)]["fam"], rng))
        n_read += compare(
            number, lambda: read_samples(path), lambda: read_fam(path).to_numpy().tolist()
        )
    assert 100 < n_read < 900


def test_corrupted_bim(whole: list[dict[str, bytes]], tmp_path: Path) -> None:
    rng, path = np.random.default_rng(2), tmp_path / "set.bim"
    n_read = 0
    for number in range(1_000):
        path.write_bytes(corrupt(whole[number % len(whole)]["bim"], rng))
        n_read += compare(
            number,
            lambda: read_variants(path),
            lambda: list(read_bim(path).itertuples(index=False, name=None)),
        )
    assert 100 < n_read < 900


def test_corrupted_bed(whole: list[dict[str, bytes]], tmp_path: Path) -> None:
    """Both readers, that of dosages and that of packed genotypes."""
    rng, path = np.random.default_rng(3), tmp_path / "set.bed"

    def read(fileset: Fileset) -> np.ndarray:
        rows, individuals = (np.arange(len(table)) for table in (fileset.variants, fileset.samples))
        check_bed(path, len(individuals), len(rows))
        dosages, unpacked = fileset.read(rows, individuals), np.empty(len(individuals), np.uint8)
        for row, packed in enumerate(read_packed(fileset, rows)):
            scratch = np.empty(len(packed), np.uint32)
            unpack(packed, DOSAGES_OF_BYTE, individuals, scratch, unpacked)
            of_packed = np.where(unpacked == NO_CALL, MISSING, unpacked.astype(np.int8))
            assert of_packed.tolist() == dosages[:, row].tolist()
        return dosages

    filesets = [
        Fileset(*make_tables(*size), (path,), np.array([0, size[1]]), np.arange(size[1]))
        for size in SIZES
    ]
    n_read = 0
    for number in range(3_000):
        kind = number % len(SIZES)
        path.write_bytes(corrupt(whole[kind]["bed"], rng, share_flipped=0.5))
        expect = partial(read_dosages, path, *SIZES[kind])
        n_read += compare(number, expect, partial(read, filesets[kind]))
    assert 300 < n_read < 2_700


def test_corrupted_filesets(whole: list[dict[str, bytes]], tmp_path: Path) -> None:
    rng, n_read = np.random.default_rng(4), 0
    paths = {ending: tmp_path / f"set.{ending}" for ending in ENDINGS}

    def expect() -> tuple:
        individuals, variants = read_samples(paths["fam"]), read_variants(paths["bim"])
        dosages = read_dosages(paths["bed"], len(individuals), len(variants))
        order = sorted(range(len(variants)), key=lambda row: in_genome(variants[row]))
        return individuals, [variants[row] for row in order], dosages[:, order]

    def read() -> tuple:
        fileset = open_fileset(str(tmp_path / "set"), ["1"])
        rows, individuals = (np.arange(len(table)) for table in (fileset.variants, fileset.samples))
        variants = list(fileset.variants.itertuples(index=False, name=None))
        dosages = fileset.read(rows, individuals)
        return fileset.samples.to_numpy().tolist(), variants, dosages

    for number in range(150):
        for ending, content in whole[number % len(whole)].items():
            is_broken = rng.random() < 0.4
            paths[ending].write_bytes(corrupt(content, rng) if is_broken else content)
        n_read += compare(number, expect, read)
    assert 30 < n_read < 120
