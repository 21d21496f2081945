"""Time and memory of the generator for 458,724 individuals and 2,048 variants: `python tests/benchmarks/full_size.py`.

A few units of each stage are measured on one and on two threads, and multiplied by their number. The time on 16 cores
is extrapolated from both by Amdahl's law: 1 / 16 of the part that two threads halve, and all of the rest. The peak
memory is that of training for a few steps with all individuals, who repeat those of the panel R2048.
"""

import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch
import yaml
from example_generator_cohorts import CONFIG, open_panel

from snpgen.association.forecast import Sampling
from snpgen.generator.calibration import calibrate
from snpgen.generator.conditions import fit_encoding
from snpgen.generator.fitting import (
    VALIDATION_SAMPLES,
    fit_diffusion,
    fit_vae,
    measure_elbo,
    posterior,
)
from snpgen.generator.hyperparameters import complete_network, complete_training
from snpgen.generator.phasing import phase
from snpgen.generator.sampler import sample_genotypes
from snpgen.generator.target import TargetSettings, make_target
from snpgen.generator.training import make_fabric
from snpgen.genetics.ld import effective_variants
from snpgen.io.panel import Panel

N_SAMPLES, CORES = 458_724, 16
UNIT = 2_048  # individuals of a step, and of the other units
FEW = 10  # steps


def repeat_panel(panel: Panel, count: int) -> Panel:
    """`count` individuals, a random sample of those of `panel` with replacement."""
    rows = np.random.default_rng(1).integers(len(panel.iid), size=count)
    names = np.char.add("p", np.arange(count).astype(str))
    return Panel(panel.dosages[rows], names, panel.split[rows], panel.phenotype[rows])


def seconds(run: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU time of the second call."""
    run()
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--individuals", type=int, default=N_SAMPLES)
    asked = parser.parse_args()
    settings = yaml.safe_load(CONFIG.read_text())
    small, variants, sumstats, scores = open_panel("R2048", 1)
    encoding, fabric = fit_encoding(small, False, False), make_fabric()
    target_settings = TargetSettings(True, 0.7, Sampling(systematic=True))
    target = make_target(small, variants, sumstats, scores, encoding, target_settings, 1).target
    panel = repeat_panel(small, asked.individuals)
    counts = {split: int((panel.split == split).sum()) for split in ("train", "validation")}
    train, m = counts["train"], panel.dosages.shape[1]
    vae_settings = complete_training(settings["vae"], "vae", train)
    effective = effective_variants(small.of("train")[0])
    vae_settings = complete_network(vae_settings, train, m, effective)
    diffusion_settings = complete_training(settings["diffusion"], "diffusion", train)
    steps = {"vae": vae_settings["steps"], "diffusion": diffusion_settings["steps"]}
    few = {"steps": FEW}
    places = variants.chromosome.tolist(), variants.position.tolist()
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with TemporaryDirectory() as folder:
        file = Path(folder) / "checkpoint"
        vae, _ = fit_vae(panel, encoding, vae_settings | few, *places, 1, file, fabric)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        denoiser, _ = fit_diffusion(
            vae, small, encoding, diffusion_settings | few, 1, Path(folder) / "other", fabric
        )
    print(f"memory, MB: {held / 1024:.0f} before training, {peak / 1024:.0f} at its peak")

    rows = np.flatnonzero(panel.split == "train")[:UNIT]
    dosages = torch.from_numpy(panel.dosages[rows])
    called = torch.ones_like(dosages, dtype=torch.bool)
    conditions = torch.from_numpy(encoding.encode_split(panel, "train")[:UNIT])
    haplotypes = phase(vae, dosages, conditions, torch.Generator().manual_seed(1))
    noise = torch.randn(UNIT, vae.n_latents)
    own = encoding.encode_split(small, "train")
    optimizer = torch.optim.AdamW(denoiser.parameters())

    def step() -> None:
        vae.zero_grad()
        inputs = (dosages, called, haplotypes, conditions, noise)
        for parts in zip(*(x.split(vae.cached_samples()) for x in inputs), strict=True):
            sum(part.sum() for part in vae(*parts)).backward()

    def diffusion_step() -> None:
        optimizer.zero_grad()
        clean, sigma = torch.randn(UNIT, vae.n_latents), torch.rand(UNIT) + 0.1
        denoiser(
            clean, conditions, sigma, torch.randn_like(clean), torch.rand(UNIT)
        ).sum().backward()
        optimizer.step()

    def validate() -> None:
        with torch.no_grad():
            measure_elbo(vae, [dosages, called, conditions], 1)

    def sample() -> None:
        sample_genotypes(vae, denoiser, conditions.numpy(), 15, 1.0, True, 1)

    stages: dict[str, tuple[Callable[[], object], float]] = {
        "phases": (lambda: phase(vae, dosages, conditions, torch.Generator()), 5 * train / UNIT),
        "steps of the autoencoder": (step, steps["vae"]),
        "validation": (validate, 10 * min(counts["validation"], VALIDATION_SAMPLES) / UNIT),
        "latents": (lambda: posterior(vae, dosages), train / UNIT),
        "steps of the diffusion model": (diffusion_step, steps["diffusion"]),
        "calibration": (
            lambda: calibrate(vae, denoiser, own, target, [1.0], 15, 1),
            20_000 / len(own),
        ),
        "sampling": (sample, asked.individuals / UNIT),
    }
    found = []
    for name, (run, count) in stages.items():
        times = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            times.append(np.array(seconds(run)) * count)
        (one, cpu), (two, _) = times
        parallel = min(max(2 * (1 - two / one), 0), 1)
        if name == "steps of the diffusion model":
            parallel = 0.0  # the job has one thread
        many = one * (1 - parallel + parallel / CORES)
        found.append((name, round(count), cpu, one, two, parallel, many))
    columns = ["stage", "units", "cpu", "wall_1", "wall_2", "parallel", f"wall_{CORES}"]
    table = pd.DataFrame(found, columns=columns)
    print(table.round(2).to_string(index=False))
    print(
        f"sum, min: {(table[['cpu', 'wall_1', 'wall_2', f'wall_{CORES}']].sum() / 60).round(1).to_dict()}"
    )


if __name__ == "__main__":
    main()
