"""Differential privacy of the generator: noisy frequencies, and both networks by DP-SGD.

A person more or less changes what is released only so much as epsilon and delta say (Dwork et al.
2006). Three mechanisms see the training people, and one account adds them up (the privacy random
variables of Gopi et al. 2021, in Opacus): the frequencies that the decoder starts from and is matched
with, once, by Gaussian noise; the weights of the autoencoder and of the denoiser by DP-SGD (Abadi et al.
2016), every step on a Poisson sample of the people. All else that these need is a function of them, or of
what is taken as public: how many people there are by label, sex and group, call rates, and the panel.
"""

import math
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor, nn
from torch.func import functional_call, vmap

from snpgen.generator.conditions import Conditions, encode
from snpgen.generator.frequencies import add_up, precision
from snpgen.io.files import read_json
from snpgen.io.panel import Panel
from snpgen.io.plink import MISSING
from snpgen.job import draw_secret

SHARES = {"frequencies": 0.25, "vae": 0.6, "diffusion": 0.15}  # of the budget, about
DELTA_EXPONENT = 1.1  # delta is n to the minus this, below one person's share
_PRECISION = 1e-3  # of the noise
_GRADIENTS = {"cpu": 2**24, "cuda": 2**28}  # of so many weights at once
_STABILISER = 0.01  # of gradients near 0 (Bu et al. 2023)


@dataclass(frozen=True)
class PrivacyBudget:
    """What is spent: epsilon at delta, and the noise of each mechanism, over its sensitivity."""

    epsilon: float
    delta: float
    noise: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """For a model's card; `load_budget` reads it back."""
        return asdict(self)


def load_budget(card_path: str) -> PrivacyBudget | None:
    """What the autoencoder of this card was trained with, None without differential privacy."""
    card = read_json(card_path)["differential_privacy"]
    return PrivacyBudget(**card) if card else None


def spend(
    epsilon: float, delta: float | None, n_samples: int, recipes: dict[str, dict]
) -> PrivacyBudget:
    """The least noise of the three mechanisms that keeps to `epsilon` and `delta`, None: n^-1.1.

    `recipes` holds steps and batch_size of "vae" and "diffusion". Noise goes by `SHARES`: a mechanism of
    sampling rate q, T steps and noise s takes about (q / s)^2 T.
    """
    from opacus.accountants import PRVAccountant  # loading it takes a second

    delta = n_samples**-DELTA_EXPONENT if delta is None else delta
    runs = {"frequencies": (1.0, 1)} | {
        name: (min(1.0, recipe["batch_size"] / n_samples), recipe["steps"])
        for name, recipe in recipes.items()
    }

    def noise(scale: float) -> dict[str, float]:
        return {
            name: scale * rate * math.sqrt(steps / SHARES[name])
            for name, (rate, steps) in runs.items()
        }

    def spent(scale: float) -> float:
        account = PRVAccountant()
        account.history = [(s, *runs[name]) for name, s in noise(scale).items()]
        with warnings.catch_warnings(action="ignore"):  # of logarithms of 0
            return float(account.get_epsilon(delta))

    # Without sampling, scale is 1 over the root of 2 rho (Bun & Steinke 2016, proposition 1.3).
    log = math.log(1 / delta)
    guess = 1 / (math.sqrt(2) * (math.sqrt(log + epsilon) - math.sqrt(log)))
    low, high = guess / 2, guess
    while spent(high) > epsilon:
        low, high = high, 2 * high
    while spent(low) < epsilon:
        low, high = low / 2, low
    scale = brentq(lambda scale: spent(scale) - epsilon, low, high, rtol=_PRECISION)
    return PrivacyBudget(epsilon, delta, noise(scale * (1 + 2 * _PRECISION)))


def dp_frequencies(panel: Panel, conditions: Conditions, noise: float, seed: int) -> np.ndarray:
    """Allele frequencies as a linear function of the conditions, float64 (c, m), by the Gaussian mechanism.

    Of training people; `noise` over what one of them can change. The same for the same panel and seed.
    """
    dosages, described = panel.of("train")[0], encode(panel, "train", conditions)
    called = dosages != MISSING
    total = add_up((dosages - 1) * called, described)  # a call that is missing adds nothing
    normal = draw_secret(seed, dosages, "private frequencies").standard_normal(total.shape)
    noisy = total + noise * largest_change(conditions, dosages.shape[1]) * normal
    rate = called.mean(axis=0).clip(min=0.5 / len(called))
    frequencies = precision(described) @ (noisy / rate) / 2
    label = frequencies[: conditions.n_classes]
    edge = 0.5 / len(described)
    label[:] = (label + 0.5).clip(edge, 1 - edge)
    return frequencies


def largest_change(conditions: Conditions, m: int) -> float:
    """How much one person can change sums of conditions times dosages less 1, at most (Euclidean norm).

    Of `m` variants. The label's columns sum to 1, and no other is beyond -1 and 1, as a dosage less 1
    is not.
    """
    return math.sqrt(m * (1 + conditions.n_conditions - conditions.n_classes))


class PerSampleGradients:
    """A model that computes as before, but with weights of their own for every person.

    So what is differentiated by them is each person's own gradient.
    """

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
class DPSteps:
    """DP-SGD (Abadi et al. 2016, algorithm 1): what takes the place of a batch and of its gradient.

    Every person's gradient is scaled to a norm of 1 (automatic clipping, Bu et al. 2023), and the sum gets
    normal noise of `noise`. The whole `seed` keeps it secret, and `secret`, which nobody outside has
    either, such as a digest of the genotypes; each `network` draws its own.
    """

    noise: float
    seed: int
    secret: bytes
    network: str

    def rows(self, step: int, n_samples: int, batch_size: int) -> Tensor:
        """A Poisson sample of about `batch_size` people, int64."""
        drawn = self._draw("sample", step).random(n_samples)
        return torch.from_numpy(np.flatnonzero(drawn < batch_size / n_samples))

    def backward(
        self,
        model: nn.Module,
        loss: Callable[[Any, slice], dict[str, Tensor]],
        step: int,
        n_rows: int,
        batch_size: int,
    ) -> dict[str, Tensor]:
        """Set the gradients of `model` and return the parts of the loss.

        `loss(model, own)` gives means over the people `own` of the `n_rows` that were sampled.
        """
        named = dict(model.named_parameters())
        total = {name: torch.zeros_like(value) for name, value in named.items()}
        device = next(model.parameters()).device.type
        size = max(1, _GRADIENTS[device] // sum(value.numel() for value in named.values()))
        sums: dict[str, Tensor] = {}
        for start in range(0, n_rows, size):
            own = slice(start, min(start + size, n_rows))
            single = PerSampleGradients(model)
            samples = own.stop - own.start
            parts = {name: samples * value for name, value in loss(single, own).items()}
            gradients = torch.autograd.grad(
                torch.stack(list(parts.values())).sum(), list(single.weights.values())
            )
            squares = sum(gradient.flatten(1).square().sum(dim=1) for gradient in gradients)
            factor = 1 / (torch.as_tensor(squares).sqrt() + _STABILISER)
            for name, gradient in zip(single.weights, gradients, strict=True):
                total[name] += torch.tensordot(factor, gradient, dims=1)
            for name, value in parts.items():
                sums[name] = sums.get(name, torch.zeros_like(value)) + value.detach()
        rng = self._draw("noise", step)
        for name, value in named.items():
            normal = torch.from_numpy(rng.standard_normal(value.shape, np.float32))
            value.grad = (total[name] + self.noise * normal.to(value.device)) / batch_size
        return {name: value / max(1, n_rows) for name, value in sums.items()}

    def _draw(self, purpose: str, step: int) -> np.random.Generator:
        return draw_secret(self.seed, self.secret, self.network, purpose, str(step))
