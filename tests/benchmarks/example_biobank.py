"""The cohort of the benchmarks: 20,000 individuals, 100,000 variants, simulated once and kept.

Individuals are mosaics of coalescent haplotypes of three populations that diverged 300 generations
ago. This gives realistic LD and allele frequencies from a few thousand simulated haplotypes. Every
file depends on `SEED` only, except the principal components, which PLINK 2 computes.
"""

import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import msprime
import numpy as np
import pandas as pd
from example_processes import plink2

from snpgen.io.plink import MISSING, open_fileset, write_fileset
from snpgen.job import derive_seed

FOLDER = Path(os.environ.get("SNPGEN_BENCHMARKS", Path.home() / ".cache" / "snpgen-benchmarks"))
SEED = 1
CHROMOSOMES = ["1", "2", "3", "4"]
LENGTH = 40_000_000  # bp per chromosome
RATE = 1e-8  # recombination per bp and generation
COPIED = 4_000_000  # mean length of a segment copied from one founder, bp
N_SAMPLES, N_FEW_SAMPLES = 20_000, 5_000
N_COMMON, N_RARE = 20_000, 5_000  # variants per chromosome
RARE_MAF, COMMON_MAF = (0.001, 0.0095), (0.0105, 0.5)
POPULATIONS = {"a": (0.85, 4_000, 0.0), "b": (0.1, 1_500, 0.2), "c": (0.05, 1_000, 0.4)}
"""Share of the cohort, simulated haplotypes and shift of liability."""
N_CAUSAL = 50  # per chromosome
HERITABILITY = 0.5
PREVALENCES = {"common": 0.15, "rare": 0.01}
N_COMPONENTS = 10
N_NULL = 300_000  # simulated variants without effect
NULL_MAC = (10, 100)


def _sample_populations() -> np.ndarray:
    """Index of the population of each individual, (N_SAMPLES,)."""
    shares = [share for share, _, _ in POPULATIONS.values()]
    return np.random.default_rng(SEED).choice(len(POPULATIONS), N_SAMPLES, p=shares)


def _simulate_founders(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Alleles uint8 (n_haplotypes, n_variants), haplotypes by population, and positions."""
    history = msprime.Demography()
    for name in POPULATIONS:
        history.add_population(name=name, initial_size=200_000, growth_rate=0.01)
    history.add_population(name="old", initial_size=20_000)
    history.add_population_split(time=300, derived=list(POPULATIONS), ancestral="old")
    history.add_population_parameters_change(time=900, initial_size=4_000, population="old")
    history.add_population_parameters_change(time=1_800, initial_size=12_000, population="old")
    trees = msprime.sim_ancestry(
        {name: n // 2 for name, (_, n, _) in POPULATIONS.items()},
        demography=history,
        recombination_rate=RATE,
        sequence_length=LENGTH,
        random_seed=seed,
    )
    model = msprime.BinaryMutationModel()
    trees = msprime.sim_mutations(trees, rate=1.25e-8, model=model, random_seed=seed)

    weight = np.concatenate([np.full(n, share / n) for share, n, _ in POPULATIONS.values()])
    frequency = np.array([variant.genotypes @ weight for variant in trees.variants()])
    maf = np.minimum(frequency, 1 - frequency)
    rng = np.random.default_rng(seed)
    chosen = np.concatenate(
        [
            rng.choice(np.flatnonzero((maf >= low) & (maf < high)), count, replace=False)
            for count, (low, high) in ((N_COMMON, COMMON_MAF), (N_RARE, RARE_MAF))
        ]
    )
    trees = trees.delete_sites(np.setdiff1d(np.arange(trees.num_sites), chosen))
    alleles = np.empty((trees.num_samples, len(chosen)), dtype=np.int8)
    for column, variant in enumerate(trees.variants()):
        alleles[:, column] = variant.genotypes
    return alleles, trees.sites_position.astype(np.int64)


def _copy_founders(
    alleles: np.ndarray, position: np.ndarray, population: np.ndarray, seed: int
) -> np.ndarray:
    """Dosages int8 (N_SAMPLES, n_variants): haplotypes are mosaics of founder haplotypes."""
    rng = np.random.default_rng(seed)
    sizes = np.array([n for _, n, _ in POPULATIONS.values()])
    firsts = np.cumsum(sizes) - sizes
    dosages = np.zeros((N_SAMPLES, len(position)), dtype=np.int8)
    for sample in range(N_SAMPLES):
        first, size = firsts[population[sample]], sizes[population[sample]]
        for _ in range(2):
            cuts = np.sort(rng.uniform(0, LENGTH, rng.poisson(LENGTH / COPIED)))
            ends = [0, *np.searchsorted(position, cuts), len(position)]
            founders = first + rng.integers(size, size=len(ends) - 1)
            for founder, start, end in zip(founders, ends[:-1], ends[1:], strict=True):
                dosages[sample, start:end] += alleles[founder, start:end]
    return dosages


def _make_samples() -> pd.DataFrame:
    ids = [f"p{sample:05d}" for sample in range(N_SAMPLES)]
    sex = np.random.default_rng(derive_seed(SEED, "sex")).integers(1, 3, N_SAMPLES)
    return pd.DataFrame(
        {"FID": ids, "IID": ids, "father": "0", "mother": "0", "sex": sex, "phenotype": "-9"}
    )


def _make_variants(chromosome: str, position: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "chromosome": chromosome,
            "variant_id": [f"v{chromosome}_{number}" for number in range(len(position))],
            "position": position,
            "effect_allele": "A",
            "other_allele": "G",
        }
    )


def _write_chromosome(folder: Path, chromosome: str, population: np.ndarray) -> np.ndarray:
    """Write one chromosome's fileset; return the genetic values (N_SAMPLES,)."""
    seed = derive_seed(SEED, "chromosome", chromosome)
    alleles, position = _simulate_founders(seed)
    dosages = _copy_founders(alleles, position, population, seed)
    rng = np.random.default_rng(seed)
    causal = dosages[:, np.sort(rng.choice(len(position), N_CAUSAL, replace=False))].astype(float)
    value = ((causal - causal.mean(axis=0)) / causal.std(axis=0)) @ rng.normal(size=N_CAUSAL)
    prefix = str(folder / f"chromosome{chromosome}")
    write_fileset(
        prefix, np.asfortranarray(dosages), _make_samples(), _make_variants(chromosome, position)
    )
    return value


def _join_filesets(prefix: Path, parts: list[Path]) -> None:
    """Concatenate the variants of filesets of the same samples, and delete the parts."""
    with Path(f"{prefix}.bed").open("wb") as bed, Path(f"{prefix}.bim").open("wb") as bim:
        for number, part in enumerate(parts):
            with Path(f"{part}.bed").open("rb") as file:
                magic = file.read(3)
                if number == 0:
                    bed.write(magic)
                shutil.copyfileobj(file, bed, 2**24)
            bim.write(Path(f"{part}.bim").read_bytes())
    shutil.copy(f"{parts[0]}.fam", f"{prefix}.fam")
    for part in parts:
        for suffix in ("bed", "bim", "fam"):
            Path(f"{part}.{suffix}").unlink()


def _write_plink(path: Path, table: pd.DataFrame) -> None:
    """Write a table in the format of PLINK 2, with FID (equal to IID) before IID."""
    table = table.rename(columns={"IID": "#FID"})
    table.insert(1, "IID", table["#FID"])
    table.to_csv(path, sep="\t", index=False)


def _write_tables(folder: Path, genetic: np.ndarray, population: np.ndarray) -> None:
    """Write phenotypes (liability threshold model) and covariates (sex, age and components)."""
    samples = _make_samples()
    rng = np.random.default_rng(derive_seed(SEED, "tables"))
    age = rng.integers(40, 70, N_SAMPLES)
    shifts = np.array([shift for _, _, shift in POPULATIONS.values()])
    fixed = 0.2 * (samples.sex == 1) + 0.01 * (age - 55) + shifts[population]
    phenotypes = samples[["IID"]].copy()
    for name, prevalence in PREVALENCES.items():
        liability = np.sqrt(HERITABILITY) * (genetic - genetic.mean()) / genetic.std() + fixed
        liability += np.sqrt(1 - HERITABILITY) * rng.normal(size=N_SAMPLES)
        phenotypes[name] = (liability > np.quantile(liability, 1 - prevalence)).astype(int)
    phenotypes.to_csv(folder / "phenotypes.tsv", sep="\t", index=False)
    _write_plink(
        folder / "plink.pheno", phenotypes.assign(**{c: phenotypes[c] + 1 for c in PREVALENCES})
    )

    pruned = folder / "pruned"
    bfile = ["--bfile", folder / "big"]
    plink2(*bfile, "--maf", 0.05, "--indep-pairwise", 1000, 100, 0.1, "--out", pruned)
    plink2(
        *[*bfile, "--extract", f"{pruned}.prune.in"],
        *["--pca", "approx", N_COMPONENTS, "--seed", SEED, "--out", pruned],
    )
    scores = pd.read_csv(f"{pruned}.eigenvec", sep="\t", dtype={"IID": str}).drop(columns="#FID")
    covariates = samples[["IID", "sex"]].assign(age=age).merge(scores, on="IID", how="left")
    covariates.to_csv(folder / "covariates.tsv", sep="\t", index=False)
    _write_plink(folder / "plink.cov", covariates)


def _write_missing(folder: Path) -> None:
    """Write `missing25k`: `variants25k` with 1 to 2 % of the calls of each variant missing."""
    fileset = open_fileset(str(folder / "variants25k"), [])
    dosages = fileset.read(np.arange(len(fileset.variants)), np.arange(N_SAMPLES), 2)
    rng = np.random.default_rng(derive_seed(SEED, "missing"))
    for column in range(dosages.shape[1]):
        count = int(rng.uniform(0.01, 0.02) * N_SAMPLES)
        dosages[rng.choice(N_SAMPLES, count, replace=False), column] = MISSING
    write_fileset(str(folder / "missing25k"), dosages, fileset.samples, fileset.variants)


def _write_null(folder: Path) -> None:
    """Write `null`: `N_NULL` variants whose carriers are random, independent of the phenotype."""
    rng = np.random.default_rng(derive_seed(SEED, "null"))
    samples, parts = _make_samples(), []
    for number, size in enumerate([20_000] * (N_NULL // 20_000)):
        dosages = np.zeros((N_SAMPLES, size), dtype=np.int8, order="F")
        counts = np.exp(rng.uniform(*np.log(NULL_MAC), size)).round().astype(int)
        for column, count in enumerate(counts):
            np.add.at(dosages[:, column], rng.integers(N_SAMPLES, size=count), 1)
        parts.append(folder / f"null{number}")
        variants = _make_variants("1", 1 + number * size + np.arange(size))
        variants["variant_id"] = [f"n{position}" for position in variants.position]
        write_fileset(str(parts[-1]), np.minimum(dosages, 2), samples, variants)
    _join_filesets(folder / "null", parts)


def write_cohort() -> Path:
    """Create the missing files of the cohort in `FOLDER`, and return the folder.

    Filesets `big` (everything), `samples5k` (the first samples), `variants25k` (chromosome 1),
    `missing25k` and `null`; `covariates.tsv` and `phenotypes.tsv` by IID, and the same as
    `plink.cov` and `plink.pheno` for PLINK 2.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not (FOLDER / "genetic.npy").exists():
        population = _sample_populations()
        with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
            jobs = [pool.submit(_write_chromosome, FOLDER, c, population) for c in CHROMOSOMES]
            genetic = np.sum([job.result() for job in jobs], axis=0)
        _join_filesets(FOLDER / "big", [FOLDER / f"chromosome{c}" for c in CHROMOSOMES])
        np.save(FOLDER / "genetic.npy", genetic)
    if not (FOLDER / "plink.cov").exists():
        _write_tables(FOLDER, np.load(FOLDER / "genetic.npy"), _sample_populations())
    big = ["--bfile", FOLDER / "big", "--make-bed", "--out"]
    if not (FOLDER / "samples5k.bed").exists():
        keep = FOLDER / "samples5k.txt"
        _make_samples()[["FID", "IID"]][:N_FEW_SAMPLES].to_csv(
            keep, sep=" ", header=False, index=False
        )
        plink2(*big, FOLDER / "samples5k", "--keep", keep)
    if not (FOLDER / "variants25k.bed").exists():
        plink2(*big, FOLDER / "variants25k", "--chr", 1)
    if not (FOLDER / "missing25k.bed").exists():
        _write_missing(FOLDER)
    if not (FOLDER / "null.fam").exists():
        _write_null(FOLDER)
    return FOLDER
