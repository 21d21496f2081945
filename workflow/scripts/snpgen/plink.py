"""PLINK 1 filesets: the one place that knows alleles, dosages and missing calls.

A dosage counts A1, the allele in column 5 of the `.bim` (PLINK 2 calls it ALT). A1 is the effect
allele everywhere in SNPgen and A2 (column 6) the other allele; no stage ever swaps them. A missing
call is `MISSING`, as bed-reader codes it.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from bed_reader import open_bed, to_bed

from snpgen.job import InputError

MISSING = np.int8(-127)

SAMPLE_COLUMNS = ["FID", "IID", "father", "mother", "sex", "phenotype"]
BIM_COLUMNS = ["chromosome", "variant_id", "cm", "position", "effect_allele", "other_allele"]
VARIANT_COLUMNS = ["chromosome", "variant_id", "position", "effect_allele", "other_allele"]

_MAGIC = b"\x6c\x1b"
_VARIANT_MAJOR = b"\x01"


def _read_columns(path: Path, names: list[str], what: str) -> pd.DataFrame:
    """The whitespace-separated columns of a `.fam` or `.bim`, all as strings."""
    if not path.is_file():
        raise InputError(f"{path} does not exist: give the path of a PLINK fileset without .bed")
    try:
        table = pd.read_csv(
            path,
            sep=r"\s+",
            header=None,
            names=[*names, "beyond"],
            index_col=False,
            dtype=str,
            na_filter=False,
            quoting=csv.QUOTE_NONE,
            skip_blank_lines=False,
        )
    except pd.errors.EmptyDataError:
        return pd.DataFrame(columns=names, dtype=str)
    except pd.errors.ParserError as error:  # of a line with two columns too many
        number, found = re.findall(r"\d+", str(error))[-2:]
        raise _wrong_columns(path, int(number), int(found), names, what) from error
    table = table[table[names[0]] != ""]
    wrong = np.flatnonzero((table[names[-1]] == "") | (table.beyond != ""))
    if len(wrong):
        row = table.iloc[wrong[0]]
        raise _wrong_columns(path, int(row.name) + 1, int((row != "").sum()), names, what)
    return table[names].reset_index(drop=True)


def _wrong_columns(path: Path, line: int, found: int, names: list[str], what: str) -> InputError:
    return InputError(
        f"{path}, line {line}: {found} columns where a {what} has {len(names)}: write the fileset "
        "again with plink --make-bed"
    )


def read_fam(path: Path) -> pd.DataFrame:
    """People of a `.fam`: columns `SAMPLE_COLUMNS`, strings, in file order.

    Raises `InputError` on a wrong number of columns or a sample id (IID) that stands twice.
    """
    samples = _read_columns(path, SAMPLE_COLUMNS, ".fam")
    repeated = samples.IID[samples.IID.duplicated()]
    if len(repeated):
        raise InputError(
            f"{path}, line {repeated.index[0] + 1}: sample id {repeated.iloc[0]} stands twice: "
            "SNPgen matches people by IID, so make the IIDs unique"
        )
    return samples


def read_bim(path: Path) -> pd.DataFrame:
    """Variants of a `.bim`: columns `VARIANT_COLUMNS`, in file order, position as int64 (bp).

    Chromosomes lose a leading "chr". Raises `InputError` on a wrong number of columns or a
    position that is not a whole number.
    """
    variants = _read_columns(path, BIM_COLUMNS, ".bim").drop(columns="cm")
    position = pd.to_numeric(variants.position, errors="coerce")
    wrong = np.flatnonzero(position.isna() | (position % 1 != 0))
    if len(wrong):
        raise InputError(
            f"{path}, line {wrong[0] + 1}: position {variants.position[wrong[0]]} is not a whole "
            "number of base pairs: correct it or leave the variant out"
        )
    variants["position"] = position.astype(np.int64)
    names = {name: name.removeprefix("chr") for name in variants.chromosome.unique()}
    variants["chromosome"] = variants.chromosome.map(names)
    return variants


def check_bed(path: Path, n_samples: int, n_variants: int) -> None:
    """Raise `InputError` unless `path` is a variant-major `.bed` of exactly this size."""
    if not path.is_file():
        raise InputError(f"{path} does not exist: .bed, .bim and .fam must stand together")
    with path.open("rb") as file:
        head = file.read(3)
    if head[:2] != _MAGIC:
        raise InputError(f"{path} is not a PLINK 1 .bed file: its first two bytes are not 6c 1b")
    if head[2:] != _VARIANT_MAJOR:
        raise InputError(
            f"{path} is in sample-major order, which PLINK gave up: write it again with plink --make-bed"
        )
    expected, found = 3 + n_variants * ((n_samples + 3) // 4), path.stat().st_size
    if found != expected:
        fault = "truncated" if found < expected else "too long"
        raise InputError(
            f"{path} is {fault}: {found} bytes where {n_samples} samples and {n_variants} variants "
            f"need {expected}: copy it again together with its .bim and .fam"
        )


@dataclass(frozen=True)
class Fileset:
    """One or more PLINK 1 filesets over the same people, seen as one.

    `samples` is the `.fam` (`SAMPLE_COLUMNS`); `variants` has `VARIANT_COLUMNS` in file order,
    over all files, with a plain 0..n-1 index.
    """

    samples: pd.DataFrame
    variants: pd.DataFrame
    beds: tuple[Path, ...]
    starts: np.ndarray  # first variant of each bed and, last, the number of variants: (n_beds + 1,)

    def sample_rows(self, iids: Iterable[str]) -> np.ndarray:
        """Rows of `.samples` with these IIDs, in the order given; `InputError` if one is not there."""
        wanted = pd.Index(iids)
        rows = pd.Index(self.samples.IID).get_indexer(wanted)
        if (rows < 0).any():
            raise InputError(
                f"sample {wanted[rows < 0][0]} is not in the .fam: the genotype files have changed "
                "since the split was made, so delete results and run again"
            )
        return rows

    def read(self, variants: np.ndarray, samples: np.ndarray, threads: int = 1) -> np.ndarray:
        """Dosages of A1 as int8 (n_samples, n_variants), column-major, `MISSING` where not called.

        `variants` (ascending) and `samples` are integer rows of `.variants` and `.samples`.
        """
        variants = np.asarray(variants)
        out = np.empty((len(samples), len(variants)), dtype=np.int8, order="F")
        for path, start, stop in zip(self.beds, self.starts[:-1], self.starts[1:], strict=True):
            first, last = np.searchsorted(variants, [start, stop])
            if first == last:
                continue
            index = (np.asarray(samples), variants[first:last] - start)
            counts = (len(self.samples), int(stop - start))
            with open_bed(
                path, iid_count=counts[0], sid_count=counts[1], skip_format_check=True
            ) as bed:
                out[:, first:last] = bed.read(index, dtype="int8", order="F", num_threads=threads)
        return out

    def chunks(
        self, variants: np.ndarray, samples: np.ndarray, size: int, threads: int = 1
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (`variants` of the chunk, their dosages as `read` gives them), `size` at a time."""
        for start in range(0, len(variants), size):
            rows = np.asarray(variants)[start : start + size]
            yield rows, self.read(rows, samples, threads)


def fileset_prefixes(pattern: str, chromosomes: list[str]) -> list[str]:
    """Prefixes of the filesets: one, or one a chromosome where `pattern` holds `{chromosome}`."""
    pattern = pattern.removesuffix(".bed")
    if "{chromosome}" not in pattern:
        return [pattern]
    return [pattern.replace("{chromosome}", chromosome) for chromosome in chromosomes]


def open_fileset(pattern: str, chromosomes: list[str]) -> Fileset:
    """Open the filesets of `pattern` (see `fileset_prefixes`) and check that they fit together.

    Variants outside `chromosomes` stay in the table; callers choose rows. Raises `InputError` on
    anything that PLINK would not read as a variant-major fileset over one list of people.
    """
    prefixes = fileset_prefixes(pattern, chromosomes)
    samples = read_fam(Path(f"{prefixes[0]}.fam"))
    tables, beds = [], []
    for prefix in prefixes:
        fam, bed = Path(f"{prefix}.fam"), Path(f"{prefix}.bed")
        if not read_fam(fam).IID.equals(samples.IID):
            raise InputError(
                f"{fam} lists other people, or another order, than {prefixes[0]}.fam: all "
                "chromosomes must hold the same samples in the same order"
            )
        tables.append(read_bim(Path(f"{prefix}.bim")))
        beds.append(bed)
        check_bed(bed, len(samples), len(tables[-1]))
    starts = np.cumsum([0, *map(len, tables)])
    return Fileset(samples, pd.concat(tables, ignore_index=True), tuple(beds), starts)


def write_fileset(
    prefix: str, dosages: np.ndarray, samples: pd.DataFrame, variants: pd.DataFrame
) -> None:
    """Write `{prefix}.bed/.bim/.fam` from dosages of A1, int8 (n_samples, n_variants).

    `samples` has `SAMPLE_COLUMNS` (phenotype as PLINK codes it: 1, 2, or -9), `variants`
    `VARIANT_COLUMNS`.
    """
    to_bed(
        f"{prefix}.bed",
        dosages,
        properties={
            "fid": samples.FID.to_numpy(str),
            "iid": samples.IID.to_numpy(str),
            "father": samples.father.to_numpy(str),
            "mother": samples.mother.to_numpy(str),
            "sex": samples.sex.to_numpy(int),
            "pheno": samples.phenotype.to_numpy(str),
            "chromosome": variants.chromosome.to_numpy(str),
            "sid": variants.variant_id.to_numpy(str),
            "bp_position": variants.position.to_numpy(int),
            "allele_1": variants.effect_allele.to_numpy(str),
            "allele_2": variants.other_allele.to_numpy(str),
        },
        count_A1=True,
    )


def allele_frequency(dosages: np.ndarray) -> np.ndarray:
    """Frequency of A1 among called genotypes, float64 (n_variants,); NaN where nobody is called."""
    called = dosages != MISSING
    n_called = called.sum(axis=0)
    total = np.where(called, dosages, 0).sum(axis=0, dtype=np.int64)
    with np.errstate(invalid="ignore"):
        return total / (2.0 * n_called)


def fill_missing(dosages: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """Dosages as float32 with missing calls at their expectation 2p, p of shape (n_variants,)."""
    expected = np.float32(2) * frequency.astype(np.float32)
    return np.where(dosages == MISSING, expected, dosages).astype(np.float32, copy=False)


def draw_missing(dosages: np.ndarray, frequency: np.ndarray, seed: int) -> np.ndarray:
    """A copy, int8, with missing calls drawn Binomial(2, p), p of shape (n_variants,)."""
    filled = dosages.copy()
    rows, columns = np.nonzero(dosages == MISSING)
    filled[rows, columns] = np.random.default_rng(seed).binomial(2, frequency[columns])
    return filled
