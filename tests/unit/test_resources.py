"""Memory and run time that rules request, compared with what they used at three or four sizes (measured.tsv).

Measured on a CPU with one thread: the maximum resident memory and the CPU time of the script's process,
of the largest job of each rule; networks trained for 20 steps, confidence intervals from 10 resamples.
With 458,724 individuals, whole jobs on one or two threads, without baselines.
`samples` of align_external are those of the external cohort, `variants` of convert_genotypes those of the
.pgen.
"""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from pgenlib import PgenWriter
from test_config import RULES

from snpgen.input_files import list_files, list_plink
from snpgen.io.plink import write_fileset
from snpgen.resources import (
    REQUESTS,
    chromosome_share,
    count_samples,
    count_variants,
    memory_mb,
    runtime_minutes,
)

MEASURED = pd.read_csv(Path(__file__).parent / "measured.tsv", sep="\t")
SNAKEMAKES = 300  # MB of the two processes beside the script in a job on Slurm
FLOOR = 650  # MB of Python, its libraries and Snakemake in any job
GPU_FLOOR = 1400  # with torch, whose GPU libraries need three times as much


@pytest.mark.parametrize(
    "row", list(MEASURED.itertuples()), ids=lambda row: f"{row.rule}-{row.samples}"
)
def test_memory_is_between_1_2_and_3_times_that_used(row) -> None:
    used = row.peak_mb + SNAKEMAKES
    floor = GPU_FLOOR if "gpu=1" in rule_text(row.rule) else FLOOR
    memory = memory_mb(row.rule, row.samples, row.variants, row.panel)
    assert 1.2 * used <= memory <= 3 * max(used, floor)


@pytest.mark.parametrize(
    "row", list(MEASURED.itertuples()), ids=lambda row: f"{row.rule}-{row.samples}"
)
def test_run_time_is_at_least_three_times_that_used(row) -> None:
    minutes = runtime_minutes(row.rule, row.samples, row.variants, row.panel)
    assert 60 * minutes >= 3 * row.cpu_seconds


def rule_text(name: str) -> str:
    text = "".join(file.read_text() for file in sorted(RULES.glob("*.smk")))
    return re.search(rf"^rule {name}:\n(.*?)(?=^rule |\Z)", text, re.MULTILINE | re.DOTALL)[1]


def test_every_rule_is_measured_and_requests_under_its_own_name() -> None:
    assert set(REQUESTS) == set(MEASURED.rule)
    text = "".join(file.read_text() for file in sorted(RULES.glob("*.smk")))
    rules = set(re.findall(r"^rule (\w+):", text, re.MULTILINE))
    assert rules - {"check"} == set(REQUESTS)  # check is local and prints the summaries
    for rule in REQUESTS:
        assert f'**requests("{rule}"),' in rule_text(rule)


def test_requests_by_hand() -> None:
    """1,000 individuals, 10^6 variants: 10^9 genotypes; a panel of 2,000: 2 x 10^6 genotypes."""
    assert memory_mb("train_vae", 1_000, 10**6, 2_000) == 3_500 + 14
    assert memory_mb("compute_pcs", 1_000, 10**6, 2_000) == 1_500 + 3 + 1_200
    assert memory_mb("estimate_kinship", 1_000, 10**6, 2_000) == 1_500 + 75
    assert runtime_minutes("train_vae", 10**6, 10**6, 2_000) == 60 + 2 * 600
    assert runtime_minutes("run_gwas", 10**4, 10**6, 2_000) == 10 + 25
    # No panel is larger than the number of variants.
    assert memory_mb("train_vae", 10**6, 100, 2_000) == 3_500 + 700


def test_jobs_on_the_synthetic_cohort_request_in_proportion_to_its_size() -> None:
    """4 x 1,000 individuals at 2,000 variants: 8 x 10^6 genotypes."""
    assert memory_mb("sample_cohort", 1_000, 10**6, 2_000, 4) == 3_500 + 56
    assert runtime_minutes("evaluate_utility", 10**6, 10**6, 2_000, 4) == 30 + 8 * 280
    for multiple in (1, 0.1):  # the training set is in memory as well
        assert memory_mb("sample_cohort", 1_000, 10**6, 2_000, multiple) == 3_500 + 14
    assert memory_mb("train_vae", 1_000, 10**6, 2_000, 4) == 3_500 + 14
    names = [
        "sample_cohort",
        "sample_baseline",
        "evaluate_fidelity",
        "evaluate_association",
        "evaluate_utility",
    ]
    names += ["evaluate_privacy", "evaluate_controls", "evaluate_groups", "package_release"]
    assert [name for name, request in REQUESTS.items() if request.synthetic] == names


def write(prefix: Path, samples: int, variants: int) -> None:
    iid = [f"p{number}" for number in range(samples)]
    fam = pd.DataFrame({"FID": iid, "IID": iid, "father": "0", "mother": "0", "sex": "1"})
    bim = pd.DataFrame({"chromosome": "1", "variant_id": [f"v{n}" for n in range(variants)]})
    bim = bim.assign(position=range(1, variants + 1), effect_allele="A", other_allele="G")
    dosages = np.zeros((samples, variants), dtype=np.int8)
    write_fileset(str(prefix), dosages, fam.assign(phenotype="-9"), bim)


@pytest.mark.parametrize("samples", [4, 5, 7, 8])
def test_samples_and_variants_of_a_fileset(tmp_path: Path, samples: int) -> None:
    bed = tmp_path / "set.v2.bed"
    write(tmp_path / "set.v2", samples, 11)
    assert (count_samples(bed), count_variants(bed, samples)) == (samples, 11)
    fam = bed.with_suffix(".fam")
    fam.write_text(fam.read_text().removesuffix("\n"))
    assert count_samples(bed) == samples


def test_empty_files_have_no_samples_and_variants(tmp_path: Path) -> None:
    for ending in ("bed", "fam", "pgen"):
        (tmp_path / f"set.{ending}").touch()
    assert count_samples(tmp_path / "set.bed") == 0
    assert count_variants(tmp_path / "set.bed", 0) == 0
    assert count_samples(tmp_path / "set.pgen") == count_variants(tmp_path / "set.pgen", 0) == 0


def test_samples_and_variants_of_a_pgen(tmp_path: Path) -> None:
    pgen = tmp_path / "set.pgen"
    with PgenWriter(bytes(pgen), 7, variant_ct=3, nonref_flags=False) as writer:
        for _ in range(3):
            writer.append_biallelic(np.ones(7, dtype=np.int8))
    assert (count_samples(pgen), count_variants(pgen, 7)) == (7, 3)


class Wildcards(dict):
    """Like those of Snakemake, with attributes and `get`."""

    __getattr__ = dict.__getitem__


@pytest.fixture
def rules_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The functions of resources.smk for a cohort with these genotypes and settings."""

    def load(genotypes: str, external: str | None = None, **settings) -> SimpleNamespace:
        monkeypatch.chdir(tmp_path)
        shared = {"panel": {"size": None, "max_size": 8}, "sampling": {"size": 2.5}}
        shared["gwas"] = {"jobs": 2}
        names = {
            "config": {
                "simulation": {"samples": 50, "variants": 60},
                "cohort": {"kinship": None},
                "split": {"train": 0.7},
            },
            "Path": Path,
            "GENOTYPES": genotypes,
            "IS_PGEN": genotypes.endswith(".pgen"),
            "SIMULATED": "results/cohort/simulated/",
            "CHROMOSOMES": ["1", "2"],
            "SETTINGS": {"trait": shared | {"external_cohort": external} | settings},
            "EXTERNAL": ["trait"] if external else [],
            "GENERATED": [] if external else ["trait"],
            "list_files": list_files,
            "list_plink": list_plink,
            "kinship_table": lambda wildcards: "results/cohort/kinship.tsv",
        }
        exec((RULES / "resources.smk").read_text(), names)  # noqa: S102 - our own file
        return SimpleNamespace(**names)

    return load


def test_a_job_of_the_gwas_has_the_size_of_its_chromosome(rules_of, tmp_path: Path) -> None:
    write(tmp_path / "chr1", 9, 20)
    write(tmp_path / "chr2", 9, 10)
    rules = rules_of("chr{chromosome}")
    assert rules.job_size(Wildcards(phenotype="trait")) == (9, 30, 8, 2.5)
    gwas = Wildcards(phenotype="trait", chromosome="2", chunk="1")
    assert rules.job_size(gwas) == (9, 5, 8, 2.5)  # one of two jobs
    assert rules.job_size(Wildcards(fileset="chr1")) == (9, 20, 0, 1)
    assert rules.job_size(Wildcards()) == (9, 30, 0, 1)


def test_a_size_of_the_panel_replaces_the_maximum(rules_of) -> None:
    rules = rules_of("results/cohort/simulated/cohort", panel={"size": 5, "max_size": 8})
    assert rules.job_size(Wildcards(phenotype="trait"))[2] == 5


def test_the_simulated_cohort_has_the_size_of_the_configuration(rules_of) -> None:
    rules = rules_of("results/cohort/simulated/cohort")
    assert rules.job_size(Wildcards(phenotype="trait")) == (50, 60, 8, 2.5)
    gwas = Wildcards(phenotype="trait", chromosome="2", chunk="1")
    assert rules.job_size(gwas) == (50, 15, 8, 2.5)  # one of two jobs on one of two chromosomes


def test_requests_are_for_the_size_of_the_synthetic_cohort(rules_of) -> None:
    """3,500 of 5,000 individuals are training individuals; 7,000 are generated."""
    rules = rules_of("results/cohort/simulated/cohort", sampling={"size": None})
    rules.config["simulation"]["samples"] = 5_000
    samples, _, _, multiple = rules.job_size(Wildcards(phenotype="trait"))
    assert samples * multiple == pytest.approx(7_000)


def test_a_job_of_the_gwas_has_its_part_of_one_fileset(rules_of, tmp_path: Path) -> None:
    write(tmp_path / "cohort", 9, 40)
    bim = tmp_path / "cohort.bim"
    names = ["chr1"] * 30 + ["02"] * 10
    lines = [line.split("\t", 1)[1] for line in bim.read_text().splitlines()]
    bim.write_text("".join(f"{name}\t{line}\n" for name, line in zip(names, lines, strict=True)))
    rules = rules_of("cohort")
    sizes = {
        name: rules.job_size(Wildcards(phenotype="trait", chromosome=name, chunk="1"))[1]
        for name in ("1", "2")
    }
    assert sizes["1"] == pytest.approx(15, abs=1) and sizes["2"] == pytest.approx(5, abs=1)
    assert chromosome_share(tmp_path / "cohort.pgen", "1") == 1  # no .pvar


def test_a_larger_external_cohort_determines_the_size(rules_of, tmp_path: Path) -> None:
    write(tmp_path / "cohort", 9, 20)
    write(tmp_path / "other", 40, 5)
    rules = rules_of("cohort", external="other")
    assert rules.job_size(Wildcards(phenotype="trait")) == (40, 20, 8, 1)


def test_the_second_attempt_requests_twice_the_memory_and_time(rules_of) -> None:
    rules, own = rules_of("results/cohort/simulated/cohort"), Wildcards(phenotype="trait")
    for request in rules.requests("train_vae").values():
        assert request(own, 2) == 2 * request(own, 1) > 0


@pytest.mark.parametrize(("samples", "threads"), [(1_000, 1), (1_001, 4)])
def test_jobs_of_a_small_cohort_have_one_thread(rules_of, samples: int, threads: int) -> None:
    rules = rules_of("results/cohort/simulated/cohort")
    rules.config["simulation"] |= {"samples": samples, "variants": 1_000_000}
    assert rules.up_to(4)(Wildcards(phenotype="trait")) == threads


def test_the_largest_job_is_of_a_rule_that_runs(rules_of, tmp_path: Path) -> None:
    write(tmp_path / "cohort", 9, 20)
    own = Wildcards(phenotype="trait")
    evaluation = {"evaluation": {"shadow_models": 0}}
    rule, megabytes = rules_of("cohort", **evaluation).largest_job(own)
    assert megabytes == 3_500 and rule == "train_vae"
    write(tmp_path / "other", 9, 5)
    rules = rules_of("cohort", external="other", **evaluation)
    assert rules.largest_job(own)[1] == 1_500
