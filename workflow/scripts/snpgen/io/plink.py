"""PLINK 1 filesets, and the coding of alleles, dosages and missing calls in all of SNPgen.

A dosage counts A1, the allele in column 5 of the `.bim` (PLINK 2 calls it ALT). In all of SNPgen, A1 is the
effect allele and A2 (column 6) is the other allele. They are never swapped. A missing call is `MISSING`, as
in bed-reader.
"""

import filecmp
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from bed_reader import open_bed, to_bed

from snpgen.io.files import check_file, check_uncompressed, find_fault
from snpgen.io.plink_tables import genomic_order, read_bim, read_fam
from snpgen.io.samples import SampleIds, plain_iids
from snpgen.messages import Code, InputError
from snpgen.progress import Meter

MISSING = np.int8(-127)

_MAGIC = b"\x6c\x1b"
_SAMPLE_MAJOR, _VARIANT_MAJOR = b"\x00", b"\x01"
BED_HEADER = _MAGIC + _VARIANT_MAJOR
_PROBES = 64  # variants whose last byte is checked
_CHUNK = 10_000  # samples processed at once
_TOGETHER = "Copy the .bed, .bim and .fam files again, all three from the same source"


def check_bed(path: Path, n_samples: int, n_variants: int) -> None:
    """Raise `InputError` unless `path` is a variant-major `.bed` of exactly this size.

    In the last byte of a variant, unused bits must be zero. A `.bed` with more samples can have the same size
    by coincidence, but it uses these bits; some converters set them to one. Therefore the last bytes of
    `_PROBES` variants are checked.
    """
    check_file(path, "Keep .bed, .bim and .fam in one folder under one name")
    check_uncompressed(path)
    with path.open("rb") as file:
        head = file.read(3)
    if head[:2] != _MAGIC or head[2:] not in (_VARIANT_MAJOR, _SAMPLE_MAJOR):
        raise InputError(
            Code.NOT_PLINK,
            "the file is not a PLINK 1 .bed",
            "Write the fileset again with plink2 --make-bed",
            file=path,
        )
    if head[2:] == _SAMPLE_MAJOR:
        raise InputError(
            Code.SAMPLE_MAJOR,
            "the .bed is in the obsolete sample-major format",
            "Convert it with plink --make-bed",
            file=path,
        )
    n_bytes = (n_samples + 3) // 4
    expected, found = 3 + n_variants * n_bytes, path.stat().st_size
    if found != expected:
        fault = "truncated" if found < expected else "too long"
        raise InputError(
            Code.FILESET_MISMATCH,
            f"the .bed is {fault}: it has {found} bytes, but {n_samples} samples and {n_variants} "
            f"variants need {expected}",
            _TOGETHER,
            file=path,
        )
    if n_samples % 4 == 0:
        return
    unused = set()
    with path.open("rb") as file:
        for variant in np.unique(np.linspace(0, n_variants - 1, _PROBES).astype(int)):
            file.seek(3 + int(variant) * n_bytes + n_bytes - 1)
            unused.add(file.read(1)[0] >> 2 * (n_samples % 4))
    if unused == {0}:
        return
    if len(unused) == 1:  # genotypes would differ between variants
        raise InputError(
            Code.FILESET_MISMATCH,
            "the unused bits at the end of each variant are not zero, and PLINK 2 would count them",
            "Set them to zero with plink --make-bed (PLINK 1.9)",
            file=path,
        )
    raise InputError(
        Code.FILESET_MISMATCH,
        f"the .bed contains more than the {n_samples} samples of its .fam",
        _TOGETHER,
        file=path,
    )


@dataclass(frozen=True)
class Fileset:
    """One or more PLINK 1 filesets of the same samples, combined into one.

    `samples` is the `.fam` (`SAMPLE_COLUMNS`); `variants` has the `VARIANT_COLUMNS` of all files in
    genomic order (`genomic_order`), so that results do not depend on the order of the files. Both have the
    index 0..n-1. `starts` int64 (n_beds + 1,) holds the number of variants in the files before each of
    `beds`, followed by the number of variants. `file_rows` int64 (n_variants,) is the row of each variant if
    the `.bim` files are joined.
    """

    samples: pd.DataFrame
    variants: pd.DataFrame
    beds: tuple[Path, ...]
    starts: np.ndarray
    file_rows: np.ndarray

    def sample_rows(self, iids: Iterable[str]) -> np.ndarray:
        """Rows of `samples` with these IIDs, in the order of `iids`; raises `InputError` if one is missing."""
        iids = list(iids)
        rows = SampleIds.of(self.samples).rows(iids)
        if (rows < 0).any():
            iid = iids[int(np.argmin(rows))]
            raise InputError(
                Code.OUTDATED_RESULT,
                f"sample {iid} of the split is not in the .fam: the genotype files have changed since "
                "the split was made",
                "Delete the results folder and run again",
                file=self.beds[0].with_suffix(".fam"),
                sample=iid,
            )
        return rows

    def read(self, variants: np.ndarray, samples: np.ndarray, threads: int = 1) -> np.ndarray:
        """Dosages of A1 as int8 (n_samples, n_variants), column-major, `MISSING` where not called.

        `variants`, in ascending order, and `samples` are integer rows of `.variants` and `.samples`.
        """
        variants = np.asarray(variants)
        assert (np.diff(variants) >= 0).all(), "variants must be in ascending order"
        out = np.empty((len(samples), len(variants)), dtype=np.int8, order="F")
        rows = self.file_rows[variants]
        order = np.argsort(rows, kind="stable")
        for path, start, stop in zip(self.beds, self.starts[:-1], self.starts[1:], strict=True):
            first, last = np.searchsorted(rows[order], [start, stop])
            if first == last:
                continue
            index = (np.asarray(samples), rows[order[first:last]] - start)
            counts = {"iid_count": len(self.samples), "sid_count": int(stop - start)}
            with open_bed(path, **counts, skip_format_check=True) as bed:
                out[:, order[first:last]] = bed.read(
                    index, dtype="int8", order="F", num_threads=threads
                )
        return out

    def chunks(
        self, variants: np.ndarray, samples: np.ndarray, size: int, threads: int = 1
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield `variants` in chunks of `size`, each chunk with its dosages (see `read`)."""
        meter = Meter(len(variants), "variants")
        for start in range(0, len(variants), size):
            rows = np.asarray(variants)[start : start + size]
            yield rows, self.read(rows, samples, threads)
            meter.add(len(rows))


def open_fileset(pattern: str, chromosomes: list[str]) -> Fileset:
    """Open one fileset, or one per chromosome if `pattern` contains `{chromosome}`, and check them.

    Variants on other chromosomes are not removed from the table; the calling function selects rows. Raises
    `InputError` if the files are not variant-major PLINK 1 filesets of the same samples in the same order.
    """
    pattern = pattern.removesuffix(".bed")
    prefixes = [pattern]
    if "{chromosome}" in pattern:
        prefixes = [pattern.replace("{chromosome}", name) for name in chromosomes]
    first = Path(f"{prefixes[0]}.fam")
    samples = read_fam(first)
    tables, beds = [], []
    for prefix in prefixes:
        fam, bed = Path(f"{prefix}.fam"), Path(f"{prefix}.bed")
        # A .fam with the same bytes is not parsed again.
        if find_fault(fam) or not filecmp.cmp(fam, first, shallow=False):
            check_same_samples(fam, read_fam(fam), first, samples)
        tables.append(read_bim(Path(f"{prefix}.bim")))
        beds.append(bed)
        check_bed(bed, len(samples), len(tables[-1]))
    starts = np.cumsum([0, *map(len, tables)])
    variants = pd.concat(tables, ignore_index=True)
    order = genomic_order(variants)
    return Fileset(samples, variants.iloc[order].reset_index(drop=True), tuple(beds), starts, order)


def check_same_samples(
    path: str | Path, samples: pd.DataFrame, first_path: str | Path, first: pd.DataFrame
) -> None:
    """Raise `InputError` unless both files list the same samples in the same order."""
    if not SampleIds.of(samples).same(SampleIds.of(first)):
        raise InputError(
            Code.DIFFERENT_SAMPLES,
            f"the samples differ from the samples of {first_path}, or are in another order",
            "Give all chromosomes the same samples in the same order (plink2 --indiv-sort file)",
            file=path,
        )


def write_fileset(
    prefix: str, dosages: np.ndarray, samples: pd.DataFrame, variants: pd.DataFrame
) -> None:
    """Write `{prefix}.bed/.bim/.fam` from dosages of A1, int8 (n_samples, n_variants).

    `samples` has `SAMPLE_COLUMNS`, with sex (1, 2; unknown 0) and phenotype (1, 2; missing -9) as whole
    numbers; `variants` has `VARIANT_COLUMNS`.
    """
    to_bed(
        f"{prefix}.bed",
        dosages,
        properties={
            "fid": samples.FID.to_numpy(str),
            "iid": plain_iids(samples.IID).to_numpy(str),
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


def sum_calls(dosages: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of called genotypes, and sum of their dosages, int64 (n_variants,) each."""
    total, n_called = np.zeros((2, dosages.shape[1]), np.int64)
    for start in range(0, len(dosages), _CHUNK):
        part = dosages[start : start + _CHUNK]
        called = part != MISSING
        n_called += called.sum(axis=0)
        total += np.where(called, part, 0).sum(axis=0, dtype=np.int64)
    return n_called, total


def allele_frequency(dosages: np.ndarray) -> np.ndarray:
    """Frequency of A1 among called genotypes, float64 (n_variants,); NaN where all are missing."""
    n_called, total = sum_calls(dosages)
    with np.errstate(invalid="ignore"):
        return total / (2.0 * n_called)


def dosage_variance(dosages: np.ndarray) -> np.ndarray:
    """Variance of called genotypes, float64 (n_variants,); 0 where all are missing."""
    n_called, total = sum_calls(dosages)
    homozygous = np.zeros(dosages.shape[1], np.int64)
    for start in range(0, len(dosages), _CHUNK):
        homozygous += (dosages[start : start + _CHUNK] == 2).sum(axis=0)
    n_called = np.maximum(n_called, 1)
    variance: np.ndarray = (total + 2 * homozygous) / n_called - (total / n_called) ** 2
    return variance


def fill_missing(dosages: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """Dosages as float32 with missing calls set to 2p, where p is `frequency` (n_variants,)."""
    expected = np.float32(2) * frequency.astype(np.float32)
    return np.where(dosages == MISSING, expected, dosages).astype(np.float32, copy=False)


def draw_missing(dosages: np.ndarray, frequency: np.ndarray, seed: int) -> np.ndarray:
    """A copy, int8, with missing calls sampled from Binomial(2, p), where p is `frequency` (n_variants,)."""
    filled = dosages.copy()
    rows, columns = np.nonzero(dosages == MISSING)
    filled[rows, columns] = np.random.default_rng(seed).binomial(2, frequency[columns])
    return filled
