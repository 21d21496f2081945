"""The demo through Slurm, with the profile as shipped: what is asked for, retries, stops, Ctrl-C."""

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
    "cohort": {"chromosomes": "1-2"},
    "simulation": {"samples": 800, "variants": 1500},
    "pcs": {"count": 0},
    "vae": {"steps": 100},
    "diffusion": {"steps": 50},
    "evaluation": {"bootstraps": 10},
}
# All that a cluster of two cores needs beyond the profile.
TWO_CORES = {"cores": 2, "latency-wait": 5, "slurm-init-seconds-before-status-checks": 10}


def command(folder: Path, *targets: str, **rules: dict[str, str]) -> list[str]:
    """Snakemake on Slurm with `folder` as its working directory; `rules` ask for other resources.

    They stand in a copy of the profile: on the command line they would take the place of all others.
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
    """A run, what it printed, and the jobs that it left with Slurm."""
    before = {job["JobId"] for job in cluster.jobs()}
    finished = subprocess.run(
        command(folder, *targets, **rules), capture_output=True, text=True, check=False
    )
    return finished, [job for job in cluster.jobs() if job["JobId"] not in before]


def rule_of(job: dict[str, str]) -> str:
    """The rule or group of a job, as the folder of its log names it."""
    return Path(job["StdOut"].partition("slurm_logs/")[2]).parts[0].removeprefix("rule_")


def megabytes(job: dict[str, str]) -> int:
    """Memory that a job asked for."""
    size = job["MinMemoryNode"]
    return round(float(size[:-1]) * {"M": 1, "G": 1024}[size[-1]])


def minutes(job: dict[str, str]) -> int:
    """Time that a job asked for."""
    days, _, clock = job["TimeLimit"].rpartition("-")
    hours, mins, _ = map(int, clock.split(":"))
    return int(days or 0) * 1440 + hours * 60 + mins


def asked(printed: str) -> dict[str, set[tuple[int, int]]]:
    """Memory and time of each rule's jobs, as the rule's functions gave them to Snakemake."""
    found: dict[str, set[tuple[int, int]]] = {}
    for rule, block in re.findall(
        r"^ *rule (\w+):\n(.*?resources: .*?)$", printed, re.MULTILINE | re.DOTALL
    ):
        values = dict(re.findall(r"\b(mem_mb|runtime)=(\d+)", block))
        if len(values) == 2:  # in a group, what depends on inputs still to come is not known
            found.setdefault(rule, set()).add((int(values["mem_mb"]), int(values["runtime"])))
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, list[dict[str, str]]]:
    """A folder in which the demo ran to its report; what was printed; Slurm's jobs."""
    folder = configure(tmp_path_factory.mktemp("demo"), **CHANGES)
    finished, jobs = snakemake(folder)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return folder, finished.stdout + finished.stderr, jobs


def test_every_job_ran_under_slurm_where_the_profile_says(run) -> None:
    folder, printed, jobs = run
    assert (folder / "results/demo/report.html").is_file()
    assert {job["JobState"] for job in jobs} == {"COMPLETED"}
    submitted = re.findall(r"submitted with SLURM jobid (\d+)", printed)
    assert sorted(map(int, submitted)) == [int(job["JobId"]) for job in jobs]
    for job in jobs:
        on_gpu = rule_of(job) in GPU_RULES
        assert job["Partition"] == ("gpu" if on_gpu else "cpu")
        assert (job.get("TresPerJob") == "gres:gpu:1") == on_gpu
    assert GPU_RULES <= {rule_of(job) for job in jobs}


def test_jobs_ask_for_memory_and_time_as_their_rules_say(run) -> None:
    _, printed, jobs = run
    rules = asked(printed)
    alone = [job for job in jobs if rule_of(job) in rules]
    assert len(alone) > 15
    for job in alone:
        assert (megabytes(job), minutes(job)) in rules[rule_of(job)]
    assert len({megabytes(job) for job in alone}) > 5


def test_short_jobs_go_to_the_queue_together(run) -> None:
    jobs = run[2]
    groups = [rule_of(job) for job in jobs if rule_of(job).startswith("group_")]
    assert len(groups) == 2, groups
    assert "run_gwas" not in {rule_of(job) for job in jobs}


def copy(run, folder: Path, steps: int) -> Path:
    """The run's folder as it was before training, with other steps of the autoencoder."""
    for part in ("results", "config"):
        shutil.copytree(run[0] / part, folder / part)
    shutil.rmtree(folder / "results/demo/model")
    shutil.rmtree(folder / "results/demo/synthetic")
    configure(folder, **CHANGES | {"vae": {"steps": steps}})
    return folder


def test_a_job_short_of_memory_is_submitted_once_more_with_twice_as_much(run, tmp_path) -> None:
    folder = copy(run, tmp_path, CHANGES["vae"]["steps"])
    target = "results/demo/model/vae.safetensors"
    finished, jobs = snakemake(folder, target, train_vae={"mem_mb": "480 * attempt"})
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert [megabytes(job) for job in jobs] == [480, 960]
    assert [job["JobState"] for job in jobs] == ["FAILED", "COMPLETED"]
    assert {job["Partition"] for job in jobs} == {"gpu"}
    assert (folder / target).read_bytes() == (run[0] / target).read_bytes()


def test_a_job_that_fails_twice_is_given_up(run, tmp_path) -> None:
    folder = copy(run, tmp_path, CHANGES["vae"]["steps"])
    (folder / "results/demo/panel/genotypes.npz").write_bytes(b"not a panel")
    finished, jobs = snakemake(folder, "results/demo/synthetic/copula.bed")
    assert finished.returncode == 1
    assert [job["JobState"] for job in jobs] == ["FAILED", "FAILED"]
    first, second = map(megabytes, jobs)
    assert second == 2 * first and minutes(jobs[1]) == 2 * minutes(jobs[0])


def test_training_goes_on_after_its_time_is_up_and_ctrl_c_cancels_all(run, tmp_path) -> None:
    folder = copy(run, tmp_path, steps=200_000)
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
            # A shell's background job, which these tests may be in, ignores Ctrl-C.
            ["env", "--default-signal=INT", *command(folder, *targets, **rules)],
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
    try:
        stopped = r"^Error: \[D03\] .* SIGTERM after step (\d+) of 200000"
        until(lambda: logged(stopped), 150, "clean stop")
        step = logged(stopped)[1]
        assert (folder / "results/demo/model/vae.checkpoint").is_file()
        until(lambda: logged(r"training resumes at step"), 150, "second submission")
        assert logged(rf"training resumes at step {step} from ")
        mine = [job for job in cluster.jobs() if job["JobId"] not in before]
        assert sorted((rule_of(job), job["JobState"]) for job in mine) == [
            ("sample_baseline", "PENDING"),
            ("train_vae", "FAILED"),
            ("train_vae", "RUNNING"),
        ]
        running.send_signal(signal.SIGINT)
        assert running.wait(120) != 0  # it ends at its next look at the queue
    finally:
        running.kill()
    until(lambda: not cluster.query("squeue -h"), 30, "empty queue")
    mine = [job["JobState"] for job in cluster.jobs() if job["JobId"] not in before]
    assert sorted(mine) == ["CANCELLED", "CANCELLED", "FAILED"]
    assert os.access(folder / "results/demo/model/vae.checkpoint", os.R_OK)
