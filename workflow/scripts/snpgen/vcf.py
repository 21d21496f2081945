"""A fileset as VCF, compressed in the blocks that bgzip writes, so that tabix can index it.

REF is A2 and ALT is A1, the allele that a dosage counts.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from snpgen.messages import InputError
from snpgen.plink import MISSING, Fileset

_GENOTYPES = np.array([b"\t0/0", b"\t0/1", b"\t1/1", b"\t./."])
_REF, _ALT = r"[ACGTNacgtn]+", r"[ACGTNacgtn]+|<[^<>\s,]+>"
_BLOCK = 65_280  # bytes that bgzip puts into a block
_CHUNK = 1 << 24  # genotypes held at once, a byte each
_HEADER = """##fileformat=VCFv4.3
##source=SNPgen
{contigs}
##INFO=<ID=PR,Number=0,Type=Flag,Description="Which allele the reference genome has is not known">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{iids}
"""


def write_vcf(fileset: Fileset, prefix: str) -> None:
    """Write a fileset as `{prefix}.vcf.gz`: unphased genotypes, people by IID.

    Variants come in file order, and carry the flag PR: a `.bim` does not tell which allele the
    reference has. Their alleles must be such as `check_alleles` lets pass.
    """
    with Path(f"{prefix}.vcf.gz").open("wb") as file:
        file.writelines(compress_block(block) for block in _blocks(_lines(fileset)))
        file.write(compress_block(b""))  # what marks the end


def check_alleles(variants: pd.DataFrame) -> None:
    """Raise `InputError` on an allele that VCF has no word for, as I and D."""
    right = variants.effect_allele.str.fullmatch(_ALT) & variants.other_allele.str.fullmatch(_REF)
    if not right.all():
        row = variants[~right].iloc[0]
        raise InputError(
            f"variant {row.variant_id} has the alleles {row.effect_allele} and {row.other_allele}, which "
            "VCF does not allow: take vcf out of release.formats, or list the variant in panel.exclude"
        )


def _lines(fileset: Fileset) -> Iterator[bytes]:
    variants, everybody = fileset.variants, np.arange(len(fileset.samples))
    contigs = [f"##contig=<ID={name}>" for name in variants.chromosome.unique()]
    iids = "\t".join(fileset.samples.IID)
    yield _HEADER.format(contigs="\n".join(contigs), iids=iids).encode()
    size = max(1, _CHUNK // len(everybody))
    for rows, dosages in fileset.chunks(np.arange(len(variants)), everybody, size):
        codes = np.where(dosages == MISSING, 3, dosages)
        for row, code in zip(variants.iloc[rows].itertuples(), codes.T, strict=True):
            place = f"{row.chromosome}\t{row.position}\t{row.variant_id}"
            alleles = f"{row.other_allele}\t{row.effect_allele}"
            yield f"{place}\t{alleles}\t.\t.\tPR\tGT".encode()
            yield _GENOTYPES[code].tobytes()
            yield b"\n"


def _blocks(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes, `_BLOCK` at a time."""
    waiting = bytearray()
    for part in parts:
        waiting += part
        whole = len(waiting) // _BLOCK * _BLOCK
        for start in range(0, whole, _BLOCK):
            yield bytes(waiting[start : start + _BLOCK])
        del waiting[:whole]
    yield bytes(waiting)


def compress_block(data: bytes) -> bytes:
    """At most 65,280 bytes as one block of BGZF (SAM specification, 4.1), which is a member of gzip.

    It says in an extra field how long it is, so that a reader can jump from block to block.
    """
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(data) + packer.flush()
    head = struct.pack("<4BI2BH2B2H", 31, 139, 8, 4, 0, 0, 255, 6, 66, 67, 2, len(packed) + 25)
    return head + packed + struct.pack("<2I", zlib.crc32(data), len(data))
