"""Blocks of adjacent variants (the tokens of the autoencoder), and layers with weights per block.

A block never spans two chromosomes. Each block has its own weights, because LD differs between loci. In a
convolution, all loci would share the same weights.
"""

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

PADDING = -1
_AT_ONCE = 32  # blocks whose hidden units are in the cache of a CPU at once


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
        return _linear(x, weight, bias)


def run_block_networks(
    x: Tensor,
    shared: Tensor,
    weight: Tensor,
    shared_weight: Tensor,
    bias: Tensor,
    out_weight: Tensor,
    out_bias: Tensor,
    total: bool = False,
) -> Tensor:
    """Outputs (n_blocks, outputs, n) of a network with one hidden layer for each block, or their `total` (outputs, n).

    The hidden units are SiLU functions of `x` (n_blocks, inputs, n), the data of the blocks, and of `shared` (k, c),
    variables of all blocks, which are repeated if n is a multiple of k. `weight` (n_blocks, inputs, hidden),
    `shared_weight` (n_blocks, c, hidden) and `bias` (n_blocks, hidden) are those of the hidden layer, `out_weight`
    (n_blocks, hidden, outputs) and `out_bias` (n_blocks, outputs) those of the outputs. On a CPU, hidden units are
    computed for a few blocks at once, so that they fit into its cache, and again for the gradient. No gradient is
    computed for `x`.
    """
    arguments = x, shared, weight, shared_weight, bias, out_weight, out_bias, total
    found: Tensor = (_BlockNetworks.apply if x.device.type == "cpu" else _at_once)(*arguments)
    return found


def _at_once(
    x: Tensor,
    shared: Tensor,
    weight: Tensor,
    shared_weight: Tensor,
    bias: Tensor,
    out_weight: Tensor,
    out_bias: Tensor,
    total: bool,
) -> Tensor:
    hidden = _hidden(x, shared, weight, shared_weight, bias)
    outputs = _linear(F.silu(hidden), out_weight, out_bias)
    return outputs.sum(dim=0) if total else outputs


def _linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return torch.baddbmm(bias.unsqueeze(2), weight.transpose(1, 2), x)


def _hidden(
    x: Tensor, shared: Tensor, weight: Tensor, shared_weight: Tensor, bias: Tensor
) -> Tensor:
    """Hidden units before the SiLU function, (n_blocks, hidden, n)."""
    repeated = shared.T.repeat(1, x.shape[2] // len(shared))
    from_shared = _linear(repeated.expand(len(x), -1, -1), shared_weight, bias)
    return torch.baddbmm(from_shared, weight.transpose(1, 2), x)


def _slices(n_blocks: int) -> list[slice]:
    """Slices of about equal size: the products of few matrices would be divided among threads, with other rounding."""
    size = -(-n_blocks // -(-n_blocks // _AT_ONCE))
    return [slice(start, start + size) for start in range(0, n_blocks, size)]


class _BlockNetworks(torch.autograd.Function):
    """The computation of `run_block_networks`, at most `_AT_ONCE` blocks at a time."""

    @staticmethod
    def forward(x: Tensor, shared: Tensor, *weights_and_total: Any) -> Tensor:
        *weights, total = weights_and_total
        parts = []
        for some in _slices(len(x)):
            own = [x[some], shared, *(array[some] for array in weights), total]
            parts.append(_at_once(*own))
        return torch.stack(parts).sum(dim=0) if total else torch.cat(parts)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:6])
        ctx.total = inputs[7]

    @staticmethod
    def backward(ctx: Any, by_output: Tensor) -> tuple[Tensor | None, ...]:
        x, shared, weight, shared_weight, bias, out_weight = ctx.saved_tensors
        if ctx.total:
            by_output = by_output.expand(len(x), -1, -1)
        by_shared, parts = torch.zeros_like(shared), []
        for some in _slices(len(x)):
            own, by_own = x[some], by_output[some]
            hidden = _hidden(own, shared, weight[some], shared_weight[some], bias[some])
            with torch.enable_grad():
                units = F.silu(hidden.requires_grad_())
            (by_hidden,) = torch.autograd.grad(units, hidden, out_weight[some] @ by_own)
            by_out_weight = units.detach() @ by_own.transpose(1, 2)
            gradients = [own @ by_hidden.transpose(1, 2)]
            by_hidden = by_hidden.unflatten(2, (-1, len(shared))).sum(dim=2)  # over repetitions
            gradients += [(by_hidden @ shared).transpose(1, 2), by_hidden.sum(dim=2)]
            parts.append([*gradients, by_out_weight, by_own.sum(dim=2)])
            by_units = shared_weight[some].transpose(1, 2).flatten(0, 1)
            by_shared.addmm_(by_hidden.flatten(0, 1).T, by_units)
        return None, by_shared, *(torch.cat(part) for part in zip(*parts, strict=True)), None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Any) -> tuple[Tensor, int]:
        """Compute all blocks at once: with own weights of each individual, hidden units are few."""
        return torch.vmap(_at_once, in_dims)(*inputs), 0
