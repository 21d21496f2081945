"""Default hyperparameters as functions of the numbers of individuals and variants."""

import math

import pytest

from snpgen.generator.hyperparameters import complete_network, complete_training, size_multiple

NULL = {"steps": None, "batch_size": None, "learning_rate": 0.01}


def test_configured_values_are_kept():
    configured = {"steps": 7, "batch_size": 33, "learning_rate": 0.5}
    assert complete_training(configured, "vae", 400_000) == configured
    assert complete_training(NULL | {"steps": 7}, "vae", 8_000)["steps"] == 7
    assert NULL["steps"] is None


@pytest.mark.parametrize("model", ["vae", "diffusion"])
def test_steps_and_batches_grow_with_the_number_of_individuals(model):
    sizes = [300, 1_000, 2_000, 8_000, 32_000, 128_000, 500_000]
    found = [complete_training(NULL, model, n) for n in sizes]
    steps, batches = ([own[name] for own in found] for name in ("steps", "batch_size"))
    assert steps == sorted(steps) and batches == sorted(batches)
    assert all(math.log2(batch).is_integer() for batch in batches)
    assert steps[3] == pytest.approx(2 * steps[2], abs=1)  # four times the individuals, up to 8,000
    assert steps[5] == pytest.approx(2 * steps[3], abs=1)  # sixteen times, above
    assert batches[-1] > batches[3] > batches[1]
    assert all(own["learning_rate"] == 0.01 for own in found)


def network(n_samples: int, n_variants: int, n_effective: float, **configured: float) -> dict:
    null = {"block_size": None, "hidden": None, "weight_decay": None}
    return complete_network(null | configured, n_samples, n_variants, n_effective)


def decay(n_samples: int, n_variants: int, n_effective: float) -> float:
    return network(n_samples, n_variants, n_effective)["weight_decay"]


def test_weight_decay_is_larger_for_few_individuals_many_variants_and_weak_ld():
    assert decay(8_000, 512, 400) == 1
    assert decay(4_000, 512, 400) == decay(8_000, 2_048, 400) == 2
    assert decay(8_000, 512, 25) == decay(16_000, 512, 400) == 0.5
    assert decay(300, 20_000, 5_000) == decay(2, 512, 400)  # the maximum
    assert decay(8_000, 1, math.nan) == decay(8_000, 1, 1.0) > 0


def test_settings_do_not_depend_on_the_last_digits_of_the_effective_number():
    # One and two threads of BLAS; otherwise, a checkpoint would be ignored after a change of threads.
    effective = [682.3932909497355, 682.3932892836875]
    one, two = (network(318_431, 2_048, number) for number in effective)
    assert one == two
    assert one["weight_decay"] == pytest.approx(
        2 * (effective[0] / 400) ** 0.25 * 8e3 / 318_431, rel=5e-3
    )


def test_blocks_are_longer_in_strong_ld():
    sizes = [network(8_000, 512, e)["block_size"] for e in (512, 32, 20, 12, 2, math.nan)]
    assert sizes == [16, 16, 32, 64, 64, 64]
    assert network(8_000, 1, math.nan)["block_size"] == 16
    assert [network(8_000, 512, e)["hidden"] for e in (512, 20, 12)] == [64, 64, 128]


def test_there_are_more_hidden_units_for_many_individuals_and_variants():
    sizes = [(10_000, 1_024), (9_999, 1_024), (10_000, 1_023)]
    assert [network(*size, 1_000)["hidden"] for size in sizes] == [128, 64, 64]
    assert network(10_000, 4_096, 64)["hidden"] == 128  # twice the block size of 64
    assert network(10_000, 4_096, 64, block_size=100)["hidden"] == 200


def test_a_configured_network_is_kept():
    configured = {"block_size": 7, "hidden": 9, "weight_decay": 0.0}
    assert network(8_000, 512, 8, **configured) == configured
    assert network(8_000, 512, 8, block_size=40)["hidden"] == 80


def test_small_training_sets_give_larger_cohorts():
    sizes = [size_multiple(n, None) for n in (100, 1_750, 2_000, 4_999, 5_000, 400_000)]
    assert sizes == pytest.approx([4, 4, 3.5, 7_000 / 4_999, 1, 1])
    assert size_multiple(100, 0.5) == 0.5
