"""Log likelihood of genotypes and its gradient in closed form, in one pass over the log odds.

Computes the same as `genotype_log_likelihood` and `Inbreeding.log_likelihood_gain`, whose many operations on small
arrays would take most of the time of a training step on a CPU. The gradient of the chain of homozygosity by descent is
that of the forward algorithm, backwards.
"""

import math
from functools import partial
from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor

from snpgen.generator.inbreeding import ERROR
from snpgen.generator.sigmoid import exponential, sigmoid
from snpgen.generator.threads import compute_parts

TILE = 64  # individuals whose chains fit into the cache
# Places of rows of intermediate results. Indices are unsigned: a loop is not vectorised if they may be negative.
_COLUMNS = np.uint64(TILE)
_FIRST, _SECOND, _DOSAGE, _CALLED, _RATE = (np.uint64(TILE * row) for row in range(5))
_SHARE, _COPIED, _CHANCE, _INSIDE, _FACTOR = (np.uint64(TILE * row) for row in range(5, 10))
_LIKELIHOOD, _POSTERIOR, _BY_RATE, _BY_SHARE, _SLOPE = (
    np.uint64(TILE * row) for row in range(10, 15)
)
_EVERY = 8  # factors between two logarithms, so that their product in float64 can be represented
_MAX_LOG = np.float32(87)  # of the inverse of a probability
_ONE, _ZERO = np.float32(1), np.float32(0)
_WITHIN, _ERROR = np.float32(1 - ERROR), np.float32(ERROR)


class LogLikelihood(torch.autograd.Function):
    """Log likelihood (n,) of the genotypes of n individuals at m variants.

    Arguments of `apply`: `logits` float32 (m, 2, n) of both haplotypes; `inbred`, `rate` and `share` float32 (n,), the
    log odds of being inbred and the parameters of the chain (`inbreeding`); `dosages` int8 (m, n) and `called` bool (m,
    n); `distance` float32 (m,) from the variant before in Morgans, and `linked` float32 (m,), 0 if there is none on the
    chromosome. Log odds beyond 40 count as 40. Returns also the gradients by `logits` and by the other three
    arguments.
    """

    @staticmethod
    def forward(
        logits: Tensor,
        inbred: Tensor,
        rate: Tensor,
        share: Tensor,
        dosages: Tensor,
        called: Tensor,
        distance: Tensor,
        linked: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        n = logits.shape[2]
        inputs = logits, inbred, rate, share, dosages, called, distance, linked
        outputs = torch.empty(n), torch.empty(logits.shape), torch.empty(3, n)
        arrays = [array.contiguous().numpy() for array in (*inputs, *outputs)]
        tile: Any = _tile
        starts = range(0, n, TILE)
        list(compute_parts(partial(tile, *arrays), starts))
        outputs[0].add_(0 * logits.sum(dim=(0, 1)))  # not finite if the logits are not
        return outputs

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, ...]) -> None:
        """Save the gradients."""
        ctx.mark_non_differentiable(*output[1:])
        ctx.set_materialize_grads(False)  # of the other outputs
        ctx.save_for_backward(*output[1:])

    @staticmethod
    def backward(ctx: Any, total: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        """Multiply the gradients by that of the result, (n,)."""
        by_logits, others = ctx.saved_tensors
        return total * by_logits, *(total * others), None, None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Tensor) -> tuple[Any, Any]:
        """The individuals of all members of the batch are computed together."""
        n, together = info.batch_size, []
        for values, dim in zip(inputs[:6], in_dims, strict=False):
            single = values.expand(n, *values.shape) if dim is None else values.movedim(dim, 0)
            together.append(single.movedim(0, -2).flatten(-2))
        outputs = LogLikelihood.apply(*together, *inputs[6:])
        return tuple(x.unflatten(-1, (n, -1)).movedim(-2, 0) for x in outputs), (0, 0, 0)


@njit(nogil=True, cache=True)
def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _tile(
    logits: np.ndarray,
    inbred: np.ndarray,
    rate: np.ndarray,
    share: np.ndarray,
    dosages: np.ndarray,
    called: np.ndarray,
    distance: np.ndarray,
    linked: np.ndarray,
    total: np.ndarray,
    by_logits: np.ndarray,
    by_others: np.ndarray,
    begin: int,
) -> None:
    """Compute the results of `LogLikelihood` for the individuals from `begin`.

    Intermediate results are rows of `w`, of constant length: the compiler vectorises loops only if it knows that the
    arrays do not overlap.
    """
    m, n = dosages.shape
    start = np.uint64(begin)
    size = min(_COLUMNS, np.uint64(n - begin))
    w = np.zeros(15 * TILE, np.float32)
    predicted, ratio = np.empty((2, m, TILE), np.float32)
    products, sums = np.ones((2, TILE)), np.zeros((2, TILE))  # likelihoods; factors of the chain
    for k in range(size):
        w[_RATE + k], w[_SHARE + k] = rate[start + k], share[start + k]
    for j in range(m):
        link, morgans = linked[j], distance[j]
        for k in range(size):
            w[_FIRST + k] = logits[j, 0, start + k]
        for k in range(size):
            w[_SECOND + k] = logits[j, 1, start + k]
        for k in range(size):
            w[_DOSAGE + k] = dosages[j, start + k]
        for k in range(size):
            w[_CALLED + k] = called[j, start + k]
        for k in range(_COLUMNS):
            p, q = sigmoid(w[_FIRST + k]), sigmoid(-w[_FIRST + k])
            s, r = sigmoid(w[_SECOND + k]), sigmoid(-w[_SECOND + k])
            het, two, known = w[_DOSAGE + k] == _ONE, w[_DOSAGE + k] > _ONE, w[_CALLED + k]
            likelihood = p * r + q * s if het else (p * s if two else q * r)
            scale = _ONE / likelihood
            first = p * r * scale if het else (_ONE if two else _ZERO)
            second = q * s * scale if het else first
            w[_FIRST + k] = known * (first - p)
            w[_SECOND + k] = known * (second - s)
            inside = _ERROR * scale if het else _WITHIN / (s if two else r)
            inside = _ONE + known * (inside - _ONE)
            kept = link * exponential(-min(w[_RATE + k] * morgans, _MAX_LOG))
            chance = kept * w[_COPIED + k] + (_ONE - kept) * w[_SHARE + k]
            factor = _ONE + chance * (inside - _ONE)
            w[_COPIED + k] = chance * inside / factor
            w[_CHANCE + k], w[_INSIDE + k], w[_FACTOR + k] = chance, inside, factor
            w[_LIKELIHOOD + k] = likelihood if known > _ZERO else _ONE
        for k in range(size):
            by_logits[j, 0, start + k] = w[_FIRST + k]
        for k in range(size):
            by_logits[j, 1, start + k] = w[_SECOND + k]
        for k in range(_COLUMNS):
            predicted[j, k] = w[_CHANCE + k]
        for k in range(_COLUMNS):
            ratio[j, k] = w[_INSIDE + k]
        for k in range(_COLUMNS):
            products[0, k] *= w[_LIKELIHOOD + k]
        for k in range(_COLUMNS):
            products[1, k] *= w[_FACTOR + k]
        if j % _EVERY == _EVERY - 1 or j == m - 1:
            for row in range(2):
                for k in range(size):
                    sums[row, k] += math.log(products[row, k])
                    products[row, k] = 1
    w[_BY_RATE:] = 0
    for k in range(size):
        i = start + k
        prior, odds = 1 / (1 + math.exp(-inbred[i])), inbred[i] + sums[1, k]
        w[_POSTERIOR + k] = 1 / (1 + math.exp(-odds))
        # The sum over both states: outbred, and inbred with the gain of the chain.
        total[i] = sums[0, k] + _softplus(odds) - _softplus(inbred[i])
        by_others[0, i] = w[_POSTERIOR + k] - prior
    for j in range(m - 1, -1, -1):
        link, morgans = linked[j], distance[j]
        for k in range(_COLUMNS):
            w[_CHANCE + k] = predicted[j, k]
        for k in range(_COLUMNS):
            w[_INSIDE + k] = ratio[j, k]
        for k in range(size):
            w[_DOSAGE + k] = dosages[j, start + k]
        for k in range(_COLUMNS):
            chance, inside, slope = w[_CHANCE + k], w[_INSIDE + k], w[_SLOPE + k]
            factor = _ONE / (_ONE + chance * (inside - _ONE))
            by_chance = factor * (inside - _ONE + slope * inside * factor)
            by_ratio = factor * chance * (_ONE + slope * (_ONE - chance) * factor)
            scale = _ONE - w[_POSTERIOR + k] * by_ratio * inside
            w[_SECOND + k] = scale
            w[_FIRST + k] = scale if w[_DOSAGE + k] == _ONE else _ONE
            kept = link * exponential(-min(w[_RATE + k] * morgans, _MAX_LOG))
            # chance = kept * copied before + (1 - kept) * share
            w[_BY_RATE + k] -= by_chance * morgans * (chance - w[_SHARE + k])
            w[_BY_SHARE + k] += by_chance * (_ONE - kept)
            w[_SLOPE + k] = by_chance * kept
        for k in range(size):
            by_logits[j, 0, start + k] *= w[_FIRST + k]
        for k in range(size):
            by_logits[j, 1, start + k] *= w[_SECOND + k]
    for k in range(size):
        by_others[1, start + k] = w[_BY_RATE + k] * w[_POSTERIOR + k]
        by_others[2, start + k] = w[_BY_SHARE + k] * w[_POSTERIOR + k]
