"""Training on panels of any shape: what is learnt of known structure, and reproducibility."""

from pathlib import Path

import numpy as np
import pytest
import torch
from example_cohorts import frequencies, independent, linked
from example_generator import fit, linked_panel, small_panel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snpgen.generator import calibration, fitting, phasing, sampler, vae
from snpgen.generator.calibration import calibrate
from snpgen.generator.fitting import (
    COLLAPSE_NATS,
    identity,
    measure_latents,
    validation_arrays,
)
from snpgen.generator.frequencies import training_frequencies
from snpgen.generator.sampler import reconstruct, sample_genotypes
from snpgen.generator.target import Target
from snpgen.generator.training import make_fabric
from snpgen.genetics.imputation import impute_genotypes
from snpgen.io.panel import Panel
from snpgen.io.plink import MISSING


def whole(
    panel: Panel, chromosomes: list[str], folder: Path, **how: int
) -> tuple[bytes, np.ndarray]:
    """Bytes of all that is fitted, and a synthetic cohort as large as the training set."""
    model, denoiser, encoding = fit(panel, chromosomes, folder, **how)
    dosages, _ = impute_genotypes(panel, "train", 1)
    conditions = encoding.encode_split(panel, "train")
    frequencies = training_frequencies(dosages, conditions)
    target = Target(frequencies, frequencies)
    chosen, curve = calibrate(model, denoiser, conditions, target, [1.0, 1.5], 3, 1)
    model.bias.data += torch.from_numpy(chosen.shift)
    synthetic = sample_genotypes(model, denoiser, conditions, 3, chosen.scale, True, 1)
    weights = [*model.state_dict().values(), *denoiser.state_dict().values()]
    arrays = [value.numpy() for value in weights] + [chosen.shift, curve.to_numpy(), synthetic]
    assert all(np.isfinite(array).all() for array in arrays)
    assert synthetic.shape == dosages.shape and set(np.unique(synthetic)) <= {0, 1, 2}
    assert reconstruct(model, dosages, conditions, 1).shape == dosages.shape
    return b"".join(array.tobytes() for array in arrays), synthetic


@pytest.mark.parametrize(
    ("lengths", "block_size"),
    [([1], 16), ([1, 1, 1], 16), ([7, 2], 1), ([16], 16), ([17, 1, 3], 4)],
)
def test_panels_of_any_shape(lengths, block_size, tmp_path):
    chromosomes = np.repeat([str(i) for i in range(len(lengths))], lengths).tolist()
    panel = linked_panel(240, sum(lengths))
    _, synthetic = whole(panel, chromosomes, tmp_path, block_size=block_size)
    train = panel.of("train")[0]
    noise = 5 * np.sqrt(0.25 / len(train))
    assert synthetic.mean(axis=0) / 2 == pytest.approx(train.mean(axis=0) / 2, abs=noise)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("p", [[0.0, 0.3, 1.0], [0.0], [1.0, 0.0]])
def test_monomorphic_variants_stay_monomorphic(p, tmp_path):
    labels = (np.arange(240) // 6) % 2
    panel = small_panel(independent(240, np.array(p), 1), labels)
    _, synthetic = whole(panel, ["1"] * len(p), tmp_path)
    same = np.isin(p, [0.0, 1.0])
    assert np.abs(synthetic[:, same] / 2 - np.array(p)[same]).mean() < 0.01


def test_a_class_of_three_individuals(tmp_path):
    labels = np.zeros(180, int)
    labels[[0, 7, 9]] = 1  # in training
    labels[30:90] = 2
    panel = small_panel(linked(180, frequencies(20), 1), labels)
    assert (panel.samples("train").label == 1).sum() == 3
    _, synthetic = whole(panel, ["1"] * 20, tmp_path)
    assert synthetic.shape == (120, 20)


def test_forty_individuals_with_sex_and_group(tmp_path):
    sex, group = np.arange(60) % 3, np.array(["A", "B", "C"])[np.arange(60) // 7 % 3]
    labels = (np.arange(60) // 6) % 2
    dosages = linked(60, frequencies(12), 1)
    panel = small_panel(dosages, labels, sex=sex.astype(np.int8), group=group)
    whole(panel, ["1"] * 12, tmp_path, batch_size=256)


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    block_size=st.integers(1, 9),
    n=st.integers(20, 90),
    seed=st.integers(0, 99),
)
def test_any_panel_of_any_cohort(tmp_path_factory, lengths, block_size, n, seed):
    rng = np.random.default_rng(seed)
    p = rng.choice([0.0, 0.01, 0.4, 1.0], sum(lengths))
    labels = np.arange(n) % 2
    chromosomes = np.repeat([str(i) for i in range(len(lengths))], lengths).tolist()
    panel = small_panel(independent(n, p, seed), labels)
    whole(panel, chromosomes, tmp_path_factory.mktemp("any"), block_size=block_size, steps=3)


def test_the_same_seed_gives_the_same_bytes_with_any_number_of_threads(tmp_path, monkeypatch):
    monkeypatch.setattr(calibration, "MIN_SAMPLES", 1_000)
    for module in (phasing, sampler, fitting):
        monkeypatch.setattr(module, "BATCH", 24)
    monkeypatch.setattr(phasing, "BATCHES", 2)
    monkeypatch.setattr(vae, "_CACHED_UNITS", 1)  # 16 individuals in a chunk
    panel, chromosomes = linked_panel(120, 12), ["1"] * 7 + ["2"] * 5
    results = []
    threads = torch.get_num_threads()
    try:
        for count, seed in ((1, 1), (3, 1), (2, 2)):
            torch.set_num_threads(count)
            folder = tmp_path / str(count)
            folder.mkdir()
            results.append(whole(panel, chromosomes, folder, seed=seed, steps=3)[0])
    finally:
        torch.set_num_threads(threads)
    first, again, other = results
    assert first == again != other


def test_missing_calls_are_imputed_from_training_frequencies_and_masked():
    dosages = independent(6_000, np.array([0.3, 0.8]), 1)
    panel = small_panel(dosages, np.arange(6_000) % 2)
    panel.dosages[panel.split == "test"] = MISSING
    imputed, called = impute_genotypes(panel, "test", 1)
    assert not called.any() and imputed.mean(axis=0) / 2 == pytest.approx([0.3, 0.8], abs=0.04)
    train, called = impute_genotypes(panel, "train", 1)
    assert called.all() and (train == panel.of("train")[0]).all()


def test_latents_represent_ancestry_and_its_absence_is_reported_as_collapse(tmp_path, caplog):
    rng = np.random.default_rng(1)
    n, m = 900, 60
    p, labels = rng.uniform(0.1, 0.9, (2, m)), np.arange(n) // 12 % 2
    two = rng.binomial(2, p[np.arange(n) // 6 % 2])
    nats = {}
    for name, dosages, steps in (("two", two, 300), ("one", independent(n, p[0], 2), 60)):
        (tmp_path / name).mkdir()
        panel, chromosomes = small_panel(dosages, labels), ["1"] * 30 + ["2"] * 30
        vae, _, encoding = fit(panel, chromosomes, tmp_path / name, steps=steps, hidden=32)
        caplog.clear()
        validation = validation_arrays(panel, encoding, 1, make_fabric())
        nats[name] = measure_latents(vae, validation, 1)
        assert ("posterior collapse" in caplog.text) == (name == "one")
    # The population is log 2 nats of information, which explains much of the genotypes.
    assert nats["two"]["kl"] > 0.5 and nats["two"]["log_likelihood_gain"] > 5
    assert abs(nats["one"]["log_likelihood_gain"]) < COLLAPSE_NATS


def test_identities_of_other_arrays_or_settings_differ():
    array = np.arange(4)
    assert identity(array, {"a": 1}) == identity(np.arange(4), {"a": 1})
    assert len({identity(array, {"a": 1}), identity(array, {"a": 2}), identity(array[:3])}) == 3
