"""Bits of a .bed beyond the last sample must be zero; the message distinguishes filling from further samples."""

from pathlib import Path

import numpy as np
import pytest

from snpgen.io.plink import check_bed
from snpgen.messages import Code, InputError

N, M = 6, 40  # two genotypes of the second byte are unused


def write_bed(path: Path, filling: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    rows = rng.choice(np.array([0, 2, 3], np.uint8), (M, N))
    rows = np.hstack([rows, filling]).astype(np.uint8).reshape(M, -1, 4)
    packed = (rows << (2 * np.arange(4, dtype=np.uint8))).sum(axis=2).astype(np.uint8)
    path.write_bytes(b"\x6c\x1b\x01" + packed.tobytes())


@pytest.mark.parametrize(
    ("filling", "what"),
    [
        (np.full((M, 2), 3), "unused bits"),
        (np.full((M, 2), 1), "unused bits"),
        (np.arange(2 * M).reshape(M, 2) % 4, "more than the 6 samples"),
    ],
)
def test_bits_that_are_not_zero_are_refused(filling: np.ndarray, what: str, tmp_path: Path) -> None:
    path = tmp_path / "set.bed"
    write_bed(path, filling)
    with pytest.raises(InputError) as error:
        check_bed(path, N, M)
    assert error.value.code == Code.FILESET_MISMATCH and what in error.value.what


def test_zeros_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "set.bed"
    write_bed(path, np.zeros((M, 2)))
    check_bed(path, N, M)
