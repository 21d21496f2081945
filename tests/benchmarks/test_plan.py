"""Time that Snakemake needs to plan a large run."""

import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
JOBS = 45  # per chromosome: 990 for each of four diseases
SAMPLES, VARIANTS = 500_000, 36_000  # variants per chromosome


def user_seconds() -> float:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime


@pytest.mark.parametrize("profile", ["default", "slurm"])
def test_time_to_plan_four_diseases_in_a_thousand_chunks_each(
    tmp_path: Path, say, profile: str
) -> None:
    shutil.copytree(REPOSITORY / "config", tmp_path / "config")
    example = yaml.safe_load((tmp_path / "config/examples/ukb/config.yaml").read_text())
    cohort = example["cohort"]
    for file in (cohort["table"], cohort["kinship"]):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(" ")
    fam = "".join(f"{number} {number} 0 0 1 -9\n" for number in range(SAMPLES))
    for chromosome in range(1, 23):
        prefix = cohort["genotypes"].replace("{chromosome}", str(chromosome))
        (tmp_path / f"{prefix}.fam").write_text(fam)
        (tmp_path / f"{prefix}.bim").write_text(" ")
        with (tmp_path / f"{prefix}.bed").open("wb") as bed:  # sparse, on disk
            bed.truncate(3 + VARIANTS * SAMPLES // 4)
    (tmp_path / "jobs.yaml").write_text(yaml.safe_dump({"gwas": {"jobs": JOBS}}))
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "rules"]
    command += ["--directory", str(tmp_path), "--workflow-profile", profile]
    command += ["--snakefile", str(REPOSITORY / "workflow" / "Snakefile")]
    command += ["--configfile", "config/examples/ukb/config.yaml", "jobs.yaml"]
    before = user_seconds()
    planned = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    seconds = user_seconds() - before
    assert planned.returncode == 0, planned.stdout + planned.stderr
    assert f"run_gwas {22 * JOBS * 4}" in " ".join(planned.stdout.split())
    say(f"plan of {22 * JOBS * 4:,} chunks, profile {profile}: {seconds:.0f} CPU s (bar 40)")
    assert seconds < 40
