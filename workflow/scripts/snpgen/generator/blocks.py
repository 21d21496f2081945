"""Blocks of adjacent variants (the tokens of the autoencoder), and layers with weights per block.

A block never spans two chromosomes. Each block has its own weights, because LD differs between loci. In a
convolution, all loci would share the same weights.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

PADDING = -1


def make_blocks(chromosomes: np.ndarray, size: int) -> np.ndarray:
    """Split the panel's variants, in genomic order, into blocks of at most `size` variants.

    Returns the indices of the variants of each block, int64 (n_blocks, size), padded with `PADDING`.
    The blocks of a chromosome differ in length by at most one variant, so that no block is nearly empty.
    """
    blocks = []
    for chromosome in dict.fromkeys(chromosomes):
        variants = np.flatnonzero(chromosomes == chromosome)
        for part in np.array_split(variants, -(-len(variants) // size)):
            blocks.append(np.pad(part, (0, size - len(part)), constant_values=PADDING))
    return np.array(blocks, dtype=np.int64)


def adjacent_blocks(blocks: np.ndarray, chromosomes: np.ndarray) -> np.ndarray:
    """Indices of the previous and the next block on the chromosome, int64 (n_blocks, 2).

    The index is `PADDING` if there is no such block.
    """
    block_chromosome = chromosomes[blocks[:, 0]]
    index = np.arange(len(blocks))
    same = block_chromosome[1:] == block_chromosome[:-1]
    previous = np.concatenate([[PADDING], np.where(same, index[:-1], PADDING)])
    following = np.concatenate([np.where(same, index[1:], PADDING), [PADDING]])
    return np.stack([previous, following], axis=1)


def take_blocks(values: Tensor, index: Tensor) -> Tensor:
    """Take the blocks `index` int64 (k,) from `values` (n_blocks, ...).

    Values are zero where the index is `PADDING`.
    """
    keep = (index >= 0).view(-1, *[1] * (values.dim() - 1))
    return values[index.clamp(min=0)] * keep.to(values.dtype)


class BlockLinear(nn.Module):
    """A separate linear layer for each block: (blocks, inputs, n) to (blocks, outputs, n).

    The individuals are the last dimension, so that the matrix products of all blocks need no copies.
    """

    def __init__(self, blocks: int, inputs: int, outputs: int, zero: bool = False) -> None:
        """Initialise weights uniformly within 1 / sqrt(inputs), or with zeros if `zero`."""
        super().__init__()
        bound = 0.0 if zero else 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(blocks, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(blocks, outputs))

    def forward(
        self, x: Tensor, mask: Tensor | None = None, blocks: Tensor | None = None
    ) -> Tensor:
        """Apply the layer of each block, with weights multiplied by `mask` (inputs, outputs).

        If `blocks` (int64) is given, `x` holds only these blocks.
        """
        weight: Tensor = self.weight if mask is None else self.weight * mask
        bias: Tensor = self.bias
        if blocks is not None:
            weight, bias = weight[blocks], bias[blocks]
        return torch.baddbmm(bias.unsqueeze(2), weight.transpose(1, 2), x)

    def sum_over_blocks(self, x: Tensor) -> Tensor:
        """Sum of the outputs of all blocks, (n, outputs)."""
        return torch.addmm(self.bias.sum(dim=0), x.flatten(0, 1).T, self.weight.flatten(0, 1))
