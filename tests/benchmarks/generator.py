"""Compare the generator with the baselines: `python tests/benchmarks/generator.py --help`."""

import argparse
import hashlib
import logging
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch
import yaml

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from example_bars import EVALUATED, PANELS, judge
from example_generator_cohorts import CONFIG, FOLDER, open_further, open_panel
from example_groups import measure_groups
from example_measures import measure
from example_structured import Further
from example_subjects import SUBJECTS, Subject, make_subjects, shrink_panel

from snpgen.evaluation.adaptive import Knowledge
from snpgen.evaluation.cohorts import Cohort
from snpgen.evaluation.privacy import read_knowledge
from snpgen.generator.target import Shrinkage
from snpgen.io.panel import Panel
from snpgen.job import derive_seed, log

COLUMNS = ["commit", "machine", "date", "panel", "seed", "subject", "metric", "value"]
KEY = ["panel", "seed", "subject"]


def read_commit() -> str:
    """The commit, and a digest of the code that is measured if the tree is not clean."""

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", ROOT, *words], capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    places = ["workflow/scripts/snpgen", "tests/benchmarks", "config/config.yaml"]
    commit = git("rev-parse", "--short", "HEAD") or "none"
    if commit != "none" and not git("status", "--porcelain", *places):
        return commit
    files = [*(ROOT / places[0]).rglob("*.py"), *(ROOT / places[1]).glob("*.py"), CONFIG]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(files)))
    return f"{commit}+{digest.hexdigest()[:8]}"


def describe_machine(threads: int) -> str:
    """GPU or processor, and threads."""
    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}, {threads} threads"
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(": ")[1] for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.machine()
    return f"{name}, {threads} of {os.cpu_count()} cores"


def attacker_knowledge(made: Shrinkage, panel: Panel) -> Knowledge:
    """What the adaptive attacker knows, as the workflow reads it from files."""
    with TemporaryDirectory() as folder:
        prior = f"{folder}/prior.tsv"
        made.prior.to_csv(prior, sep="\t", index=False)
        return read_knowledge(made.variants, prior, panel)


def measure_subject(
    panel: Panel,
    variants: pd.DataFrame,
    further: Further | None,
    knowledge: Knowledge,
    subject: Subject,
    seed: int,
    threads: int,
) -> dict[str, float]:
    """Metrics of a subject, the mean over its cohorts, and run times."""
    tables, seconds, cohorts = [], [], []
    test = Cohort(*panel.of("test")) if subject.name == "real" else None
    for number in range(subject.repeats):
        own = derive_seed(seed, subject.name, str(number))
        began = time.monotonic()
        dosages, labels = subject.sample(own)
        seconds.append(time.monotonic() - began)
        cohorts.append(Cohort(dosages, labels.astype(np.int8)))
        losses = subject.losses
        tables.append(
            measure(panel, variants, dosages, labels, own, threads, losses, test, knowledge)
        )
    out = pd.DataFrame(tables).mean().to_dict()
    if further is not None:
        cohorts = cohorts[:1] if test else cohorts  # those of `real` are all the same
        own = derive_seed(seed, subject.name)
        out |= measure_groups(panel, variants, cohorts, further, own, threads, knowledge)
    sampling = sum(seconds) / len(seconds)
    return out | {
        "train_seconds": subject.train_seconds,
        "sample_seconds": sampling,
        "wall_seconds": subject.train_seconds + sampling,
    }


def read_results(path: Path) -> pd.DataFrame:
    """All rows so far."""
    if not path.exists():
        return pd.DataFrame(columns=COLUMNS)
    return pd.read_csv(path, sep="\t", dtype={"commit": str})


def run(
    panels: list[str],
    seeds: list[int],
    subjects: list[str],
    results: Path,
    threads: int,
    commit: str,
) -> None:
    """Measure what is missing for this commit, and append it to `results`."""
    machine = describe_machine(threads)
    settings = yaml.safe_load(CONFIG.read_text())
    measured = read_results(results)
    done = set(map(tuple, measured[measured.commit == commit][KEY].drop_duplicates().to_numpy()))
    results.parent.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        for name in panels:
            missing = [subject for subject in subjects if (name, seed, subject) not in done]
            if not missing:
                continue
            panel, variants, sumstats, scores = open_panel(name, seed)
            further = open_further(name, seed)
            made = shrink_panel(panel, variants, sumstats, scores, settings, seed)
            knowledge = attacker_knowledge(made, panel)
            for subject in make_subjects(panel, variants, made.target, settings, seed, missing):
                values = measure_subject(
                    panel, variants, further, knowledge, subject, seed, threads
                )
                rows = pd.DataFrame({"metric": values.keys(), "value": values.values()})
                date = datetime.now(UTC).strftime("%Y-%m-%d")
                rows = rows.assign(
                    commit=commit,
                    machine=machine,
                    date=date,
                    panel=name,
                    seed=seed,
                    subject=subject.name,
                )
                rows[COLUMNS].to_csv(
                    results,
                    sep="\t",
                    index=False,
                    mode="a",
                    header=not results.exists(),
                    float_format="%.6g",
                    na_rep="NA",
                )
                print(
                    f"{name} seed {seed} {subject.name}: {values['wall_seconds']:.0f} s",
                    flush=True,
                )


def newest(table: pd.DataFrame, commit: str) -> pd.DataFrame:
    """Rows of this commit; for what it has not measured, except `EVALUATED`, the last rows of other commits."""
    own = table.commit == commit
    keys = table[KEY].apply(tuple, axis=1)
    others = table[
        ~own & ~keys.isin(set(keys[own])) & ~table.subject.isin([EVALUATED, "cvae", "mixture"])
    ]
    return pd.concat([others, table[own]]).drop_duplicates([*KEY, "metric"], keep="last")


def report(table: pd.DataFrame, panels: list[str], seeds: list[int]) -> str:
    """Mean and standard deviation over seeds of every metric by subject, then the bars."""
    lines = []
    for name in panels:
        part = table[(table.panel == name) & table.seed.isin(seeds)]
        if part.empty:
            continue
        values = part.pivot(index="seed", columns=["subject", "metric"], values="value")
        mean, spread = (series.unstack("subject") for series in (values.mean(), values.std()))
        cells = mean.map("{:.4f}".format) + spread.map(
            " ±{:.4f}".format, na_action="ignore"
        ).fillna("")
        order = [subject for subject in SUBJECTS if subject in cells]
        metrics = part.metric.drop_duplicates()
        lines += [f"\n{name}, seeds {' '.join(map(str, values.index))}"]
        lines += [cells.loc[metrics, order].to_string()]
        for verdict in judge(values, name):
            met = "met" if verdict.met else "MISSED"
            lines += [
                f"  {verdict.bar:44s} {verdict.value:8.4f} ±{verdict.spread:.4f}  {verdict.limits:14s} {met}"
            ]
    return "\n".join(lines)


def start(threads: int) -> None:
    """Set the number of threads, and show the log."""
    torch.set_num_threads(threads)
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    log.setLevel(logging.INFO)


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--panels", nargs="+", choices=PANELS, default=PANELS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    quick = [name for name in SUBJECTS if name != "published" or torch.cuda.is_available()]
    parser.add_argument("--subjects", nargs="*", choices=SUBJECTS, default=quick)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--results", type=Path, default=FOLDER / "results.tsv")
    asked = parser.parse_args()
    start(asked.threads)
    commit = read_commit()
    run(asked.panels, asked.seeds, asked.subjects, asked.results, asked.threads, commit)
    print(report(newest(read_results(asked.results), commit), asked.panels, asked.seeds))


if __name__ == "__main__":
    main()
