"""Simulated cohorts and panels for the benchmark of the generator, cached on disk.

12,000 individuals and 5 chromosomes of 9.6 Mb from a coalescent with recombination hotspots: `one` has
one ancestry, `three` has three, which separated 2,000 and 900 generations ago, and a tenth of its
individuals is admixed since ten generations. 150 causal variants, heritability 0.5, prevalence 0.2; in `three`
ancestry shifts the liability too, which confounds the trait. `one_20000` and `one_100000` have so many individuals of
one ancestry, and a quarter of the variants. The other cohorts are those of `example_structured`. Every file is a
function of its seed.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msprime
import numpy as np
import pandas as pd
import yaml
from example_structured import (
    CAUSAL,
    CHROMOSOMES,
    STRUCTURED,
    Further,
    simulate_dosages,
    simulate_individuals,
    simulate_phenotype,
    source_frequencies,
)

from snpgen.association.gwas import ScanSettings, scan
from snpgen.association.null_model import fit_null_model
from snpgen.association.selection import PanelSettings, locate_variants, select_panel
from snpgen.association.shrinkage import correct_effects
from snpgen.cohort.simulation import draw_effects
from snpgen.cohort.split import SPLITS, place_families
from snpgen.evaluation.cohorts import Cohort
from snpgen.genetics.pca import choose_variants, fit_components, project
from snpgen.io.panel import Panel, load_panel, read_variants
from snpgen.io.plink import Fileset, open_fileset, write_fileset
from snpgen.io.sumstats import read_sumstats, write_sumstats
from snpgen.job import derive_seed

CACHE = Path(os.environ.get("SNPGEN_BENCHMARKS", Path.home() / ".cache" / "snpgen-benchmarks"))
FOLDER = CACHE / "generator"
CONFIG = Path(__file__).parents[2] / "config" / "config.yaml"

N_SAMPLES = 12_000
LARGE = [20_000, 100_000]  # individuals of the larger cohorts
N_CHROMOSOMES, LENGTH = 5, 9_600_000  # bp
STEP = 5_000  # bp of one recombination rate
RATE, RATE_SPREAD = 1.2e-8, 2.5  # mean and log spread: most of the genetic map is in hotspots
MUTATION_RATE = 1.25e-8
MIN_MAF = 0.01
N_CAUSAL, HERITABILITY, PREVALENCE = 150, 0.5, 0.2
FRACTIONS = (0.7, 0.1, 0.2)
ADMIXTURE = {"AFR": 0.4, "EUR": 0.4, "EAS": 0.2}
LIABILITY = {"": 0.0, "AFR": 0.5, "EUR": 0.0, "EAS": -0.5, "ADX": 0.1}  # ADX: of its mixture


@dataclass(frozen=True)
class CohortRecipe:
    """A cohort of this module: the share of each group, and of how many variants one is kept."""

    groups: dict[str, float]
    samples: int = N_SAMPLES
    thinning: int = 1

    @property
    def is_structured(self) -> bool:
        """Whether there are several groups."""
        return len(self.groups) > 1

    def sizes(self) -> dict[str, int]:
        """Individuals of each group."""
        return {name: round(share * self.samples) for name, share in self.groups.items()}


COHORTS = {
    "one": CohortRecipe({"": 1.0}),
    "three": CohortRecipe({"AFR": 0.3, "EUR": 0.3, "EAS": 0.3, "ADX": 0.1}),
} | {f"one_{n}": CohortRecipe({"": 1.0}, n, thinning=4) for n in LARGE}


@dataclass(frozen=True)
class PanelRecipe:
    """A panel: its cohort, its size, and how it is clumped."""

    cohort: str
    size: int
    clump_kb: float
    clump_r2: float


PANELS = {
    "R": PanelRecipe("one", 512, 10, 0.5),
    "C": PanelRecipe("one", 512, 500, 0.2),
    "U": PanelRecipe("one", 512, 0, 1.0),
    "R2048": PanelRecipe("one", 2048, 10, 0.5),
    "S": PanelRecipe("three", 512, 10, 0.5),
    "B": PanelRecipe("demo", 512, 10, 0.5),
    "A": PanelRecipe("admixed", 512, 10, 0.5),
    "M": PanelRecipe("minority", 512, 10, 0.5),
    "I": PanelRecipe("cousins", 512, 10, 0.5),
    "L": PanelRecipe("lines", 512, 10, 0.5),
} | {f"{n}x{m}": PanelRecipe(f"one_{n}", m, 10, 0.5) for n in LARGE for m in (512, 2048)}


def _recombination_map(seed: int) -> msprime.RateMap:
    count = LENGTH // STEP
    rates = np.random.default_rng(seed).lognormal(0, RATE_SPREAD, count)
    return msprime.RateMap(position=np.arange(count + 1) * STEP, rate=rates * (RATE / rates.mean()))


def _european_history() -> msprime.Demography:
    """Demography with the out-of-Africa bottleneck, partial recovery, and growth for 200 generations."""
    history = msprime.Demography.isolated_model([500_000], growth_rate=[0.01])
    history.add_population_parameters_change(time=200, initial_size=20_000, growth_rate=0)
    history.add_population_parameters_change(time=900, initial_size=4_000)
    history.add_population_parameters_change(time=1_800, initial_size=12_000)
    return history


def _three_histories() -> msprime.Demography:
    history = msprime.Demography()
    for name in ("AFR", "EUR", "EAS", "ADX"):
        history.add_population(name=name, initial_size=20_000)
    history.add_population(name="OOA", initial_size=4_000)
    history.add_population(name="ANC", initial_size=12_000)
    history.add_admixture(
        time=10,
        derived="ADX",
        ancestral=list(ADMIXTURE),
        proportions=list(ADMIXTURE.values()),
    )
    history.add_population_split(time=900, derived=["EUR", "EAS"], ancestral="OOA")
    history.add_population_split(time=2_000, derived=["AFR", "OOA"], ancestral="ANC")
    return history


def _simulate_chromosome(kind: str, seed: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Dosages int8 (n_variants, n) of the minor allele, individuals ordered by group, and positions."""
    recipe = COHORTS[kind]
    history = _three_histories() if recipe.is_structured else _european_history()
    trees = msprime.sim_ancestry(
        recipe.sizes() if recipe.is_structured else recipe.samples,
        demography=history,
        recombination_rate=_recombination_map(seed * 100 + number),
        random_seed=seed * 1000 + number + 1,
    )
    trees = msprime.sim_mutations(
        trees,
        rate=MUTATION_RATE,
        model=msprime.BinaryMutationModel(),
        random_seed=seed * 1000 + number + 501,
    )
    common, found = [], 0
    for tree in trees.trees():
        for site in tree.sites():
            frequency = tree.num_samples(site.mutations[0].node) / trees.num_samples
            if len(site.mutations) > 1 or min(frequency, 1 - frequency) < MIN_MAF:
                continue
            found += 1
            if found % recipe.thinning == 0:
                common.append(site.id)
    trees = trees.delete_sites(np.setdiff1d(np.arange(trees.num_sites), common))
    dosages, position = [], []
    for variant in trees.variants():
        minor = variant.genotypes if variant.genotypes.mean() <= 0.5 else 1 - variant.genotypes
        dosages.append(minor.reshape(-1, 2).sum(axis=1).astype(np.int8))
        position.append(int(variant.site.position))
    return np.array(dosages), np.array(position)


def _write_cohort(
    prefix: Path, dosages: np.ndarray, chromosome: np.ndarray, position: np.ndarray
) -> None:
    """Write the fileset from dosages int8 (n_variants, n)."""
    ids = [f"p{sample:05d}" for sample in range(dosages.shape[1])]
    samples = pd.DataFrame(
        {"FID": ids, "IID": ids, "father": "0", "mother": "0", "sex": "0", "phenotype": "-9"}
    )
    variants = pd.DataFrame(
        {
            "chromosome": chromosome.astype(str),
            "variant_id": [f"v{c}_{p}" for c, p in zip(chromosome, position, strict=True)],
            "position": position,
            "effect_allele": "A",
            "other_allele": "G",
        }
    )
    write_fileset(str(prefix), dosages.T, samples, variants)


def open_cohort(kind: str, seed: int) -> tuple[Fileset, np.ndarray]:
    """The simulated fileset, and the group str (n,) of each individual; further individuals are the last."""
    prefix = FOLDER / f"{kind}.{seed}"
    if kind in STRUCTURED:
        group = simulate_individuals(kind, seed).table.ancestry.to_numpy(str)
    else:
        sizes = COHORTS[kind].sizes()
        order = np.random.default_rng(seed).permutation(COHORTS[kind].samples)
        group = np.repeat(list(sizes), list(sizes.values()))[order]
    if not prefix.with_name(f"{prefix.name}.fam").exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        if kind in STRUCTURED:
            dosages, chromosome, position = simulate_dosages(kind, seed)
        else:
            with ProcessPoolExecutor() as pool:
                own = partial(_simulate_chromosome, kind, seed)
                parts = list(pool.map(own, range(N_CHROMOSOMES)))
            dosages = np.concatenate([dosages for dosages, _ in parts])[:, order]
            position = np.concatenate([position for _, position in parts])
            chromosome = np.repeat(1 + np.arange(N_CHROMOSOMES), [len(place) for _, place in parts])
        _write_cohort(prefix, dosages, chromosome, position)
    return open_fileset(str(prefix), []), group


def _genetic_values(
    fileset: Fileset, chromosomes: list[str], n_causal: int, seed: int
) -> np.ndarray:
    """Genetic values (n,) of variance `HERITABILITY`, with equally many causal variants per chromosome."""
    all_samples = np.arange(len(fileset.samples))
    genetic = np.zeros(len(all_samples))
    for number, name in enumerate(chromosomes):
        rows = np.flatnonzero(fileset.variants.chromosome == name)
        dosages = fileset.read(rows, all_samples)
        own = derive_seed(seed, "causal", str(number))
        effects = draw_effects(dosages, n_causal // len(chromosomes), own)
        causal = np.flatnonzero(effects)
        genetic += np.einsum("ij,j->i", dosages[:, causal].astype(float), effects[causal])
    return np.sqrt(HERITABILITY) * (genetic - genetic.mean()) / genetic.std()


def _simulate_phenotype(kind: str, fileset: Fileset, group: np.ndarray, seed: int) -> np.ndarray:
    """Cases (1) and controls (0), int8 (n,), from a liability of unit variance."""
    if kind in STRUCTURED:
        genetic = _genetic_values(fileset, CHROMOSOMES, CAUSAL, seed)
        return simulate_phenotype(kind, genetic, seed)
    names = [str(number + 1) for number in range(N_CHROMOSOMES)]
    genetic = _genetic_values(fileset, names, N_CAUSAL, seed)
    shift = np.array([LIABILITY[name] for name in group.tolist()])
    rest = 1 - HERITABILITY - shift.var()
    noise = np.random.default_rng(derive_seed(seed, "liability")).standard_normal(len(group))
    liability = genetic + shift + np.sqrt(rest) * noise
    return (liability > np.quantile(liability, 1 - PREVALENCE)).astype(np.int8)


def _compute_components(
    fileset: Fileset, samples: np.ndarray, in_training: np.ndarray, config: dict, seed: int
) -> np.ndarray:
    """Principal component scores (n, count) of the `samples`, fitted to those of training."""
    train = samples[in_training]
    settings = dict(config["pcs"])
    count = settings.pop("count")
    regions = pd.DataFrame(columns=["chromosome", "start", "end"])
    rows, frequency = choose_variants(
        fileset,
        np.arange(len(fileset.variants)),
        train,
        regions,
        config["gwas"]["min_call_rate"],
        **settings,
    )
    components = fit_components(fileset, rows, train, frequency, count, derive_seed(seed, "pcs"))
    return project(fileset, components, samples, in_training)


def _write_panels(kind: str, seed: int, names: list[str]) -> None:
    """Run the GWAS of one cohort on its training individuals and write these panels."""
    config = yaml.safe_load(CONFIG.read_text())
    fileset, group = open_cohort(kind, seed)
    everyone = np.arange(len(group))
    recipe = STRUCTURED.get(kind) or COHORTS[kind]
    alone, further = everyone[: recipe.samples], everyone[recipe.samples :]
    iid = fileset.samples.IID.to_numpy(str)
    phenotype = _simulate_phenotype(kind, fileset, group, seed)
    split = place_families(alone, phenotype[alone, None], FRACTIONS, derive_seed(seed, "split"))
    train = np.flatnonzero(split == 0)
    scores = (
        np.empty((len(alone), 0))
        if kind in COHORTS and not COHORTS[kind].is_structured
        else _compute_components(fileset, alone, split == 0, config, seed)
    )
    names_of_scores = [f"PC{number}" for number in range(1, scores.shape[1] + 1)]
    covariates = pd.DataFrame(scores[split == 0], columns=names_of_scores)
    null, _ = fit_null_model(iid[train], phenotype[train].astype(float), covariates)
    settings = config["gwas"]
    if (
        kind in STRUCTURED
    ):  # without genotyping errors, the test would only remove what structure explains
        settings |= {"min_hwe_p": 0.0}
    every = np.arange(len(fileset.variants))
    table, _ = scan(fileset, every, train, null, ScanSettings.of(settings))
    table["beta_corrected"] = correct_effects(
        table.beta.to_numpy(), table.standard_error.to_numpy()
    )
    rows = locate_variants(fileset.variants, table)
    table, rows = table.iloc[np.argsort(rows)].reset_index(drop=True), np.sort(rows)
    write_sumstats(str(_path(kind, seed, "sumstats.tsv.gz")), table)
    np.save(_path(kind, seed, "scores.npy"), scores)
    for name in names:
        recipe = PANELS[name]
        section = {"size": recipe.size, "clump_kb": recipe.clump_kb, "clump_r2": recipe.clump_r2}
        settings = PanelSettings.of(config["panel"] | section)
        variants, _ = select_panel(table, lambda some: fileset.read(rows[some], train), settings)
        rows_of_panel = locate_variants(fileset.variants, variants)
        dosages = np.ascontiguousarray(fileset.read(rows_of_panel, everyone))
        panel = Panel(
            dosages[alone],
            iid[alone],
            np.array(SPLITS)[split],
            phenotype[alone],
            group=group[alone],
        )
        variants.to_csv(_path(name, seed, "variants.tsv"), sep="\t", index=False)
        if len(further):
            np.savez(
                _path(name, seed, "further.npz"),
                dosages=dosages[further],
                phenotype=phenotype[further],
                sources=source_frequencies(kind, dosages, seed),
            )
        panel.save(str(_path(name, seed, "npz")))


def _path(name: str, seed: int, ending: str) -> Path:
    return FOLDER / "panels" / f"{name}.{seed}.{ending}"


def open_panel(name: str, seed: int) -> tuple[Panel, pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Panel `name`, its variants, the GWAS and the principal components, created if missing."""
    kind = PANELS[name].cohort
    if not (_path(name, seed, "npz").exists() and _path(kind, seed, "scores.npy").exists()):
        _path(name, seed, "npz").parent.mkdir(parents=True, exist_ok=True)
        siblings = [other for other, recipe in PANELS.items() if recipe.cohort == kind]
        _write_panels(kind, seed, siblings)
    variants = read_variants(str(_path(name, seed, "variants.tsv")))
    return (
        load_panel(str(_path(name, seed, "npz"))),
        variants,
        read_sumstats(str(_path(kind, seed, "sumstats.tsv.gz"))),
        np.load(_path(kind, seed, "scores.npy")),
    )


def open_further(name: str, seed: int) -> Further | None:
    """The further individuals of a panel that `open_panel` has created; None if its cohort has none."""
    if PANELS[name].cohort not in STRUCTURED:
        return None
    with np.load(_path(name, seed, "further.npz")) as arrays:
        return Further(Cohort(arrays["dosages"], arrays["phenotype"]), arrays["sources"])
