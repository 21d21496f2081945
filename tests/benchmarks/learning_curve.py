"""Quality of the generator by steps, batch size and width: `python tests/benchmarks/learning_curve.py --help`."""

import argparse
import sys
import time
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow" / "scripts"))

from example_generator_cohorts import CONFIG, FOLDER, LARGE, open_panel
from example_measures import measure
from example_subjects import make_subjects, shrink_panel
from generator import read_commit, start

from snpgen.generator.hyperparameters import complete_training
from snpgen.generator.target import Target
from snpgen.io.panel import Panel
from snpgen.job import derive_seed

SHOWN = ["ld_slope", "ld_pearson", "c2st_xgboost", "auc_prs", "auc_ridge", "mia_loss_auc"]
TEST = 10_000  # test individuals at most: with more, the two-sample test takes longer than training


def thin_test(panel: Panel) -> Panel:
    """The panel with at most `TEST` test individuals."""
    test = panel.split == "test"
    kept = ~test | (test.cumsum() <= TEST)
    arrays = (panel.dosages, panel.iid, panel.split, panel.phenotype)
    return Panel(*(array[kept] for array in arrays))


def measure_length(
    panel: Panel, variants: pd.DataFrame, target: Target, settings: dict, seed: int, threads: int
) -> dict[str, float]:
    """Estimates of the generator with these `settings`; `loss` is that of test individuals."""
    began = time.process_time()
    (subject,) = make_subjects(panel, variants, target, settings, seed, ["snpgen"])
    own = derive_seed(seed, subject.name, "0")
    dosages, labels = subject.sample(own)
    seconds = time.process_time() - began
    assert subject.losses is not None
    members, others = subject.losses["vae"]
    found = measure(panel, variants, dosages, labels, own, threads, subject.losses)
    losses = {"loss": np.mean(others), "loss_in_training": np.mean(members)}
    return losses | {"cpu_seconds": seconds} | {metric: found[metric] for metric in SHOWN}


def main() -> None:
    """Read the arguments, measure, print; rows are appended to the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--individuals", nargs="+", type=int, choices=LARGE, default=LARGE)
    parser.add_argument("--variants", nargs="+", type=int, choices=[512, 2048], default=[512, 2048])
    parser.add_argument("--multiples", nargs="+", type=float, default=[0.25, 0.5, 1.0, 2.0])
    parser.add_argument("--hidden", nargs="+", type=int, default=[64])
    parser.add_argument("--batches", nargs="+", type=float, default=[1.0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--results", type=Path, default=FOLDER / "learning_curve.tsv")
    asked = parser.parse_args()
    start(asked.threads)
    commit, settings = read_commit(), yaml.safe_load(CONFIG.read_text())
    for name in (f"{n}x{m}" for n in asked.individuals for m in asked.variants):
        panel, variants, sumstats, scores = open_panel(name, asked.seed)
        made = shrink_panel(panel, variants, sumstats, scores, settings, asked.seed)
        panel = thin_test(panel)
        train = int((panel.split == "train").sum())
        recipe = complete_training(settings["vae"], "vae", train)
        for hidden, batch, multiple in product(asked.hidden, asked.batches, asked.multiples):
            own = {"batch_size": round(batch * recipe["batch_size"])}
            own |= {"steps": round(multiple * recipe["steps"]), "hidden": hidden}
            changed = settings | {"vae": settings["vae"] | own}
            row = {"commit": commit, "panel": name, "seed": asked.seed, "train": train, **own}
            row |= measure_length(panel, variants, made.target, changed, asked.seed, asked.threads)
            table = pd.DataFrame([row]).round(5)
            fresh = not asked.results.exists()
            table.to_csv(asked.results, sep="\t", index=False, mode="a", header=fresh)
            print(table.to_string(index=False), flush=True)


if __name__ == "__main__":
    main()
