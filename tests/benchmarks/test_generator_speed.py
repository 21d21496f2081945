"""Training and sampling beside the published design, in one process and with as many threads."""

import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from example_generator_cohorts import CONFIG
from example_subjects import make_subjects

from snpgen.generator.published import DIFFUSION_EPOCHS, VAE_EPOCHS, Recipe, sample_published
from snpgen.panel import Panel

N_PEOPLE, N_VARIANTS, RENEWED = 10_240, 512, 0.3  # alleles that do not follow the one before
ONE_STEP = {"vae_steps": 1, "diffusion_steps": 1}
FEW, MORE = 64, 320  # people drawn, of whose times the difference is taken
FASTER = 10  # sampling at least


@pytest.fixture(scope="module")
def cohort() -> tuple[Panel, pd.DataFrame]:
    """People of a chain of variants in LD, on two chromosomes, and these variants."""
    rng = np.random.default_rng(1)
    haplotypes = (rng.random((2 * N_PEOPLE, N_VARIANTS)) < 0.3).astype(np.int8)
    follows = rng.random(haplotypes.shape) >= RENEWED
    for variant in range(1, N_VARIANTS):
        own = follows[:, variant]
        haplotypes[own, variant] = haplotypes[own, variant - 1]
    number = np.arange(N_PEOPLE)
    panel = Panel(
        haplotypes[0::2] + haplotypes[1::2],
        np.array([f"P{i}" for i in number]),
        np.array(["train"] * 8 + ["validation", "test"])[number % 10],
        (number // 10 % 2).astype(np.int8),
    )
    place = np.arange(N_VARIANTS)
    chromosome = np.where(place < N_VARIANTS // 2, "1", "2")
    return panel, pd.DataFrame({"chromosome": chromosome, "position": 10_000 * place})


def seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def test_sampling_is_ten_times_as_fast_as_the_published_design(cohort, say):
    panel, variants = cohort
    settings = yaml.safe_load(CONFIG.read_text())
    settings["calibration"]["noise"] = 0.0
    (subject,) = make_subjects(panel, variants, settings, 1, ["snpgen"])
    dosages, labels = panel.of("train")
    threads = torch.get_num_threads()
    ours = dosages.size / seconds(lambda: subject.sample(1))

    def published(count: int, **more: int) -> float:
        recipe = Recipe(**ONE_STEP | more)
        return seconds(lambda: sample_published(dosages, labels, labels[:count], 1, recipe))

    start = published(FEW)
    theirs = (MORE - FEW) * N_VARIANTS / (published(MORE) - start)
    vae_step = (published(FEW, vae_steps=5) - start) / 4
    diffusion_step = (published(FEW, diffusion_steps=3) - start) / 2
    steps = Recipe()
    epoch = [len(labels) // steps.vae_batch, len(labels) // steps.diffusion_batch]
    whole = VAE_EPOCHS * epoch[0] * vae_step + DIFFUSION_EPOCHS * epoch[1] * diffusion_step
    say(
        f"sampling, genotypes a second and thread: {ours / threads:,.0f}, published "
        f"{theirs / threads:,.0f}: {ours / theirs:.0f} times as fast"
    )
    say(
        f"training {len(labels)} people, the whole recipe: {subject.train_seconds:.0f} s; published, "
        f"extrapolated, {whole / 3600:.1f} h ({steps.vae_batch / vae_step:.0f} and "
        f"{steps.diffusion_batch / diffusion_step:.0f} people a second)"
    )
    assert ours / theirs > FASTER
