import math

import pytest

from snpgen.generator.recipe import complete_network, complete_recipe

NULL = {"steps": None, "batch_size": None, "learning_rate": 0.01}


def test_what_the_config_says_stays():
    given = {"steps": 7, "batch_size": 33, "learning_rate": 0.5}
    assert complete_recipe(given, "vae", 400_000) == given
    assert complete_recipe(NULL | {"steps": 7}, "vae", 8_000)["steps"] == 7
    assert NULL["steps"] is None


@pytest.mark.parametrize("model", ["vae", "diffusion"])
def test_steps_and_people_a_step_grow_with_the_people(model):
    sizes = [300, 1_000, 2_000, 8_000, 32_000, 128_000, 500_000]
    found = [complete_recipe(NULL, model, n) for n in sizes]
    steps, batches = ([recipe[name] for recipe in found] for name in ("steps", "batch_size"))
    assert steps == sorted(steps) and batches == sorted(batches)
    assert all(math.log2(batch).is_integer() for batch in batches)
    assert steps[4] == pytest.approx(2 * steps[3], abs=1)  # four times the people
    assert batches[-1] > batches[3] > batches[1]
    assert all(recipe["learning_rate"] == 0.01 for recipe in found)


def network(n_samples: int, n_variants: int, n_effective: float, **given: float) -> dict:
    null = {"block_size": None, "hidden": None, "weight_decay": None}
    return complete_network(null | given, n_samples, n_variants, n_effective)


def decay(n_samples: int, n_variants: int, n_effective: float) -> float:
    return network(n_samples, n_variants, n_effective)["weight_decay"]


def test_weights_decay_faster_for_few_people_many_variants_and_little_ld():
    assert decay(8_000, 512, 400) == 1
    assert decay(4_000, 512, 400) == decay(8_000, 2_048, 400) == 2
    assert decay(8_000, 512, 25) == decay(16_000, 512, 400) == 0.5
    assert decay(300, 20_000, 5_000) == decay(2, 512, 400)  # there is a largest
    assert decay(8_000, 1, math.nan) == decay(8_000, 1, 1.0) > 0


def test_blocks_are_longer_where_ld_is_strong():
    sizes = [network(8_000, 512, e)["block_size"] for e in (512, 32, 20, 12, 2, math.nan)]
    assert sizes == [16, 16, 32, 64, 64, 64]
    assert network(8_000, 1, math.nan)["block_size"] == 16
    assert [network(8_000, 512, e)["hidden"] for e in (512, 20, 12)] == [64, 64, 128]


def test_a_network_that_the_config_gives_stays():
    given = {"block_size": 7, "hidden": 9, "weight_decay": 0.0}
    assert network(8_000, 512, 8, **given) == given
    assert network(8_000, 512, 8, block_size=40)["hidden"] == 80
