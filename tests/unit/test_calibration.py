import numpy as np
import pytest

from snpgen.generator.calibration import allelic_effects, calibration_labels, search
from snpgen.generator.sampler import Guidance


def test_search_interpolates_the_shift_at_the_smallest_scale_that_reaches_one() -> None:
    chosen, curve = search(lambda scale, shift: (0.5 * scale + 0.2 * shift, 0.9), [1, 2], [1, 2, 3])
    assert chosen.scale == 1 and np.isclose(chosen.class_shift, 2.5)
    assert len(curve) == 4 and np.isclose(curve.effect_slope.iloc[-1], 1)


def test_search_goes_to_a_larger_scale_only_when_no_shift_reaches_one() -> None:
    chosen, curve = search(lambda scale, shift: (0.3 * scale + 0.1 * shift, 0.9), [1, 2], [1, 2, 6])
    assert chosen.scale == 2 and np.isclose(chosen.class_shift, 4)
    assert curve.scale.tolist() == [1, 1, 1, 2, 2, 2, 2]


def test_search_takes_the_nearest_point_when_one_is_out_of_reach() -> None:
    chosen, _ = search(lambda scale, shift: (0.1 * scale * shift, 0.9), [1, 2], [1, 2])
    assert chosen == Guidance(2, 2)


def test_effects_are_log_odds_ratios_when_they_are_small() -> None:
    rng = np.random.default_rng(0)
    dosages = rng.binomial(2, 0.3, (400_000, 2)).astype(np.int8)
    odds = np.exp(-1 + 0.1 * dosages[:, 0] - 0.05 * dosages[:, 1])
    labels = (rng.random(len(odds)) < odds / (1 + odds)).astype(np.int64)
    found = allelic_effects(dosages, labels)
    assert found == pytest.approx([0.1, -0.05], abs=0.02)


def test_effects_of_a_variant_that_does_not_vary_are_zero() -> None:
    dosages = np.zeros((10, 1), np.int8)
    assert allelic_effects(dosages, np.arange(10) % 2).tolist() == [0.0]


def test_calibration_draws_enough_people_and_keeps_the_prevalence() -> None:
    small, large = np.repeat([0, 1], [240, 60]), np.tile([0, 0, 0, 1], 100_000)
    assert 5_000 <= len(calibration_labels(small)) <= 5_300
    assert calibration_labels(small).mean() == pytest.approx(0.2, abs=0.01)
    assert len(calibration_labels(large)) <= 20_000
    assert calibration_labels(large).mean() == pytest.approx(0.25, abs=0.02)
