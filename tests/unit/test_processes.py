"""Training in several processes gives the same losses as in one, with the same batches."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

SCRIPT = Path(__file__).parent / "run_processes.py"
LIBRARY = Path(__file__).parents[2] / "workflow" / "scripts"


def losses(folder: Path, processes: int) -> pd.DataFrame:
    """The loss curves of both models, trained in this number of processes."""
    folder.mkdir()
    command = [sys.executable, SCRIPT, str(processes), folder]
    environment = {"PYTHONPATH": str(LIBRARY), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
    subprocess.run(command, check=True, env=environment, capture_output=True)
    parts = [pd.read_csv(folder / f"{name}.tsv", sep="\t") for name in ("vae", "diffusion")]
    return pd.concat(parts, ignore_index=True)


def test_two_processes_have_the_loss_curves_of_one(tmp_path: Path) -> None:
    one, two = (losses(tmp_path / str(count), count) for count in (1, 2))
    assert one[["step", "split", "part"]].equals(two[["step", "split", "part"]])
    assert two.value.to_numpy() == pytest.approx(one.value.to_numpy(), rel=2e-3, abs=2e-3)
    reconstruction = one[(one.part == "reconstruction") & (one.split == "train")].value
    assert np.ptp(reconstruction) > 0.3  # the loss decreases
