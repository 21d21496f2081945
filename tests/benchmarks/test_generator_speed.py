"""Training and sampling beside the published design, in one process and with as many threads."""

import time

import numpy as np
import pandas as pd
import torch
import yaml
from example_generator_cohorts import CONFIG
from example_subjects import make_subjects

from snpgen.generator.published import Recipe, sample_published
from snpgen.panel import Panel

N_PEOPLE, N_VARIANTS = 4_096, 512
STEPS = 40  # of ours; few, since only the rate counts
FEWER = Recipe(vae_steps=4, diffusion_steps=2)
FASTER = 10  # sampling at least


def _panel() -> tuple[Panel, pd.DataFrame]:
    """People of a chain of variants in LD, on two chromosomes."""
    rng = np.random.default_rng(1)
    haplotypes = np.zeros((2 * N_PEOPLE, N_VARIANTS), np.int8)
    haplotypes[:, 0] = rng.random(2 * N_PEOPLE) < 0.3
    for variant in range(1, N_VARIANTS):
        fresh = rng.random(2 * N_PEOPLE) < 0.3
        haplotypes[:, variant] = np.where(
            fresh, rng.random(2 * N_PEOPLE) < 0.3, haplotypes[:, variant - 1]
        )
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


def test_sampling_is_ten_times_as_fast_as_the_published_design(say, monkeypatch):
    panel, variants = _panel()
    settings = yaml.safe_load(CONFIG.read_text())
    settings["vae"]["steps"] = settings["diffusion"]["steps"] = STEPS
    settings["calibration"]["noise"] = 0.0
    (subject,) = make_subjects(panel, variants, settings, 1, ["snpgen"])
    began = time.perf_counter()
    drawn, labels = subject.sample(1)
    ours = drawn.size / (time.perf_counter() - began)

    dosages, labels = panel.of("train")
    seconds = {}
    for count in (64, 320):
        began = time.perf_counter()
        sample_published(dosages, labels, labels[:count], 1, Recipe(vae_steps=1, diffusion_steps=1))
        seconds[count] = time.perf_counter() - began
    theirs = (320 - 64) * N_VARIANTS / (seconds[320] - seconds[64])
    threads = torch.get_num_threads()
    say(
        f"sampling, genotypes a second and thread: {ours / threads:,.0f}, published "
        f"{theirs / threads:,.0f}: {ours / theirs:.0f} times as fast"
    )
    assert ours / theirs > FASTER
