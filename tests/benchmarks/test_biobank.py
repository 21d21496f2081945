"""A cohort of the size of UK Biobank on a small machine: memory and time of each rule, for two phenotypes.

The cohort repeats a simulated one, with a share of the genotypes swapped between individuals. It has
an empty table of related pairs, because kinship is not computed for a cohort of this size. The run is
complete, from quality control to the report, but without baselines, because each is a further cohort to audit.
It takes about six hours on two cores. If it is stopped, the next run resumes from its checkpoints; delete the
folder to start afresh.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from bed_reader import create_bed
from example_biobank import FOLDER

from snpgen.io.plink import Fileset, open_fileset

REPOSITORY = Path(__file__).parents[2]
N_SAMPLES, N_BASE, N_VARIANTS = 458_724, 6_000, 20_000
CHROMOSOMES = [str(number) for number in range(1, 9)]
SWAPPED = 0.05  # share of genotypes taken from another individual
PANEL = 2_048
PHENOTYPES = ["demo", "biomarker"]
MAX_MB = 4_000 + N_SAMPLES * PANEL / 1e6  # of a job: 4 GB and the panel
_BLOCK = 50  # variants


def run(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--directory", str(folder)]
    command += ["--quiet", "rules", "--snakefile", str(REPOSITORY / "workflow/Snakefile")]
    measuring = {"PYTHONPATH": str(Path(__file__).parent / "peak_memory")}
    environment = os.environ | measuring | {"SNPGEN_PEAKS": str(folder / "peaks.tsv")}
    subprocess.run([*command, *arguments], check=True, env=environment)


def configure(folder: Path, **changes: dict) -> None:
    config = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
    config["cohort"] |= {"chromosomes": f"{CHROMOSOMES[0]}-{CHROMOSOMES[-1]}"}
    config["simulation"] |= {"samples": N_BASE, "variants": N_VARIANTS}
    for section, change in changes.items():
        config[section] |= change
    config["phenotypes"] = [f"config/phenotypes/{name}.yaml" for name in PHENOTYPES]
    config["baselines"] = []
    contents = {"config": config}
    for name, source in zip(
        PHENOTYPES, ("phenotypes/demo", "examples/demo/biomarker"), strict=True
    ):
        phenotype = yaml.safe_load((REPOSITORY / f"config/{source}.yaml").read_text())
        phenotype["panel"]["size"] = PANEL
        phenotype.pop("causal", None)  # its table lists the variants of the simulated cohort
        contents[f"phenotypes/{name}"] = phenotype
    for name, content in contents.items():
        path = folder / f"config/{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content))


def tile(base: Fileset, prefix: Path) -> None:
    """Write `N_SAMPLES` samples that repeat those of `base`, a share `SWAPPED` of genotypes swapped."""
    rng = np.random.default_rng(1)
    sample = np.arange(N_SAMPLES) % len(base.samples)
    ids = np.char.add("p", np.arange(N_SAMPLES).astype(str))
    variants = base.variants
    described = {
        "fid": ids,
        "iid": ids,
        "sex": base.samples.sex.to_numpy(int)[sample],
        "chromosome": variants.chromosome.to_numpy(str),
        "sid": variants.variant_id.to_numpy(str),
        "bp_position": variants.position.to_numpy(int),
        "allele_1": variants.effect_allele.to_numpy(str),
        "allele_2": variants.other_allele.to_numpy(str),
    }
    all_samples = np.arange(len(base.samples))
    swapped = round(SWAPPED * N_SAMPLES)
    with create_bed(f"{prefix}.bed", N_SAMPLES, len(variants), properties=described) as bed:
        for start in range(0, len(variants), _BLOCK):
            rows = np.arange(start, min(start + _BLOCK, len(variants)))
            for dosages in base.read(rows, all_samples).T:
                repeated = dosages[sample]
                places = rng.integers(N_SAMPLES, size=swapped)
                repeated[places] = dosages[rng.integers(len(dosages), size=swapped)]
                bed.write(repeated)


@pytest.fixture(scope="module")
def folder() -> Path:
    """A folder with the large cohort, which is made once and kept, and with the results so far."""
    place = FOLDER / "biobank"
    if not (place / "large.done").exists():
        configure(place)
        run(place, "results/cohort/simulated/cohort.bed")
        simulated = place / "results/cohort/simulated"
        tile(open_fileset(str(simulated / "cohort"), CHROMOSOMES), place / "large")
        table = pd.read_csv(simulated / "phenotypes.tsv", sep="\t", dtype=str)
        table = table.iloc[np.arange(N_SAMPLES) % len(table)]
        ids = [f"p{number}" for number in range(N_SAMPLES)]
        table.assign(FID=ids, IID=ids).to_csv(place / "large.tsv", sep="\t", index=False)
        (place / "kinship.tsv").write_text("ID1\tID2\tKinship\n")
        for name in ("results", "benchmarks", "logs", ".snakemake"):
            shutil.rmtree(place / name, ignore_errors=True)
        (place / "peaks.tsv").unlink(missing_ok=True)
        (place / "large.done").touch()
    return place


def test_memory_of_half_a_million_individuals(folder, say):
    cohort = {"genotypes": "large", "table": "large.tsv", "kinship": "kinship.tsv"}
    configure(folder, cohort=cohort)
    run(folder)
    for name in PHENOTYPES:
        assert (folder / f"results/{name}/report.html").exists()
    used = []
    for path in sorted((folder / "benchmarks").rglob("*.tsv")):
        row = pd.read_csv(path, sep="\t").iloc[-1]
        rule = path.relative_to(folder / "benchmarks").parts[0].removesuffix(".tsv")
        used.append((rule, row["s"], row["cpu_time"]))
    table = pd.DataFrame(used, columns=["rule", "wall", "cpu"]).groupby("rule", sort=False).sum()
    peaks = pd.read_csv(folder / "peaks.tsv", sep="\t", names=["rule", "mb"])
    table["mb"] = peaks.groupby("rule").mb.max()
    say(table.round(0).astype("Int64").to_string())
    assert table.mb.max() < MAX_MB
