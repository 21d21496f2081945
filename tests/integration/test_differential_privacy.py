"""The generator with differential privacy, from the panel of the shared run to a synthetic cohort."""

import json
import shutil
from pathlib import Path

from small_demo import configure, rules_run, snakemake

MODEL = Path("results/demo/model")
COHORT = "results/demo/synthetic/snpgen.bed"


def test_epsilon_and_delta_are_applied_and_recorded(run: Path, tmp_path: Path) -> None:
    guarantee = {"epsilon": 8.0, "delta": 1e-4}
    few = {"steps": 2, "batch_size": 2_000}  # all individuals, for which the accountant is fast
    changes = {
        "vae": few,
        "diffusion": few,
        "calibration": {"scales": [1.0], "effects": "training"},
    }
    configure(tmp_path, seed=2**60, differential_privacy=guarantee, baselines=[], **changes)
    for folder in ("results/cohort", "results/demo/panel"):
        shutil.copytree(run / folder, tmp_path / folder)
    shutil.copy2(run / "results/demo/split.tsv", tmp_path / "results/demo")
    made = snakemake(tmp_path, COHORT, "--rerun-triggers", "mtime")
    assert made.returncode == 0, made.stdout + made.stderr
    generator = {"train_vae", "train_diffusion", "calibrate_guidance", "sample_cohort"}
    assert rules_run(made) == generator | {"assign_groups"}
    card = json.loads((tmp_path / MODEL / "vae.json").read_text())
    assert guarantee.items() <= card["differential_privacy"].items()
    assert set(card["differential_privacy"]["noise"]) == {"frequencies", "vae", "diffusion"}
    guidance = json.loads((tmp_path / MODEL / "guidance.json").read_text())
    assert guarantee.items() <= guidance.items()
    assert (tmp_path / COHORT).read_bytes() != (run / COHORT).read_bytes()
