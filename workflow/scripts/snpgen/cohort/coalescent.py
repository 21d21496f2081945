"""Simulation of one chromosome: coalescent haplotypes, their positions, and gene dropping.

The variants of a chromosome lie in windows of 200 kb that are spread over its length. All windows come from
one coalescent simulation of 2 Mb. A window contains some of the sites of a 200 kb segment of the simulation,
and no other window contains these sites. In each window, the haplotypes of a population are assigned in a new
random order to the individuals with ancestry from this population there. Haplotypes of a population are
exchangeable under the coalescent, so windows are independent given ancestry, like distant loci. One contiguous
region with the same number of variants would have too few independent loci to detect relatives.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msprime
import numpy as np
import pandas as pd
import tskit

from snpgen.cohort.populations import POPULATIONS, Ancestry, human_history, trace_ancestry
from snpgen.genetics.builds import CENTROMERES, LENGTHS
from snpgen.messages import Code, InputError

SIMULATED = 2_000_000  # bp of the coalescent simulation
WINDOW = 200_000  # bp
WINDOW_VARIANTS = 40  # one per 5 kb, as on a genotyping array
SPACING = 1_000_000  # bp, smallest distance between the starts of windows
RECOMBINATION_RATE = 1.2e-8  # mean per bp and generation
MUTATION_RATE = 1.44e-8  # Jouganous et al. 2017

_MAP_STEP = 2_000  # bp; the width of a recombination hot spot
_MAP_SIGMA = 2.5  # SD of log rates: 3 % of the sequence has about 70 % of the crossovers
_MIN_MAF = 0.011  # 1 %, with a margin for relatives and missing calls

_FEWER_VARIANTS = "Lower 'simulation.variants', or add chromosomes to 'cohort.chromosomes'"


@dataclass(frozen=True)
class Haplotypes:
    """Alleles of the founders (1 = derived), uint8 (n_variants, 2 n_founders), in genomic order.

    Columns 2i and 2i + 1 are the haplotypes of founder i. `position` int64 (n_variants,) in bp on GRCh38,
    `morgans` float64 (n_variants,) is the genetic position.
    """

    alleles: np.ndarray
    position: np.ndarray
    morgans: np.ndarray


def recombination_map(seed: int) -> msprime.RateMap:
    """Recombination map of `SIMULATED` bp with lognormal rates of mean `RECOMBINATION_RATE`."""
    n_steps = SIMULATED // _MAP_STEP
    rates = np.random.default_rng(seed).lognormal(0, _MAP_SIGMA, n_steps)
    rates *= RECOMBINATION_RATE / rates.mean()
    return msprime.RateMap(position=np.arange(n_steps + 1) * _MAP_STEP, rate=rates)


def place_windows(chromosome: str, count: int, avoid: pd.DataFrame) -> np.ndarray:
    """Starts (bp, GRCh38, ascending) of `count` windows spread evenly over a chromosome.

    No window overlaps the centromere, the first or last 1 Mb, or a region of `avoid` (chromosome, start,
    end). Raises `InputError` if there is not enough room.
    """
    starts = np.arange(1_000_000, LENGTHS["GRCh38"][chromosome] - 2_000_000, SPACING)
    taken = [CENTROMERES[chromosome]]
    taken += list(
        avoid.loc[avoid.chromosome == chromosome, ["start", "end"]].itertuples(index=False)
    )
    free = np.ones(len(starts), dtype=bool)
    for start, end in taken:
        free &= (starts + WINDOW <= start) | (starts >= end)
    starts = starts[free]
    if count > len(starts):
        raise InputError(
            Code.CONFLICTING_SETTINGS,
            f"chromosome {chromosome} has room for only about {len(starts) * WINDOW_VARIANTS} "
            "simulated variants",
            _FEWER_VARIANTS,
            key="simulation.variants",
        )
    return starts[np.linspace(0, len(starts) - 1, count).round().astype(int)]


def _common_sites(trees: tskit.TreeSequence) -> np.ndarray:
    """IDs of the sites with one mutation and a MAF of at least `_MIN_MAF`."""
    # Arrays, because objects of tskit for sites and mutations take most of the time.
    node = np.empty(trees.num_sites, dtype=np.int64)
    node[trees.mutations_site] = trees.mutations_node
    single = np.bincount(trees.mutations_site, minlength=trees.num_sites) == 1
    stops = np.searchsorted(trees.sites_position, trees.breakpoints(as_array=True)[1:])
    carriers, start = np.zeros(trees.num_sites), 0
    for tree, stop in zip(trees.trees(), stops, strict=True):
        for site in start + np.flatnonzero(single[start:stop]):
            carriers[site] = tree.num_samples(node[site])
        start = stop
    frequency = carriers / trees.num_samples
    return np.flatnonzero((frequency >= _MIN_MAF) & (frequency <= 1 - _MIN_MAF))


def deal_haplotypes(
    population: np.ndarray, copied: np.ndarray, size: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Assign simulated haplotypes to individuals at one locus; returns their columns, int64 (2n,).

    `population` (n, 2) and `copied` (n,) are the ancestry at the locus (`trace_ancestry`). `size`
    (`POPULATIONS`) is the number of simulated haplotypes, whose columns are ordered by population. No haplotype
    is assigned twice, except to both haplotypes of an individual if the second is a copy.
    """
    columns = np.empty(population.shape, dtype=np.int64)
    for number, first in enumerate(size.cumsum() - size):
        here = population == number
        columns[here] = first + rng.permutation(size[number])[: here.sum()]
    columns[copied, 1] = columns[copied, 0]
    return columns.ravel()


def simulate_haplotypes(
    chromosome: str, ancestry: Ancestry, n_variants: int, avoid: pd.DataFrame, seed: int
) -> Haplotypes:
    """Simulate haplotypes of founders at `n_variants` variants of MAF above 1 % on one chromosome.

    `ancestry` is that of the founders, `avoid` as in `place_windows`. Raises `InputError` if the chromosome has
    too little room.
    """
    starts = place_windows(chromosome, max(1, round(n_variants / WINDOW_VARIANTS)), avoid)
    rng = np.random.default_rng(seed)
    population, copied = trace_ancestry(ancestry, RECOMBINATION_RATE * starts, rng)
    counts = (population[..., None] == np.arange(len(POPULATIONS))).sum(axis=(1, 2))
    size = counts.max(axis=0)  # as many haplotypes as any window needs
    rates = recombination_map(seed)
    samples = zip(size, POPULATIONS, strict=True)
    trees = msprime.sim_ancestry(
        [msprime.SampleSet(count, name, ploidy=1) for count, name in samples],
        demography=human_history(),
        recombination_rate=rates,
        random_seed=seed + 1,
    )
    trees = msprime.sim_mutations(
        trees, rate=MUTATION_RATE, model=msprime.BinaryMutationModel(), random_seed=seed + 2
    )
    n_segments = min(len(starts), SIMULATED // WINDOW)
    common = _common_sites(trees)
    common = common[trees.sites_position[common] < n_segments * WINDOW]
    if n_variants > len(common):
        raise InputError(
            Code.CONFLICTING_SETTINGS,
            f"chromosome {chromosome} has {len(common)} common simulated variants, but {n_variants} "
            "are needed",
            _FEWER_VARIANTS,
            key="simulation.variants",
        )
    chosen = rng.choice(common, n_variants, replace=False)
    trees = trees.delete_sites(np.setdiff1d(np.arange(trees.num_sites), chosen))
    site = trees.sites_position.astype(np.int64)
    window = np.empty(n_variants, dtype=np.int64)  # window of each site
    for segment in range(n_segments):
        here = np.flatnonzero(site // WINDOW == segment)
        windows = np.arange(segment, len(starts), n_segments)
        window[here] = rng.permutation(np.resize(windows, len(here)))

    columns = [
        deal_haplotypes(*at_window, size, rng) for at_window in zip(population, copied, strict=True)
    ]
    alleles = np.empty((n_variants, 2 * len(ancestry.inbreeding)), dtype=np.uint8)
    order = np.lexsort([site, window])
    for row, variant in zip(np.argsort(order), trees.variants(), strict=True):
        alleles[row] = variant.genotypes[columns[window[variant.site.id]]]
    first = site // WINDOW * WINDOW  # start of the segment
    mass = rates.get_cumulative_mass(site) - rates.get_cumulative_mass(first)
    morgans = RECOMBINATION_RATE * starts[window] + mass
    return Haplotypes(alleles, (starts[window] + site - first)[order], morgans[order])


def make_gamete(parent: np.ndarray, morgans: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One recombined haplotype, uint8 (n_variants,), of a parent (n_variants, 2).

    Crossovers are a Poisson process along the map, without interference (Haldane 1919).
    """
    n_crossovers = rng.poisson(morgans[-1] - morgans[0])
    crossovers = np.sort(rng.uniform(morgans[0], morgans[-1], n_crossovers))
    strand = (rng.integers(2) + np.searchsorted(crossovers, morgans)) % 2
    return parent[np.arange(len(morgans)), strand]


def drop_genes(
    founders: Haplotypes, parents: np.ndarray, copied: Sequence[int] | np.ndarray, seed: int
) -> np.ndarray:
    """Dosages of the derived allele, int8 (n_samples, n_variants): founders, children, copies.

    There is one child for each row of `parents` (rows of father and mother among the founders) and one
    copy of each founder in `copied` (an identical twin, or a duplicated sample).
    """
    rng = np.random.default_rng(seed)
    pairs = founders.alleles.reshape(len(founders.morgans), -1, 2)
    dosages = np.empty((pairs.shape[1] + len(parents) + len(copied), len(pairs)), dtype=np.int8)
    n_founders = pairs.shape[1]
    dosages[:n_founders] = (pairs[..., 0] + pairs[..., 1]).T
    for row, (father, mother) in enumerate(parents, start=n_founders):
        dosages[row] = make_gamete(pairs[:, father], founders.morgans, rng)
        dosages[row] += make_gamete(pairs[:, mother], founders.morgans, rng).astype(np.int8)
    dosages[n_founders + len(parents) :] = dosages[np.asarray(copied, dtype=int)]
    return dosages
