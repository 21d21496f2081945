"""The cohorts that are measured side by side, from real people to the generator."""

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
from published import Recipe, sample_published

from snpgen.baselines.registry import BASELINES
from snpgen.evaluation.cohorts import shuffled_cohort
from snpgen.evaluation.losses import sample_losses
from snpgen.generator.calibration import calibrate, choose_noise, joint_frequencies, match
from snpgen.generator.conditions import encode, make_conditions
from snpgen.generator.fitting import (
    fit_diffusion,
    fit_vae,
    report_information,
    samples,
    validation_samples,
)
from snpgen.generator.frequencies import add_noise, label_effects
from snpgen.generator.recipe import complete_network, complete_recipe
from snpgen.generator.sampler import sample_genotypes
from snpgen.generator.synthetic import draw_samples
from snpgen.generator.training import make_fabric
from snpgen.genetics.ld import effective_variants
from snpgen.io.panel import Panel
from snpgen.job import derive_seed

SUBJECTS = ("real", "shuffled", "independent", "copula", "mosaic", "cvae", "published", "snpgen")
DRAWS = 3  # cohorts from one model, whose figures are averaged
# Its own epochs; its rate is meant for forty times as many steps as these people make of them.
PUBLISHED = Recipe(vae_rate=1e-3)


@dataclass(frozen=True)
class Subject:
    """A cohort that can be drawn again and again, and what it took to train.

    `sample` gives dosages int8 (n, m) and labels (n,) for a seed; `losses` as `measure` takes them;
    `draws` is how many cohorts to average.
    """

    name: str
    train_seconds: float
    sample: Callable[[int], tuple[np.ndarray, np.ndarray]]
    losses: Losses | None = None
    draws: int = DRAWS


def make_subjects(
    panel: Panel, variants: pd.DataFrame, settings: dict, seed: int, which: Iterable[str]
) -> Iterator[Subject]:
    """Those of `SUBJECTS` that are asked for, one after the other; `settings` as in the config."""
    which = set(which)
    dosages, labels = panel.of("train")
    samplers: dict[str, Callable] = {
        name: partial(baseline.load_sampler(), dosages, labels, variants)
        for name, baseline in BASELINES.items()
        if not baseline.needs_model
    }
    samplers["published"] = lambda targets, own: sample_published(
        dosages, labels, targets, own, PUBLISHED
    )

    def shuffle(own: int) -> tuple[np.ndarray, np.ndarray]:
        cohort = shuffled_cohort(panel, variants, own)
        return cohort.dosages, cohort.phenotype

    def draw(name: str, own: int) -> tuple[np.ndarray, np.ndarray]:
        wanted = draw_samples(panel, name, len(labels), own).phenotype.to_numpy()
        return samplers[name](wanted, own), wanted

    for name in SUBJECTS:
        if name not in which:
            continue
        if name == "real":
            yield Subject(name, 0.0, lambda own: (dosages, labels))
        elif name == "shuffled":
            yield Subject(name, 0.0, shuffle)
        elif name in samplers:
            draws = 1 if name == "published" else DRAWS  # which trains for each cohort anew
            yield Subject(name, 0.0, partial(draw, name), draws=draws)
    if which & {"cvae", "snpgen"}:
        yield from _fit_ours(panel, variants, settings, seed, which)


def _fit_ours(
    panel: Panel, variants: pd.DataFrame, settings: dict, seed: int, which: set[str]
) -> Iterator[Subject]:
    """The generator, as the scripts of the workflow train, calibrate and sample it."""
    began = time.monotonic()
    fabric = make_fabric()
    conditions = make_conditions(panel, False, False)
    dosages, described = samples(panel, "train", seed)[0], encode(panel, "train", conditions)
    n_samples, steps = len(dosages), settings["sampling"]["steps"]
    recipe = complete_recipe(settings["vae"], "vae", n_samples)
    recipe = complete_network(recipe, n_samples, dosages.shape[1], effective_variants(dosages))
    architecture = {
        "chromosomes": variants.chromosome.tolist(),
        "conditions": conditions.n_conditions,
    } | {name: recipe[name] for name in ("block_size", "latents", "hidden")}
    with TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "vae"
        vae, _ = fit_vae(panel, conditions, recipe, architecture, seed, checkpoint, fabric)
        vae_seconds = time.monotonic() - began
        report_information(
            vae,
            validation_samples(panel, conditions, seed, fabric),
            derive_seed(seed, "information"),
        )
        began = time.monotonic()
        recipe = complete_recipe(settings["diffusion"], "diffusion", n_samples)
        architecture = {
            "latents": vae.n_latents,
            "classes": conditions.n_classes,
            "conditions": conditions.n_conditions,
        } | {name: recipe[name] for name in ("width", "layers", "label_dropout")}
        checkpoint = Path(folder) / "diffusion"
        denoiser, _ = fit_diffusion(
            vae, panel, conditions, recipe, architecture, seed, checkpoint, fabric
        )
    diffusion_seconds = time.monotonic() - began

    began = time.monotonic()
    noise = settings["calibration"]["noise"]
    if noise is None:
        held_out = samples(panel, "validation", seed)[0], panel.of("validation")[1]
        limit = settings["calibration"]["max_forecast_auc"]
        noise = choose_noise(dosages, panel.of("train")[1], held_out, limit)
    positions = variants.position.to_numpy()
    joint = joint_frequencies(vae, dosages, described, conditions.n_classes, positions, seed)
    frequencies = add_noise(joint, described, noise, seed)
    target_seconds = time.monotonic() - began

    def subject(
        name: str, shift: np.ndarray, steps: int, scale: float, train_seconds: float
    ) -> Subject:
        shifted = deepcopy(vae)
        shifted.shift_bias(shift)

        def sample(own: int) -> tuple[np.ndarray, np.ndarray]:
            wanted = draw_samples(panel, name, n_samples, own)
            encoded = conditions.encode(wanted.label, wanted.sex, wanted.group)
            drawn = sample_genotypes(
                shifted, denoiser, encoded, steps, scale, settings["sampling"]["systematic"], own
            )
            return drawn, wanted.phenotype.to_numpy()

        attacked = {"train": dosages, "test": samples(panel, "test", seed)[0]}
        members, others = (
            sample_losses(shifted, denoiser, side, encode(panel, split, conditions), seed)
            for split, side in attacked.items()
        )
        models = ["vae", "denoiser"] if steps else ["vae"]
        losses = {model: (members[model], others[model]) for model in models}
        return Subject(name, train_seconds, sample, losses)

    if "cvae" in which:
        began = time.monotonic()
        shift = match(vae, denoiser, described, frequencies, 1.0, 0, seed)
        seconds = vae_seconds + target_seconds + time.monotonic() - began
        yield subject("cvae", shift, 0, 1.0, seconds)
    if "snpgen" in which:
        began = time.monotonic()
        chosen, _ = calibrate(
            vae,
            denoiser,
            label_effects(dosages, described, conditions.n_classes),
            described,
            frequencies,
            settings["calibration"]["scales"],
            steps,
            seed,
        )
        seconds = vae_seconds + diffusion_seconds + target_seconds + time.monotonic() - began
        yield subject("snpgen", chosen.shift, steps, chosen.scale, seconds)
