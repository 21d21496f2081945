"""The generator with differential privacy, from the panel of the small demo to synthetic people."""

import json
import shutil
from pathlib import Path

from small_demo import configure, rules_run, snakemake

MODEL = Path("results/demo/model")
COHORT = "results/demo/synthetic/snpgen.bed"


def test_the_promise_goes_from_the_configuration_to_the_cards(run: Path, tmp_path: Path) -> None:
    private = {"epsilon": 8.0, "delta": 1e-4}
    few = {"steps": 12, "batch_size": 200}
    configure(tmp_path, seed=2**60, differential_privacy=private, vae=few, diffusion=few)
    for folder in ("results/cohort", "results/demo/panel"):
        shutil.copytree(run / folder, tmp_path / folder)
    shutil.copy2(run / "results/demo/split.tsv", tmp_path / "results/demo")
    made = snakemake(tmp_path, COHORT, "--rerun-triggers", "mtime")
    assert made.returncode == 0, made.stdout + made.stderr
    assert rules_run(made) == {
        "train_vae",
        "train_diffusion",
        "calibrate_guidance",
        "sample_cohort",
    }
    card = json.loads((tmp_path / MODEL / "vae.json").read_text())
    assert private.items() <= card["differential_privacy"].items()
    assert set(card["differential_privacy"]["noise"]) == {"frequencies", "vae", "diffusion"}
    guidance = json.loads((tmp_path / MODEL / "guidance.json").read_text())
    assert guidance["noise"] == 0 and private.items() <= guidance.items()
    assert (tmp_path / COHORT).read_bytes() != (run / COHORT).read_bytes()
