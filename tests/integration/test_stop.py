"""Training that is stopped by SIGTERM, as on a cluster before the time limit, resumes."""

import re
import shutil
import subprocess
import time
from pathlib import Path

import psutil
from small_demo import command, configure, snakemake

MODEL = "results/demo/model/vae"


def test_stopped_training_resumes_and_ends_with_the_same_bytes(run: Path, tmp_path: Path) -> None:
    configure(tmp_path)
    for folder in ("results/cohort", "results/demo/panel"):
        shutil.copytree(run / folder, tmp_path / folder)
    groups = Path("results/demo/restricted/groups.tsv")
    (tmp_path / groups).parent.mkdir()
    shutil.copy2(run / groups, tmp_path / groups)
    arguments = [f"{MODEL}.safetensors", "--rerun-triggers", "mtime"]
    arguments += ["--allowed-rules", "train_vae"]
    process = subprocess.Popen(
        command(tmp_path, *arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    log = tmp_path / "logs/train_vae/demo.log"
    end = time.monotonic() + 120
    while not (log.is_file() and "step 24 of 120" in log.read_text()):
        assert time.monotonic() < end and process.poll() is None, "training did not begin"
        time.sleep(0.05)
    (job,) = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if child.cmdline()[-1].endswith("train_vae.py")
    ]
    job.terminate()
    printed, _ = process.communicate()
    assert process.returncode == 1
    message = log.read_text().splitlines()[-1]
    assert "[D03]" in message and f"{MODEL}.checkpoint" in message
    assert message in printed and "Traceback" not in printed
    assert not (tmp_path / f"{MODEL}.safetensors").exists()
    step = re.search(r"SIGTERM after step (\d+) of 120", message)[1]

    finished = snakemake(tmp_path, *arguments)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert re.search(rf"resumes at step {step} from {MODEL}\.checkpoint", log.read_text())
    for ending in ("safetensors", "training.tsv"):
        ours, undisturbed = (folder / f"{MODEL}.{ending}" for folder in (tmp_path, run))
        assert ours.read_bytes() == undisturbed.read_bytes()
    assert not (tmp_path / f"{MODEL}.checkpoint").exists()
