"""Quality of the generator by its number of training steps: `python tests/benchmarks/learning_curve.py --help`."""

import argparse
import logging
import time
from pathlib import Path

import pandas as pd
import torch
import yaml
from example_generator_cohorts import CONFIG, FOLDER, LARGE, open_panel
from example_measures import measure
from example_subjects import make_subjects
from generator import read_commit

from snpgen.association.forecast import Sampling
from snpgen.generator.conditions import fit_encoding
from snpgen.generator.hyperparameters import complete_training
from snpgen.generator.target import TargetSettings, make_target
from snpgen.io.panel import Panel
from snpgen.job import derive_seed, log

SHOWN = ["ld_slope", "ld_pearson", "c2st_xgboost", "auc_prs", "auc_ridge", "mia_loss_auc"]
TEST = (
    10_000  # individuals at most of the two-sample test, which otherwise takes longer than training
)


def thin_test(panel: Panel) -> Panel:
    """The panel with at most `TEST` test individuals."""
    test = panel.split == "test"
    kept = ~test | (test.cumsum() <= TEST)
    arrays = (panel.dosages, panel.iid, panel.split, panel.phenotype)
    return Panel(*(array[kept] for array in arrays))


def measure_length(name: str, multiple: float, seed: int, threads: int) -> dict[str, float]:
    """Estimates for `multiple` times the default number of steps of the autoencoder."""
    settings = yaml.safe_load(CONFIG.read_text())
    panel, variants, sumstats, scores = open_panel(name, seed)
    train = int((panel.split == "train").sum())
    recipe = complete_training(settings["vae"], "vae", train)
    settings["vae"]["steps"] = round(multiple * recipe["steps"])
    target = TargetSettings(
        settings["calibration"]["effects"] == "shrunken",
        settings["calibration"]["max_forecast_auc"],
        Sampling(systematic=settings["sampling"]["systematic"]),
    )
    encoding = fit_encoding(panel, False, False)
    made = make_target(panel, variants, sumstats, scores, encoding, target, seed)
    began = time.process_time()
    (subject,) = make_subjects(panel, variants, made.target, settings, seed, ["snpgen"])
    own = derive_seed(seed, subject.name, "0")
    dosages, labels = subject.sample(own)
    seconds = time.process_time() - began
    losses = subject.losses
    assert losses is not None
    found = measure(thin_test(panel), variants, dosages, labels, own, threads, losses)
    return {
        "train": train,
        "steps": settings["vae"]["steps"],
        "batch_size": recipe["batch_size"],
        "loss": float(losses["vae"][1].mean()),
        "loss_in_training": float(losses["vae"][0].mean()),
        "cpu_seconds": seconds,
    } | {metric: found[metric] for metric in SHOWN}


def main() -> None:
    """Read the arguments, measure, print; rows are appended to the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--individuals", nargs="+", type=int, choices=LARGE, default=LARGE)
    parser.add_argument("--variants", nargs="+", type=int, choices=[512, 2048], default=[512, 2048])
    parser.add_argument("--multiples", nargs="+", type=float, default=[0.25, 0.5, 1.0, 2.0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--results", type=Path, default=FOLDER / "learning_curve.tsv")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    log.setLevel(logging.INFO)
    for individuals in asked.individuals:
        for variants in asked.variants:
            for multiple in asked.multiples:
                name = f"{individuals}x{variants}"
                found = measure_length(name, multiple, asked.seed, asked.threads)
                row = {"commit": read_commit(), "panel": name, "multiple": multiple} | found
                table = pd.DataFrame([row]).round(5)
                fresh = not asked.results.exists()
                table.to_csv(asked.results, sep="\t", index=False, mode="a", header=fresh)
                print(table.to_string(index=False), flush=True)


if __name__ == "__main__":
    main()
