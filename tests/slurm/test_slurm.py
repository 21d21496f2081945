"""The demo on Slurm with the shipped profile: requests, retries, time limits, Ctrl-C."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cluster
import pytest
import yaml
from cluster import until
from small_demo import REPOSITORY, configure

WORKFLOW = REPOSITORY / "workflow"

GPU_RULES = {
    "train_vae",
    "train_diffusion",
    "calibrate_guidance",
    "sample_cohort",
    "measure_losses",
}
CHANGES = {
    "simulation": {"samples": 800, "variants": 1500},
    "pcs": {"count": 0},
    "vae": {"steps": 100},
    "diffusion": {"steps": 50},
}
WITHOUT_LOCO = {"gwas": {"loco": False}}
# Settings for a cluster of two cores beyond the profile.
TWO_CORES = {"cores": 2, "latency-wait": 5, "slurm-init-seconds-before-status-checks": 10}


def command(folder: Path, *targets: str, **rules: dict[str, str]) -> list[str]:
    """The command that runs Snakemake on Slurm in `folder`; `rules` change the requests of rules.

    The changes are written to a copy of the profile: on the command line they would replace all of
    its resources.
    """
    profile = yaml.safe_load((WORKFLOW / "profiles/slurm/config.yaml").read_text()) | TWO_CORES
    for rule, resources in rules.items():
        profile["set-resources"].setdefault(rule, {}).update(resources)
    (folder / "profile").mkdir(exist_ok=True)
    (folder / "profile/config.yaml").write_text(yaml.safe_dump(profile))
    place = ["--directory", str(folder), "--snakefile", str(WORKFLOW / "Snakefile")]
    chosen = [*place, "--workflow-profile", str(folder / "profile")]
    return [sys.executable, "-m", "snakemake", *chosen, *targets]


def snakemake(
    folder: Path, *targets: str, **rules: dict[str, str]
) -> tuple[subprocess.CompletedProcess[str], list[dict[str, str]]]:
    """Run Snakemake on Slurm; return the finished process and its Slurm jobs."""
    before = {job["JobId"] for job in cluster.jobs()}
    finished = subprocess.run(
        command(folder, *targets, **rules), capture_output=True, text=True, check=False
    )
    return finished, [job for job in cluster.jobs() if job["JobId"] not in before]


def rule_of(job: dict[str, str]) -> str:
    """The rule or group of a job, from the folder of its log."""
    return Path(job["StdOut"].partition("slurm_logs/")[2]).parts[0].removeprefix("rule_")


def megabytes(job: dict[str, str]) -> int:
    """The requested memory of a job (MB)."""
    size = job["MinMemoryNode"]
    return round(float(size[:-1]) * {"M": 1, "G": 1024}[size[-1]])


def minutes(job: dict[str, str]) -> int:
    """The requested time of a job (min)."""
    days, _, clock = job["TimeLimit"].rpartition("-")
    hours, mins, _ = map(int, clock.split(":"))
    return int(days or 0) * 1440 + hours * 60 + mins


def requests(printed: str) -> dict[str, set[tuple[int, int]]]:
    """Memory (MB) and time (min) of each rule's jobs, as printed by Snakemake."""
    found: dict[str, set[tuple[int, int]]] = {}
    for rule, block in re.findall(
        r"^ *rule (\w+):\n(.*?resources: .*?)$", printed, re.MULTILINE | re.DOTALL
    ):
        values = dict(re.findall(r"\b(mem_mb|runtime)=(\d+)", block))
        if len(values) == 2:  # unknown in a group, where inputs do not exist yet
            found.setdefault(rule, set()).add((int(values["mem_mb"]), int(values["runtime"])))
    return found


@pytest.fixture(scope="module")
def slurm_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, list[dict[str, str]]]:
    """The folder of a finished run of the demo, its console output and its Slurm jobs."""
    folder = configure(tmp_path_factory.mktemp("demo"), WITHOUT_LOCO, **CHANGES)
    finished, jobs = snakemake(folder)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return folder, finished.stdout + finished.stderr, jobs


def test_every_job_ran_on_the_partition_of_the_profile(slurm_run) -> None:
    folder, printed, jobs = slurm_run
    assert (folder / "results/demo/report.html").is_file()
    assert {job["JobState"] for job in jobs} == {"COMPLETED"}
    submitted = re.findall(r"submitted with SLURM jobid (\d+)", printed)
    assert sorted(map(int, submitted)) == [int(job["JobId"]) for job in jobs]
    for job in jobs:
        on_gpu = rule_of(job) in GPU_RULES
        assert job["Partition"] == ("gpu" if on_gpu else "cpu")
        assert (job.get("TresPerJob") == "gres:gpu:1") == on_gpu
    assert GPU_RULES <= {rule_of(job) for job in jobs}


def test_jobs_request_the_memory_and_time_of_their_rules(slurm_run) -> None:
    _, printed, jobs = slurm_run
    rules = requests(printed)
    alone = [job for job in jobs if rule_of(job) in rules]
    assert len(alone) > 15
    for job in alone:
        assert (megabytes(job), minutes(job)) in rules[rule_of(job)]
    assert len({megabytes(job) for job in alone}) > 5


def test_short_jobs_are_submitted_as_groups(slurm_run) -> None:
    jobs = slurm_run[2]
    groups = [rule_of(job) for job in jobs if rule_of(job).startswith("group_")]
    assert len(groups) == 2, groups
    assert "run_gwas" not in {rule_of(job) for job in jobs}


def copy(slurm_run, folder: Path, steps: int) -> Path:
    """Copy the folder as it was before training, with another number of VAE steps."""
    for part in ("results", "config"):
        shutil.copytree(slurm_run[0] / part, folder / part)
    shutil.rmtree(folder / "results/demo/model")
    shutil.rmtree(folder / "results/demo/synthetic")
    configure(folder, WITHOUT_LOCO, **CHANGES | {"vae": {"steps": steps}})
    return folder


def test_a_job_out_of_memory_is_resubmitted_with_twice_the_memory(slurm_run, tmp_path) -> None:
    folder = copy(slurm_run, tmp_path, CHANGES["vae"]["steps"])
    target = "results/demo/model/vae.safetensors"
    finished, jobs = snakemake(folder, target, train_vae={"mem_mb": "480 * attempt"})
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert [megabytes(job) for job in jobs] == [480, 960]
    assert [job["JobState"] for job in jobs] == ["FAILED", "COMPLETED"]
    assert {job["Partition"] for job in jobs} == {"gpu"}
    assert (folder / target).read_bytes() == (slurm_run[0] / target).read_bytes()


def test_a_job_is_not_resubmitted_after_its_second_failure(slurm_run, tmp_path) -> None:
    folder = copy(slurm_run, tmp_path, CHANGES["vae"]["steps"])
    (folder / "results/demo/panel/genotypes.npz").write_bytes(b"not a panel")
    finished, jobs = snakemake(folder, "results/demo/synthetic/copula.bed")
    assert finished.returncode == 1
    assert [job["JobState"] for job in jobs] == ["FAILED", "FAILED"]
    first, second = map(megabytes, jobs)
    assert second == 2 * first and minutes(jobs[1]) == 2 * minutes(jobs[0])


def test_training_resumes_after_its_time_limit_and_ctrl_c_cancels_all_jobs(
    slurm_run, tmp_path
) -> None:
    folder = copy(slurm_run, tmp_path, steps=200_000)
    before = {job["JobId"] for job in cluster.jobs()}
    targets = ["results/demo/model/vae.safetensors", "results/demo/synthetic/copula.bed"]
    rules = {
        "train_vae": {"runtime": "3 * attempt"},
        "sample_baseline": {"slurm_extra": "'--begin=now+1hour'"},
    }
    log = folder / "logs/train_vae/demo.log"

    def logged(pattern: str) -> re.Match | None:
        return re.search(pattern, log.read_text() if log.is_file() else "", re.MULTILINE)

    with (tmp_path / "printed").open("w") as printed:
        running = subprocess.Popen(
            # Background jobs of a shell, as these tests may be, ignore SIGINT.
            ["env", "--default-signal=INT", *command(folder, *targets, **rules)],
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
    try:
        stopped = r"\[D03\] .*SIGTERM after step (\d+) of 200000"
        until(lambda: logged(stopped), 150, "clean stop")
        step = logged(stopped)[1]
        assert (folder / "results/demo/model/vae.checkpoint").is_file()
        until(lambda: logged(r"resumes at step"), 150, "second submission")
        assert logged(rf"resumes at step {step} from ")
        mine = [job for job in cluster.jobs() if job["JobId"] not in before]
        assert sorted((rule_of(job), job["JobState"]) for job in mine) == [
            ("sample_baseline", "PENDING"),
            ("train_vae", "FAILED"),
            ("train_vae", "RUNNING"),
        ]
        running.send_signal(signal.SIGINT)
        assert running.wait(120) != 0  # it ends when it next queries the queue
    finally:
        running.kill()
    until(lambda: not cluster.query("squeue -h"), 30, "empty queue")
    mine = [job["JobState"] for job in cluster.jobs() if job["JobId"] not in before]
    assert sorted(mine) == ["CANCELLED", "CANCELLED", "FAILED"]
    assert os.access(folder / "results/demo/model/vae.checkpoint", os.R_OK)
