"""Training that is told to stop, as a cluster does before the time limit, and then goes on."""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
from small_demo import REPOSITORY, configure, snakemake

MODEL = "results/demo/model/vae"


def test_training_told_to_stop_goes_on_to_the_same_bytes(run: Path, tmp_path: Path) -> None:
    configure(tmp_path)
    for folder in ("results/cohort", "results/demo/panel"):
        shutil.copytree(run / folder, tmp_path / folder)
    rest = ["--rerun-triggers", "mtime", "--allowed-rules", "train_vae"]
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--directory", str(tmp_path)]
    command += ["--snakefile", str(REPOSITORY / "workflow/Snakefile"), f"{MODEL}.safetensors"]
    process = subprocess.Popen(
        [*command, *rest], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    log = tmp_path / "logs/train_vae/demo.log"
    end = time.monotonic() + 120
    while not (log.is_file() and "step 40 of 400" in log.read_text()):
        assert time.monotonic() < end and process.poll() is None, "training did not begin"
        time.sleep(0.05)
    (job,) = [
        one
        for one in psutil.Process(process.pid).children(recursive=True)
        if one.cmdline()[-1].endswith("train_vae.py")
    ]
    job.terminate()
    printed, _ = process.communicate()
    assert process.returncode == 1
    lines = log.read_text().splitlines()
    assert re.fullmatch(
        rf"Error: \[D03\] .* SIGTERM after step \d+ of 400\. .* {MODEL}\.checkpoint\.",
        lines[-1],
    )
    assert lines[-1] in printed and "Traceback" not in printed
    assert not (tmp_path / f"{MODEL}.safetensors").exists()

    finished = snakemake(tmp_path, f"{MODEL}.safetensors", *rest)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    step = re.search(r"after step (\d+)", lines[-1])[1]
    assert f"training resumes at step {step} from {MODEL}.checkpoint" in log.read_text()
    for ending in ("safetensors", "training.tsv"):
        assert (tmp_path / f"{MODEL}.{ending}").read_bytes() == (
            run / f"{MODEL}.{ending}"
        ).read_bytes()
    assert not (tmp_path / f"{MODEL}.checkpoint").exists()
