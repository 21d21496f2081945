"""Panels as tokens: blocks of neighbouring variants that never cross a chromosome."""

import numpy as np
from torch import Tensor

PADDING = -1


def make_blocks(chromosomes: np.ndarray, size: int) -> np.ndarray:
    """Cut a panel in genomic order into blocks of at most `size` variants of one chromosome.

    Returns int64 (n_blocks, size): the variants of each block, then `PADDING`. A chromosome's
    blocks differ by at most one variant in length, so that no token is nearly empty.
    """
    blocks = []
    for chromosome in dict.fromkeys(chromosomes):
        variants = np.flatnonzero(chromosomes == chromosome)
        for part in np.array_split(variants, -(-len(variants) // size)):
            blocks.append(np.pad(part, (0, size - len(part)), constant_values=PADDING))
    return np.array(blocks, dtype=np.int64)


def neighbours(blocks: np.ndarray, chromosomes: np.ndarray) -> np.ndarray:
    """Blocks before and after each block on its chromosome, int64 (n_blocks, 2), or `PADDING`."""
    of_block = chromosomes[blocks[:, 0]]
    index = np.arange(len(blocks))
    same = of_block[1:] == of_block[:-1]
    before = np.concatenate([[PADDING], np.where(same, index[:-1], PADDING)])
    after = np.concatenate([np.where(same, index[1:], PADDING), [PADDING]])
    return np.stack([before, after], axis=1)


def take(tokens: Tensor, index: Tensor) -> Tensor:
    """Tokens (n, n_blocks, ...) at `index` (int64, any shape), zero where it is `PADDING`."""
    taken = tokens[:, index.clamp(min=0)]
    keep = (index >= 0).view(1, *index.shape, *[1] * (tokens.dim() - 2))
    return taken * keep.to(taken.dtype)
