"""Baseline without diffusion: the conditional VAE with a Gaussian mixture of latents in each class."""

from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.mixture import GaussianMixture
from torch import Tensor

from snpgen.baselines.cvae import sample_cvae
from snpgen.generator.conditions import ConditionEncoding
from snpgen.generator.diffusion import Denoiser
from snpgen.generator.fitting import posterior
from snpgen.generator.target import Target
from snpgen.generator.vae import VAE
from snpgen.genetics.imputation import impute_genotypes
from snpgen.io.panel import Panel, thin
from snpgen.job import derive_seed, log

COMPONENTS = (1, 2, 3, 4, 6, 8, 12, 16)  # numbers of components that are tried
MIN_SAMPLES = 10  # individuals per component and latent
MAX_SAMPLES = 20_000
_REGULARISATION = 1e-3  # added to the variances of each component


class Mixture(NamedTuple):
    """A Gaussian mixture of k components: `weight` (k,), `mean` (k, d), Cholesky `factor` (k, d, d)."""

    weight: Tensor
    mean: Tensor
    factor: Tensor


def fit_mixture(latents: np.ndarray, seed: int) -> Mixture:
    """Fit a Gaussian mixture with full covariances to `latents` (n, d).

    The number of components has the lowest Bayesian information criterion (BIC).
    """
    latents = thin(latents, MAX_SAMPLES)
    fits = [
        GaussianMixture(
            count,
            reg_covar=_REGULARISATION,
            max_iter=500,
            n_init=2,
            init_params="k-means++",
            random_state=seed,
        ).fit(latents)
        for count in COMPONENTS
        if count * MIN_SAMPLES * latents.shape[1] <= len(latents)
    ]
    best = min(fits, key=lambda fit: fit.bic(latents))
    arrays = best.weights_, best.means_, np.linalg.cholesky(best.covariances_)
    return Mixture(*(torch.from_numpy(array).float() for array in arrays))


class LatentMixture(Denoiser):
    """A denoiser whose prior is a Gaussian mixture in each stratum.

    Strata are the classes (of a quantitative trait: the nearest knot of its encoding) and, if groups are
    conditions, the groups within each class. A stratum with too few individuals has the mixture of its
    class. The prior of a class with too few individuals is standard normal, as in the baseline cvae.
    """

    first_group: int  # column of the conditions
    mixtures: dict[tuple[float, ...], Mixture]

    def fit(self, latents: Tensor, conditions: Tensor, first_group: int, seed: int) -> None:
        """Fit to latents (n, latents) of training individuals with `conditions` (n, c)."""
        self.first_group, self.mixtures = first_group, {}
        clean = self.standardise(latents, conditions).double().cpu().numpy()
        strata = self._strata(conditions)
        for width in {1, strata.shape[1]}:
            keys, row = np.unique(strata[:, :width], axis=0, return_inverse=True)
            for index, key in enumerate(keys):
                own = clean[row == index]
                if len(own) >= MIN_SAMPLES * clean.shape[1]:
                    self.mixtures[tuple(key)] = fit_mixture(own, seed)
        counts = [len(mixture.weight) for mixture in self.mixtures.values()]
        log.info("Gaussian mixtures of latents: %s components", ", ".join(map(str, counts)))

    def _strata(self, conditions: Tensor) -> np.ndarray:
        """Class and indicators of the groups, (n, 1 + groups)."""
        label = conditions[:, : self.classes].argmax(dim=1, keepdim=True)
        return torch.cat([label, conditions[:, self.first_group :]], dim=1).cpu().numpy()

    def sample_prior(self, conditions: Tensor, generator: torch.Generator) -> Tensor:
        """Standardised latents (n, latents) from the mixture of each individual's stratum."""
        clean = super().sample_prior(conditions, generator)
        uniform = torch.rand(len(clean), 1, generator=generator, device=clean.device)
        keys, row = np.unique(self._strata(conditions), axis=0, return_inverse=True)
        for index, key in enumerate(keys):
            mixture = self.mixtures.get(tuple(key)) or self.mixtures.get(tuple(key[:1]))
            if mixture is None:
                continue
            rows = torch.from_numpy(np.flatnonzero(row == index)).to(clean.device)
            weight, mean, factor = (array.to(clean.device) for array in mixture)
            component = (uniform[rows] > weight.cumsum(dim=0)[:-1]).sum(dim=1)
            deviation = (factor[component] @ clean[rows].unsqueeze(2)).squeeze(2)
            clean[rows] = mean[component] + deviation
        return clean


def fit_latent_mixture(
    vae: VAE, denoiser: Denoiser, panel: Panel, encoding: ConditionEncoding, seed: int
) -> LatentMixture:
    """Fit mixtures to one posterior sample of the latents of each training individual.

    The denoiser only provides the standardisation of the latents.
    """
    device = vae.bias.device
    generator = torch.Generator(device).manual_seed(derive_seed(seed, "mixture"))
    dosages, _ = impute_genotypes(panel, "train", seed)
    mean, variance = posterior(vae, torch.from_numpy(dosages).to(device))
    noise = torch.randn(mean.shape, generator=generator, device=device)
    architecture: dict[str, Any] = denoiser.architecture
    prior = LatentMixture(**architecture).to(device)
    prior.load_state_dict(denoiser.state_dict())
    conditions = torch.from_numpy(encoding.encode_split(panel, "train")).to(device)
    first_group = encoding.n_classes + encoding.sex
    prior.fit(mean + variance.sqrt() * noise, conditions, first_group, seed)
    return prior


def sample_mixture(
    vae: VAE,
    denoiser: Denoiser,
    panel: Panel,
    encoding: ConditionEncoding,
    synthetic: np.ndarray,
    target: Target,
    systematic: bool,
    seed: int,
) -> np.ndarray:
    """Decode latents from the mixtures; arguments and result are the same as in `cvae.sample_cvae`."""
    prior = fit_latent_mixture(vae, denoiser, panel, encoding, seed)
    return sample_cvae(vae, prior, panel, encoding, synthetic, target, systematic, seed)
