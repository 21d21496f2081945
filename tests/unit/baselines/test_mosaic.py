import numpy as np
import pandas as pd

from snpgen.baselines.mosaic import sample_mosaic


def test_breakpoints_follow_the_distance() -> None:
    """Each training individual has one genotype throughout, which identifies the donor."""
    dosages = np.repeat(np.array([[0], [1], [2], [0]], np.int8), 5, axis=1)
    labels = np.array([0, 0, 0, 1])
    variants = pd.DataFrame({"chromosome": ["1", "1", "1", "2", "2"]})
    variants["position"] = [100, 100, 700_100, 700_200, 2_700_200]
    targets = np.repeat([1, 0], [1000, 40_000])
    synthetic = sample_mosaic(dosages, labels, variants, np.empty((2, 5)), targets, seed=1)
    assert (synthetic[targets == 1] == 0).all()
    same = (synthetic[targets == 0][:, 1:] == synthetic[targets == 0][:, :-1]).mean(axis=0)
    unbroken = np.array([1.0, np.exp(-0.7), 0.0, np.exp(-2.0)])
    assert np.allclose(same, unbroken + (1 - unbroken) / 3, atol=0.01)
    frequencies = np.stack(
        [(synthetic[targets == 0] == genotype).mean(axis=0) for genotype in range(3)]
    )
    assert np.abs(frequencies - 1 / 3).max() < 0.015
