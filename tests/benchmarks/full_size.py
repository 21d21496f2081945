"""Time and memory of the generator for 458,724 individuals and 2,048 variants: `python tests/benchmarks/full_size.py`.

A few units of each stage are measured on one and on two threads, and multiplied by their number. The time on 16 cores
is extrapolated from both by Amdahl's law: 1 / 16 of the part that two threads halve, and all of the rest. The peak
memory is that of training for a few steps with all individuals, a sample with replacement from the panel
20000x2048.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import yaml

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow" / "scripts"))

from example_generator_cohorts import CONFIG, open_panel
from example_subjects import complete_vae, shrink_panel
from example_training import step

from snpgen.generator.calibration import MAX_SAMPLES, calibrate, calibration_rows
from snpgen.generator.conditions import ConditionEncoding, fit_encoding
from snpgen.generator.decoding import BATCH
from snpgen.generator.diffusion import Denoiser
from snpgen.generator.fitting import (
    VALIDATION_SAMPLES,
    fit_diffusion,
    fit_vae,
    measure_elbo,
    posterior,
)
from snpgen.generator.hyperparameters import complete_training
from snpgen.generator.phasing import phase
from snpgen.generator.sampler import sample_genotypes
from snpgen.generator.target import Target
from snpgen.generator.training import Schedule, make_fabric
from snpgen.generator.vae import VAE
from snpgen.io.panel import Panel

N_SAMPLES, CORES, SEED = 458_724, 16, 1
UNIT = 2_048  # individuals of a step, and of the other units
FEW = {"steps": 10}


class Stage(NamedTuple):
    """A stage of the generator: `run` does one unit of `count`; `threaded` if the workflow gives it more threads."""

    run: Callable[[], object]
    count: float
    threaded: bool = True


def repeat_panel(panel: Panel, count: int) -> Panel:
    """`count` individuals, a random sample of those of `panel` with replacement."""
    rows = np.random.default_rng(SEED).integers(len(panel.iid), size=count)
    names = np.char.add("p", np.arange(count).astype(str))
    return Panel(panel.dosages[rows], names, panel.split[rows], panel.phenotype[rows])


def peak_mb() -> float:
    """Largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def make_stages(
    vae: VAE,
    denoiser: Denoiser,
    small: Panel,
    encoding: ConditionEncoding,
    target: Target,
    settings: dict,
    counts: dict[str, int],
) -> dict[str, Stage]:
    """The stages, for `counts` individuals by split and all; units are individuals of the panel `small`."""
    conditions = torch.from_numpy(encoding.encode_split(small, "train"))
    dosages = torch.from_numpy(small.of("train")[0][:UNIT])
    own, called = conditions[:UNIT], torch.ones_like(dosages, dtype=torch.bool)
    solver, systematic = settings["sampling"]["steps"], settings["sampling"]["systematic"]

    def find_phases() -> torch.Tensor:
        return phase(vae, dosages, own, torch.Generator().manual_seed(SEED))

    inputs = [dosages, called, find_phases(), own, torch.randn(UNIT, vae.n_latents)]
    clean = torch.randn(2, UNIT, vae.n_latents)

    def step_diffusion() -> None:
        denoiser.zero_grad()
        sigma, uniform = torch.rand(2, UNIT)
        denoiser(clean[0], own, sigma + 0.1, clean[1], uniform).sum().backward()

    def calibrate_model() -> None:
        calibrate(vae, denoiser, conditions.numpy(), target, [1.0], solver, SEED)

    # A batch for each thread.
    many = conditions.tile(2 * BATCH // len(conditions) + 1, 1)[: 2 * BATCH]

    def sample() -> None:
        sample_genotypes(vae, denoiser, many.numpy(), solver, 1.0, systematic, SEED)

    validated = Schedule.evaluations * min(counts["validation"], VALIDATION_SAMPLES)
    used = len(calibration_rows(len(conditions)))
    return {
        "phases": Stage(find_phases, Schedule.updates * counts["train"] / UNIT),
        "steps of the autoencoder": Stage(
            lambda: step(vae, inputs, vae.cached_samples()), settings["vae"]["steps"]
        ),
        "validation": Stage(
            lambda: measure_elbo(vae, [dosages, called, own], SEED), validated / UNIT
        ),
        "latents": Stage(lambda: posterior(vae, dosages), counts["train"] / UNIT, threaded=False),
        "steps of the diffusion model": Stage(
            step_diffusion, settings["diffusion"]["steps"], threaded=False
        ),
        "calibration": Stage(calibrate_model, MAX_SAMPLES / used),
        "sampling": Stage(sample, counts["all"] / len(many)),
    }


def measure_stage(stage: Stage) -> list[float]:
    """Units, CPU and wall time in s on one thread, wall time on two threads, parallel part, and wall time on `CORES`."""
    times = []
    for threads in (1, 2):
        torch.set_num_threads(threads if stage.threaded else 1)
        stage.run()  # compiles
        wall, cpu = time.perf_counter(), time.process_time()
        stage.run()
        times.append((time.perf_counter() - wall, time.process_time() - cpu))
    (one, cpu), (two, _) = stage.count * np.array(times)
    parallel = min(max(2 * (1 - two / one), 0), 1) if stage.threaded else 0
    return [stage.count, cpu, one, two, parallel, one * (1 - parallel + parallel / CORES)]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--individuals", type=int, default=N_SAMPLES)
    asked = parser.parse_args()
    settings = yaml.safe_load(CONFIG.read_text())
    small, variants, sumstats, scores = open_panel("20000x2048", SEED)
    target = shrink_panel(small, variants, sumstats, scores, settings, SEED).target
    encoding, fabric = fit_encoding(small, False, False), make_fabric()
    panel = repeat_panel(small, asked.individuals)
    counts = pd.Series(panel.split).value_counts().to_dict() | {"all": asked.individuals}
    train = counts["train"]
    settings["vae"] = complete_vae(settings, train, small.of("train")[0])
    settings["diffusion"] = complete_training(settings["diffusion"], "diffusion", train)
    places = variants.chromosome.tolist(), variants.position.tolist()
    held = peak_mb()
    with TemporaryDirectory() as folder:
        files = Path(folder) / "vae", Path(folder) / "diffusion"
        vae, _ = fit_vae(panel, encoding, settings["vae"] | FEW, *places, SEED, files[0], fabric)
        print(f"memory, MB: {held:.0f} before training, {peak_mb():.0f} at its peak", flush=True)
        few = settings["diffusion"] | FEW
        denoiser, _ = fit_diffusion(vae, small, encoding, few, SEED, files[1], fabric)
    stages = make_stages(vae, denoiser, small, encoding, target, settings, counts)
    columns = ["units", "CPU", "wall, 1", "wall, 2", "parallel", f"wall, {CORES}"]
    found = {name: measure_stage(stage) for name, stage in stages.items()}
    table = pd.DataFrame.from_dict(found, orient="index", columns=columns)
    print(table.round(2).to_string())
    print("sum, minutes")
    print((table.drop(columns=["units", "parallel"]).sum() / 60).round(1).to_string())


if __name__ == "__main__":
    main()
