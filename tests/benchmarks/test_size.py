"""The largest supported panel, with few individuals and training steps."""

import resource

import numpy as np
import pandas as pd
import yaml
from example_generator_cohorts import CONFIG
from example_subjects import make_subjects

from snpgen.generator import calibration
from snpgen.generator.target import Target
from snpgen.io.panel import Panel

N_VARIANTS, N_SAMPLES = 20_000, 90
MEMORY_GB = 4.0


def test_twenty_thousand_variants(monkeypatch, say):
    monkeypatch.setattr(calibration, "MIN_SAMPLES", 200)
    rng = np.random.default_rng(1)
    chance = rng.uniform(0, 1, N_VARIANTS) * (rng.random(N_VARIANTS) < 0.99)  # 1 % are monomorphic
    dosages = rng.binomial(2, chance, (N_SAMPLES, N_VARIANTS)).astype(np.int8)
    panel = Panel(
        dosages,
        np.array([f"P{i}" for i in range(N_SAMPLES)]),
        np.array(["train", "train", "validation", "train", "train", "test"])[
            np.arange(N_SAMPLES) % 6
        ],
        (np.arange(N_SAMPLES) // 6 % 2).astype(np.int8),
    )
    chromosome = np.sort(np.arange(N_VARIANTS) % 22 + 1)
    variants = pd.DataFrame(
        {"chromosome": chromosome.astype(str), "position": np.arange(N_VARIANTS)}
    )
    settings = yaml.safe_load(CONFIG.read_text())
    for model in ("vae", "diffusion"):
        settings[model] |= {"steps": 2, "batch_size": 32}
    train, phenotype = panel.of("train")
    frequencies = np.stack([train[phenotype == label].mean(axis=0) / 2 for label in (0, 1)])
    target = Target(frequencies, frequencies)
    (subject,) = make_subjects(panel, variants, target, settings, 1, ["snpgen"])
    synthetic, labels = subject.sample(1)
    say(f"20,000 variants: {subject.train_seconds:.0f} s")
    assert synthetic.shape == train.shape and len(labels) == len(train)
    assert np.abs(synthetic.mean(axis=0) - train.mean(axis=0)).mean() / 2 < 0.03
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6 < MEMORY_GB
