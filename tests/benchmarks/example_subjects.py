"""The cohorts that are compared, from real individuals to the generator."""

import time
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from example_measures import Losses
from published import Hyperparameters, sample_published

from snpgen.association.forecast import Sampling
from snpgen.baselines.mixture import fit_latent_mixture
from snpgen.baselines.registry import BASELINES
from snpgen.evaluation.cohorts import Cohort, shuffled_cohort
from snpgen.evaluation.losses import sample_losses
from snpgen.generator.calibration import calibrate, compute_shift
from snpgen.generator.conditions import fit_encoding
from snpgen.generator.diffusion import Denoiser
from snpgen.generator.fitting import (
    fit_diffusion,
    fit_vae,
    measure_latents,
    validation_arrays,
)
from snpgen.generator.hyperparameters import complete_network, complete_training
from snpgen.generator.sampler import sample_genotypes
from snpgen.generator.synthetic import assign_phenotypes
from snpgen.generator.target import Shrinkage, Target, TargetSettings, make_target
from snpgen.generator.training import make_fabric
from snpgen.genetics.imputation import impute_genotypes
from snpgen.genetics.ld import effective_variants
from snpgen.io.panel import Panel
from snpgen.job import derive_seed

SUBJECTS = ("real", "shuffled", "independent", "copula", "mosaic", "cvae", "mixture")
SUBJECTS += ("published", "snpgen")
REPEATS = 3  # cohorts of one model, whose estimates are averaged
# Epochs as published; the learning rate is adapted, because these cohorts give forty times fewer steps.
PUBLISHED = Hyperparameters(vae_rate=1e-3)


@dataclass(frozen=True)
class Subject:
    """A cohort that can be sampled repeatedly, and its training time.

    `sample` gives dosages int8 (n, m) and labels (n,) for a seed; `losses` as `measure` takes them;
    `repeats` is how many cohorts to average.
    """

    name: str
    train_seconds: float
    sample: Callable[[int], tuple[np.ndarray, np.ndarray]]
    losses: Losses | None = None
    repeats: int = REPEATS


def shrink_panel(
    panel: Panel,
    variants: pd.DataFrame,
    sumstats: pd.DataFrame,
    scores: np.ndarray,
    settings: dict,
    seed: int,
) -> Shrinkage:
    """The target of the calibration for what `open_panel` returns, with `settings` as in the config."""
    calibration = settings["calibration"]
    chosen = TargetSettings(
        calibration["effects"] == "shrunken",
        calibration["max_forecast_auc"],
        Sampling(systematic=settings["sampling"]["systematic"]),
    )
    encoding = fit_encoding(panel, False, False)
    return make_target(panel, variants, sumstats, scores, encoding, chosen, seed)


def complete_vae(settings: dict, n_samples: int, dosages: np.ndarray) -> dict:
    """The section vae of `settings` without nulls, for `n_samples` individuals with LD as in `dosages` (n, m)."""
    section = complete_training(settings["vae"], "vae", n_samples)
    return complete_network(section, n_samples, dosages.shape[1], effective_variants(dosages))


def make_subjects(
    panel: Panel,
    variants: pd.DataFrame,
    target: Target,
    settings: dict,
    seed: int,
    which: Iterable[str],
) -> Iterator[Subject]:
    """The subjects `which`, in the order of `SUBJECTS`; `settings` as in the config."""
    which = set(which)
    dosages, labels = panel.of("train")
    samplers: dict[str, Callable] = {
        name: partial(baseline.load_sampler(), dosages, labels, variants, target.classes)
        for name, baseline in BASELINES.items()
        if not baseline.needs_model
    }
    samplers["published"] = lambda targets, own: sample_published(
        dosages, labels, targets, own, PUBLISHED
    )

    def shuffle(own: int) -> tuple[np.ndarray, np.ndarray]:
        train, groups = Cohort(*panel.of("train")), panel.samples("train").group.to_numpy()
        cohort = shuffled_cohort(train, panel, variants, groups, own)
        return cohort.dosages, cohort.phenotype

    def generate(name: str, own: int) -> tuple[np.ndarray, np.ndarray]:
        synthetic = assign_phenotypes(panel, name, len(labels), own).phenotype.to_numpy()
        return samplers[name](synthetic, own), synthetic

    sources = {"real": lambda own: (dosages, labels), "shuffled": shuffle}
    sources |= {name: partial(generate, name) for name in samplers}
    for name in SUBJECTS:
        if name in which and name in sources:
            repeats = 1 if name == "published" else REPEATS  # it is trained anew for each cohort
            yield Subject(name, 0.0, sources[name], repeats=repeats)
    if which & {"cvae", "mixture", "snpgen"}:
        yield from _fit_ours(panel, variants, target, settings, seed, which)


def _fit_ours(
    panel: Panel,
    variants: pd.DataFrame,
    target: Target,
    settings: dict,
    seed: int,
    which: set[str],
) -> Iterator[Subject]:
    """The generator, as the scripts of the workflow train, calibrate and sample it."""
    began = time.monotonic()
    fabric = make_fabric()
    encoding = fit_encoding(panel, False, False)
    dosages, _ = impute_genotypes(panel, "train", seed)
    conditions = encoding.encode_split(panel, "train")
    n_samples, steps = len(dosages), settings["sampling"]["steps"]
    recipe = complete_vae(settings, n_samples, dosages)
    places = variants.chromosome.tolist(), variants.position.tolist()
    with TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "vae"
        vae, _ = fit_vae(panel, encoding, recipe, *places, seed, checkpoint, fabric)
        vae_seconds = time.monotonic() - began
        measure_latents(
            vae,
            validation_arrays(panel, encoding, seed, fabric),
            derive_seed(seed, "information"),
        )
        began = time.monotonic()
        recipe = complete_training(settings["diffusion"], "diffusion", n_samples)
        checkpoint = Path(folder) / "diffusion"
        denoiser, _ = fit_diffusion(vae, panel, encoding, recipe, seed, checkpoint, fabric)
    diffusion_seconds = time.monotonic() - began

    def subject(
        name: str,
        model: Denoiser,
        shift: np.ndarray,
        steps: int,
        scale: float,
        train_seconds: float,
    ) -> Subject:
        shifted = deepcopy(vae)
        shifted.shift_bias(shift)

        def sample(own: int) -> tuple[np.ndarray, np.ndarray]:
            synthetic = assign_phenotypes(panel, name, n_samples, own)
            encoded = encoding.encode(synthetic.label, synthetic.sex, synthetic.group)
            genotypes = sample_genotypes(
                shifted, model, encoded, steps, scale, settings["sampling"]["systematic"], own
            )
            return genotypes, synthetic.phenotype.to_numpy()

        attacked = {"train": dosages, "test": impute_genotypes(panel, "test", seed)[0]}
        members, others = (
            sample_losses(shifted, denoiser, side, encoding.encode_split(panel, split), seed)
            for split, side in attacked.items()
        )
        models = ["vae", "denoiser"] if steps else ["vae"]
        losses = {model: (members[model], others[model]) for model in models}
        return Subject(name, train_seconds, sample, losses)

    for name in ("cvae", "mixture"):
        if name in which:
            began = time.monotonic()
            prior = denoiser
            if name == "mixture":
                prior = fit_latent_mixture(vae, denoiser, panel, encoding, seed)
            shift = compute_shift(vae, prior, conditions, target, 1.0, 0, seed)
            seconds = vae_seconds + time.monotonic() - began
            yield subject(name, prior, shift, 0, 1.0, seconds)
    if "snpgen" in which:
        began = time.monotonic()
        chosen, _ = calibrate(
            vae,
            denoiser,
            conditions,
            target,
            settings["calibration"]["scales"],
            steps,
            seed,
        )
        seconds = vae_seconds + diffusion_seconds + time.monotonic() - began
        yield subject("snpgen", denoiser, chosen.shift, steps, chosen.scale, seconds)
