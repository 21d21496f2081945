"""Populations of the demo cohort: their history, and the ancestry of individuals along the genome.

The haplotypes of the cohort come from six populations (`POPULATIONS`). Each individual has proportions of
ancestry from them. Along a chromosome, the population of a haplotype is a Markov chain: after a distance of d
Morgans it is redrawn from the proportions with probability 1 - exp(-T d), where T is the number of generations
since admixture (Falush, Stephens & Pritchard 2003, Genetics 164:1567).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import msprime
import numpy as np

POPULATIONS = [
    "African",
    "northern_European",
    "southern_European",
    "western_South_Asian",
    "eastern_South_Asian",
    "East_Asian",
]
AFRICAN, NORTH, SOUTH, WESTERN, EASTERN, EAST_ASIAN = range(len(POPULATIONS))

# Groups of individuals (self-reported ancestry), and their proportions of the cohort.
GROUPS = {
    "European": 0.88,
    "South_Asian": 0.04,
    "African": 0.03,
    "East_Asian": 0.02,
    "Admixed": 0.03,
}

_SOUTHERN = (1.2, 2.8)  # beta distribution of the southern share of European ancestry
SOUTHERN_SHARE = 0.3  # its mean
_WESTERN = (12, 12)  # of the western share of South Asians (Moorjani et al. 2013)
_OLD, _RECENT = 100, 7  # generations since admixture: within the groups, and between them
_MEIOSES = 6  # between the two haplotypes of a child of first cousins


class Composition(NamedTuple):
    """Composition of a cohort; the defaults are those of the demo.

    `groups` are the proportions of the groups. Of the admixed individuals, the proportion `first_generation` has
    one African and one European parent. The others descend from individuals admixed some generations ago, and
    their African share has the beta distribution with the parameters `african`. `inbreeding` holds inbreeding
    coefficients and their proportions by group; the coefficient is 0 in all other groups. The parents of South
    Asians are unrelated, second or first cousins.
    """

    groups: Mapping[str, float] = GROUPS
    african: tuple[float, float] = (9, 3)
    first_generation: float = 0.4
    inbreeding: Mapping[str, Mapping[float, float]] = {
        "South_Asian": {0: 0.5, 1 / 64: 0.2, 1 / 16: 0.3}
    }


DEMO = Composition()


@dataclass(frozen=True)
class Ancestry:
    """Ancestry of n individuals.

    `proportions` float64 (n, 2, `POPULATIONS`) of both haplotypes; `generations` (n,) since admixture; and
    `inbreeding` (n,), the proportion of the genome at which the second haplotype is a copy of the first.
    """

    proportions: np.ndarray
    generations: np.ndarray
    inbreeding: np.ndarray


def human_history() -> msprime.Demography:
    """History of the populations.

    The African, European and East Asian populations follow Jouganous et al. 2017 (Genetics 206:1549), with 29
    years per generation. The later splits are chosen so that Fst within Europe and from South Asians agrees
    with published values.
    """
    history = msprime.Demography()
    # The sizes of growing populations are those at the split 1,586 generations ago. msprime expects the size
    # at time 0, also of a population that ends earlier.
    european = 2_512 * np.exp(0.0016 * 1_586), 0.0016
    east_asian = 1_019 * np.exp(0.0026 * 1_586), 0.0026
    for name, (size, growth_rate) in {
        "African": (23_721, 0),
        "northern_European": european,
        "southern_European": european,
        "western_South_Asian": (10_000, 0),
        "eastern_South_Asian": (6_000, 0),
        "East_Asian": east_asian,
        "European": european,
        "West_Eurasian": european,
        "East_Eurasian": east_asian,
        "out_of_Africa": (2_831, 0),
        "ancestral": (23_721, 0),
    }.items():
        history.add_population(name=name, initial_size=size, growth_rate=growth_rate)

    west, east = POPULATIONS[NORTH : WESTERN + 1], POPULATIONS[EASTERN:]
    _connect(history, 0, west, east)
    history.add_population_split(time=400, derived=west[:2], ancestral="European")
    west = ["European", "western_South_Asian"]
    _connect(history, 400, west, east)
    history.add_population_split(time=500, derived=west, ancestral="West_Eurasian")
    _connect(history, 500, ["West_Eurasian"], east)
    history.add_population_split(time=1_300, derived=east, ancestral="East_Eurasian")
    west, east = ["West_Eurasian"], ["East_Eurasian"]
    _connect(history, 1_300, west, east)
    history.add_population_split(time=1_586, derived=[*west, *east], ancestral="out_of_Africa")
    first = ["African", "out_of_Africa"]
    history.add_symmetric_migration_rate_change(1_586, first, 16.8e-5)
    history.add_population_split(time=4_103, derived=first, ancestral="ancestral")
    history.add_population_parameters_change(12_310, initial_size=11_293, population="ancestral")
    history.sort_events()
    return history


def _connect(history: msprime.Demography, time: float, west: list[str], east: list[str]) -> None:
    """Add migration, from `time` on, between the populations `west`, `east` and Africa."""
    for pair in product(west, east):
        history.add_symmetric_migration_rate_change(time, list(pair), 4.75e-5)
    for name in west:
        history.add_symmetric_migration_rate_change(time, ["African", name], 1.14e-5)
    for name in east:
        history.add_symmetric_migration_rate_change(time, ["African", name], 0.56e-5)


def simulate_ancestry(
    group: np.ndarray, southern: np.ndarray, seed: int, composition: Composition = DEMO
) -> Ancestry:
    """Simulate the ancestry of individuals from their `group`, str (n,), and `southern` share, float (n,)."""
    rng = np.random.default_rng(seed)
    n, unit = len(group), np.eye(len(POPULATIONS))
    african, east_asian = np.tile(unit[AFRICAN], (n, 1)), np.tile(unit[EAST_ASIAN], (n, 1))
    european = _mix(unit[SOUTH], unit[NORTH], southern)
    south_asian = _mix(unit[WESTERN], unit[EASTERN], rng.beta(*_WESTERN, n))
    admixed = _mix(african, european, rng.beta(*composition.african, n))
    first_generation = (rng.random(n) < composition.first_generation)[:, None]

    of_group = {"European": european, "South_Asian": south_asian}
    of_group |= {"African": african, "East_Asian": east_asian}
    is_group = {name: group == name for name in GROUPS}
    proportions = np.empty((n, 2, len(POPULATIONS)))
    for name, own in of_group.items():
        proportions[is_group[name]] = own[is_group[name], None]
    for haplotype, parent in enumerate((african, european)):
        own = np.where(first_generation, parent, admixed)
        proportions[is_group["Admixed"], haplotype] = own[is_group["Admixed"]]
    inbreeding = np.zeros(n)
    for name, weights in composition.inbreeding.items():
        coefficients = rng.choice(list(weights), n, p=list(weights.values()))
        inbreeding = np.where(is_group[name], coefficients, inbreeding)
    generations = np.where(is_group["Admixed"], _RECENT, _OLD)
    return Ancestry(proportions, generations, inbreeding)


def _mix(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Proportions (n, `POPULATIONS`) with a `share` (n,) from `first` and the rest from `second`."""
    return share[:, None] * first + (1 - share[:, None]) * second


def simulate_southern_share(n: int, rng: np.random.Generator) -> np.ndarray:
    """Share of southern European in the European ancestry of `n` individuals, float64 (n,)."""
    return rng.beta(*_SOUTHERN, n)


def trace_ancestry(
    ancestry: Ancestry, morgans: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Simulate the ancestry at loci with genetic positions `morgans` (loci,), ascending.

    Returns the population of each haplotype, int64 (loci, n, 2), and where the second haplotype of an
    individual is a copy of the first, bool (loci, n).
    """
    n = len(ancestry.generations)
    cumulative = ancestry.proportions.cumsum(axis=2)[:, :, :-1]
    rate = np.column_stack([ancestry.generations] * 2)
    population = np.zeros((len(morgans), n, 2), dtype=np.int64)
    copied = np.zeros((len(morgans), n), dtype=bool)
    for locus, distance in enumerate(np.diff(morgans, prepend=-np.inf)):
        redrawn = rng.random((n, 2)) > np.exp(-rate * distance)
        drawn = (rng.random((n, 2, 1)) >= cumulative).sum(axis=2)
        population[locus] = np.where(redrawn, drawn, population[locus - 1])
        redrawn = rng.random(n) > np.exp(-_MEIOSES * distance)
        drawn = rng.random(n) < ancestry.inbreeding
        copied[locus] = np.where(redrawn, drawn, copied[locus - 1])
    return population, copied
