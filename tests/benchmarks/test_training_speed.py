"""CPU time of training steps and of phasing, as ratios of measurements in the same run."""

import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from example_training import step

from snpgen.generator import blocks
from snpgen.generator.blocks import make_blocks
from snpgen.generator.parents import choose_parents
from snpgen.generator.phasing import phase
from snpgen.generator.vae import VAE

N_SAMPLES, N_VARIANTS, BLOCK, HIDDEN = 1_024, 2_048, 16, 64
PAIRS = 5


@pytest.fixture(scope="module")
def example() -> tuple[VAE, list[torch.Tensor]]:
    """An autoencoder, and the inputs of a training step: linked variants on 22 chromosomes."""
    rng, n, m = np.random.default_rng(1), N_SAMPLES, N_VARIANTS
    chromosomes = np.sort(np.arange(m) % 22 + 1).astype(str)
    alleles = rng.random((2 * n, m)) < rng.uniform(0.05, 0.5, m)
    copied = rng.random((2 * n, m)) < 0.8  # of the previous variant
    for j in range(1, m):
        alleles[:, j] = np.where(copied[:, j], alleles[:, j - 1], alleles[:, j])
    haplotypes = alleles.reshape(n, 2, m).astype(np.int8)
    dosages = haplotypes.sum(axis=1, dtype=np.int8)
    start = choose_parents(dosages, make_blocks(chromosomes, BLOCK), chromosomes)
    positions = (1_000_000 * np.arange(m)).tolist()
    vae = VAE(chromosomes.tolist(), 2, BLOCK, 8, HIDDEN, start, positions=positions)
    conditions = np.eye(2, dtype=np.float32)[np.arange(n) % 2]
    called = np.ones_like(dosages, dtype=bool)
    arrays = [torch.from_numpy(x) for x in (dosages, called, haplotypes, conditions)]
    return vae, [*arrays, torch.randn(n, 8)]


def ratio(first: Callable[[], object], second: Callable[[], object]) -> float:
    """Median ratio of the CPU times of two functions, which run alternately."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    pairs = []
    for _ in range(PAIRS + 1):
        times = []
        for run in (first, second):
            began = time.process_time()
            run()
            times.append(time.process_time() - began)
        pairs.append(times[0] / times[1])
    torch.set_num_threads(threads)
    return float(np.median(pairs[1:]))  # the first pair compiles


def test_a_step_costs_less_than_with_operations_on_whole_arrays(example, monkeypatch, say):
    vae, inputs = example

    def plain() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(blocks._BlockNetworks, "apply", blocks._at_once)
            patch.setattr(vae, "compiled_likelihood", vae.parallel_likelihood)
            step(vae, inputs, N_SAMPLES)

    found = ratio(lambda: step(vae, inputs, vae.cached_samples()), plain)
    say(f"training step over operations on whole arrays: {found:.2f} (bar 0.75)")
    assert found <= 0.75


def test_phasing_an_individual_costs_little_more_than_training_with_it(example, say):
    vae, inputs = example
    generator = torch.Generator().manual_seed(1)
    found = ratio(
        lambda: phase(vae, inputs[0], inputs[3], generator),
        lambda: step(vae, inputs, vae.cached_samples()),
    )
    say(f"phasing over a training step, per individual: {found:.2f} (bar 2.5)")
    assert found <= 2.5
