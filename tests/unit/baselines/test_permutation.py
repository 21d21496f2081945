import numpy as np

from snpgen.baselines.permutation import shuffle_chromosomes


def test_whole_chromosomes_are_permuted_within_class_and_group() -> None:
    n = 600
    labels, groups = np.arange(n) % 2, np.array(["a", "b", "b"])[np.arange(n) % 3]
    chromosomes = np.array(["1", "1", "2", "2", "2"])
    dosages = np.random.default_rng(1).integers(0, 3, (n, 5)).astype(np.int8)
    shuffled = shuffle_chromosomes(dosages, labels, groups, chromosomes, seed=4)
    for stratum in {(label, group) for label, group in zip(labels, groups, strict=True)}:
        rows = (labels == stratum[0]) & (groups == stratum[1])
        for chromosome in ("1", "2"):
            before, after = (
                sorted(map(tuple, side[rows][:, chromosomes == chromosome].tolist()))
                for side in (dosages, shuffled)
            )
            assert before == after
    stays = [
        (dosages[:, chromosomes == c] == shuffled[:, chromosomes == c]).all(axis=1) for c in "12"
    ]
    assert stays[0].mean() < 0.2 and stays[1].mean() < 0.1  # by chance 1/9 and 1/27
