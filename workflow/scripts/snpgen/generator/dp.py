"""Differential privacy (DP) of the generator: privacy budget, noisy frequencies and DP-SGD.

Adding or removing one training individual changes the distribution of the released data by no more than
epsilon and delta allow (Dwork et al. 2006). Three mechanisms use the training individuals:

- the allele frequencies, released once with Gaussian noise; they initialise the decoder and are the
  targets of calibration,
- the weights of the autoencoder, trained by DP-SGD (Abadi et al. 2016, arXiv 1607.00133) on Poisson
  samples,
- the weights of the denoiser, trained in the same way.

The PRV accountant (Gopi et al. 2021, arXiv 2106.02848) of Opacus computes the epsilon of the three
mechanisms together. All other released data depend only on the results of these mechanisms and on
quantities that are regarded as public: the numbers of individuals by label, sex and group, call rates, and
the panel.
"""

import hashlib
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor, nn
from torch.func import functional_call, vmap

from snpgen.generator.conditions import ConditionEncoding
from snpgen.generator.frequencies import cross_products, inverse_gram
from snpgen.io.files import read_json
from snpgen.io.panel import Panel
from snpgen.io.plink import MISSING

# Approximate shares of the privacy budget.
BUDGET_SHARES = {"frequencies": 0.25, "vae": 0.6, "diffusion": 0.15}
DELTA_EXPONENT = 1.1  # default delta is n^-1.1, which is below 1/n
_PRECISION = 1e-3  # relative precision of the noise
_MAX_ELEMENTS = {"cpu": 2**24, "cuda": 2**28}  # of per-sample gradients in memory at once
_STABILISER = 0.01  # added to the norm of a gradient (Bu et al. 2023)


@dataclass(frozen=True)
class PrivacyBudget:
    """Epsilon and delta, and the noise multiplier (standard deviation / sensitivity) of each mechanism."""

    epsilon: float
    delta: float
    noise: dict[str, float]


def load_privacy_budget(card_path: str) -> PrivacyBudget | None:
    """The privacy budget in the card of an autoencoder; None without differential privacy."""
    card = read_json(card_path)["differential_privacy"]
    return PrivacyBudget(**card) if card else None


def allocate_privacy_budget(
    epsilon: float, delta: float | None, n_samples: int, training: dict[str, dict]
) -> PrivacyBudget:
    """Find the smallest noise of the three mechanisms that satisfies `epsilon` and `delta`.

    `delta` is n^-1.1 if None. `training` holds steps and batch_size of "vae" and "diffusion". The privacy
    budget is divided in proportion to `BUDGET_SHARES`: a mechanism with sampling rate q, T steps and noise
    multiplier s spends about (q / s)^2 T.
    """
    from opacus.accountants import PRVAccountant  # loading it takes a second

    delta = n_samples**-DELTA_EXPONENT if delta is None else delta
    runs = {"frequencies": (1.0, 1)} | {
        name: (min(1.0, own["batch_size"] / n_samples), own["steps"])
        for name, own in training.items()
    }

    def noise(scale: float) -> dict[str, float]:
        return {
            name: scale * rate * math.sqrt(steps / BUDGET_SHARES[name])
            for name, (rate, steps) in runs.items()
        }

    def spent(scale: float) -> float:
        account = PRVAccountant()
        account.history = [(s, *runs[name]) for name, s in noise(scale).items()]
        with warnings.catch_warnings(action="ignore"):  # the accountant takes the log of 0
            return float(account.get_epsilon(delta))

    # Without subsampling, the scale is 1 / sqrt(2 rho) (Bun & Steinke 2016, proposition 1.3).
    log = math.log(1 / delta)
    guess = 1 / (math.sqrt(2) * (math.sqrt(log + epsilon) - math.sqrt(log)))
    low, high = guess / 2, guess
    while spent(high) > epsilon:
        low, high = high, 2 * high
    while spent(low) < epsilon:
        low, high = low / 2, low
    scale = brentq(lambda scale: spent(scale) - epsilon, low, high, rtol=_PRECISION)
    return PrivacyBudget(epsilon, delta, noise(scale * (1 + 2 * _PRECISION)))


def dp_frequencies(
    panel: Panel, encoding: ConditionEncoding, noise: float, seed: int
) -> np.ndarray:
    """Training allele frequencies by condition, float64 (c, m), released by the Gaussian mechanism.

    `noise` is the standard deviation divided by the sensitivity. The result is the same for the same panel
    and seed.
    """
    dosages, conditions = panel.of("train")[0], encoding.encode_split(panel, "train")
    called = dosages != MISSING
    total = cross_products((dosages - 1) * called, conditions)  # a missing call contributes 0
    normal = draw_secret(seed, dosages, "private frequencies").standard_normal(total.shape)
    noisy = total + noise * frequency_sensitivity(encoding, dosages.shape[1]) * normal
    call_rate = called.mean(axis=0).clip(min=0.5 / len(called))
    frequencies = inverse_gram(conditions) @ (noisy / call_rate) / 2
    label = frequencies[: encoding.n_classes]
    edge = 0.5 / len(conditions)
    label[:] = (label + 0.5).clip(edge, 1 - edge)
    return frequencies


def frequency_sensitivity(encoding: ConditionEncoding, m: int) -> float:
    """Sensitivity, at `m` variants, of the product of transposed conditions and (dosages - 1).

    It is the largest change (Euclidean norm) that one individual can cause. The columns of the label are
    non-negative and sum to 1; other conditions and dosages - 1 are between -1 and 1.
    """
    return math.sqrt(m * (1 + encoding.n_conditions - encoding.n_classes))


class PerSampleGradients:
    """A model with one copy of its weights for each individual, to compute one gradient per individual."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.weights: dict[str, Tensor] = {}

    def __call__(self, *inputs: Tensor) -> Any:
        """The model's outputs (n,) for inputs (n, ...)."""
        n = len(inputs[0])
        self.weights = {
            name: value.detach().expand(n, *value.shape).requires_grad_()
            for name, value in self.model.named_parameters()
        }
        return vmap(self._one)(self.weights, *(values.unsqueeze(1) for values in inputs))

    def _one(self, weights: dict[str, Tensor], *inputs: Tensor) -> Any:
        outputs = functional_call(self.model, weights, inputs)
        if isinstance(outputs, Tensor):
            return outputs.squeeze(0)
        return type(outputs)(*(part.squeeze(0) for part in outputs))


@dataclass(frozen=True)
class DPSGD:
    """DP-SGD (Abadi et al. 2016, algorithm 1): Poisson sampling, bounded gradients and Gaussian noise.

    The gradient of each individual is divided by its norm (automatic clipping, Bu et al. 2023), and Gaussian
    noise with standard deviation `noise` is added to the sum. The noise depends on `seed` and on `secret`,
    such as a digest of the genotypes, so that it cannot be reproduced from the seed alone. Each `network` has
    its own noise.
    """

    noise: float
    seed: int
    secret: bytes
    network: str

    def rows(self, step: int, n_samples: int, batch_size: int) -> Tensor:
        """Rows int64 of a Poisson sample with an expected size of `batch_size`."""
        uniform = self._random("sample", step).random(n_samples)
        return torch.from_numpy(np.flatnonzero(uniform < batch_size / n_samples))

    def backward(
        self,
        model: nn.Module,
        loss: Callable[[Any, slice], dict[str, Tensor]],
        step: int,
        n_rows: int,
        batch_size: int,
    ) -> dict[str, Tensor]:
        """Set the gradients of `model` and return the parts of the loss.

        `loss(model, own)` returns the parts of the loss as means over the individuals `own`, a slice of
        the `n_rows` rows of the batch.
        """
        named = dict(model.named_parameters())
        total = {name: torch.zeros_like(value) for name, value in named.items()}
        device = next(model.parameters()).device.type
        size = max(1, _MAX_ELEMENTS[device] // sum(value.numel() for value in named.values()))
        sums: dict[str, Tensor] = {}
        for start in range(0, n_rows, size):
            own = slice(start, min(start + size, n_rows))
            per_sample = PerSampleGradients(model)
            count = own.stop - own.start
            parts = {name: count * value for name, value in loss(per_sample, own).items()}
            gradients = torch.autograd.grad(
                torch.stack(list(parts.values())).sum(), list(per_sample.weights.values())
            )
            squares = sum(gradient.flatten(1).square().sum(dim=1) for gradient in gradients)
            factor = 1 / (torch.as_tensor(squares).sqrt() + _STABILISER)
            for name, gradient in zip(per_sample.weights, gradients, strict=True):
                total[name] += torch.tensordot(factor, gradient, dims=1)
            for name, value in parts.items():
                sums[name] = sums.get(name, torch.zeros_like(value)) + value.detach()
        rng = self._random("noise", step)
        for name, value in named.items():
            normal = torch.from_numpy(rng.standard_normal(value.shape, np.float32))
            value.grad = (total[name] + self.noise * normal.to(value.device)) / batch_size
        return {name: value / max(1, n_rows) for name, value in sums.items()}

    def _random(self, purpose: str, step: int) -> np.random.Generator:
        return draw_secret(self.seed, self.secret, self.network, purpose, str(step))


def draw_secret(seed: int, data: np.ndarray | bytes, *names: str) -> np.random.Generator:
    """Generator of random numbers for the purpose `names`.

    The numbers cannot be reproduced from the seed alone; `data` is also needed.
    """
    digest = hashlib.sha256(data if isinstance(data, bytes) else data.tobytes())
    digest.update("/".join([str(seed), *names]).encode())
    return np.random.default_rng(int.from_bytes(digest.digest(), "big"))
