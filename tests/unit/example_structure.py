"""Simulated individuals of several ancestries, with their principal components."""

import numpy as np

GROUPS = {"large": 1_600, "first": 250, "second": 150, "admixed": 120, "children": 60}
N_INFORMATIVE = 60  # the first variants differ most between `large` and `first`


def simulate_groups(seed: int, m: int = 1_500) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Group str (n,), dosages int8 (n, m) of independent variants, and eight components (n, 8).

    Allele frequencies of the three populations are those of Balding & Nichols (1995), with Fst 0.15. `admixed`
    individuals have between 40 and 100 % of their ancestry from `first` and the rest from `large`; `children`
    have one parent of each.
    """
    rng = np.random.default_rng(seed)
    ancestral = rng.uniform(0.1, 0.9, m)
    drift = (1 - 0.15) / 0.15
    large, first, second = rng.beta(ancestral * drift, (1 - ancestral) * drift, (3, m))
    large[:N_INFORMATIVE] = rng.uniform(0.02, 0.2, N_INFORMATIVE)
    first[:N_INFORMATIVE] = rng.uniform(0.7, 0.95, N_INFORMATIVE)
    group = np.repeat(list(GROUPS), list(GROUPS.values()))
    share = rng.beta(9, 3, GROUPS["admixed"])[:, None]
    admixed = share * first + (1 - share) * large
    blocks = []
    for name, frequency in {
        "large": (large, large),
        "first": (first, first),
        "second": (second, second),
        "admixed": (admixed, admixed),
        "children": (first, large),
    }.items():
        size = (GROUPS[name], m)
        blocks.append(sum((rng.random(size) < p).astype(np.int8) for p in frequency))
    dosages = np.concatenate(blocks)
    p = dosages.mean(axis=0) / 2
    used = np.minimum(p, 1 - p) > 0.05
    z = (dosages[:, used] - 2 * p[used]) / np.sqrt(2 * p * (1 - p))[used]
    values, vectors = np.linalg.eigh(z @ z.T)
    return group, dosages, vectors[:, -8:] * np.sqrt(values[-8:])
