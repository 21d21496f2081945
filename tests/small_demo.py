"""A small configuration of the demo, and runs of the workflow with it."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[1]
EXAMPLES = REPOSITORY / "config" / "examples" / "demo"
PHENOTYPES = ["demo", "severity", "biomarker"]  # of the shared run


def command(folder: Path, *arguments: str) -> list[str]:
    """The command that runs the workflow with `folder` as its working directory."""
    place = ["--directory", str(folder), "--snakefile", str(REPOSITORY / "workflow" / "Snakefile")]
    # The default scheduler is slower, because it solves integer programs; the results are the same.
    fast = ["--cores", "2", "--scheduler", "greedy"]
    return [sys.executable, "-m", "snakemake", *fast, *place, *arguments]


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the workflow with `folder` as its working directory."""
    return subprocess.run(command(folder, *arguments), capture_output=True, text=True, check=False)


def write_yaml(path: Path, content: dict) -> None:
    """Write a configuration file, and its folder if necessary."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content))


def merge(settings: dict, changes: dict) -> dict:
    """Return `settings` with `changes`; sections are merged key by key."""
    merged = dict(settings)
    for key, change in changes.items():
        merged[key] = settings.get(key, {}) | change if isinstance(change, dict) else change
    return merged


def configure(folder: Path, phenotype: dict | None = None, **changes: dict | list | int) -> Path:
    """Write the shipped configuration, reduced in size and with `changes`, into `folder`."""
    config = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text())
    demo = yaml.safe_load((REPOSITORY / "config" / "phenotypes" / "demo.yaml").read_text())
    small = {
        "cohort": {"chromosomes": "1-2"},
        "simulation": {"samples": 1500, "variants": 3000, "families": 20, "causal": 30},
        "pcs": {"count": 3},
        "vae": {"steps": 120},
        "diffusion": {"steps": 40},
        "sampling": {"size": 1, "steps": 6},
        "calibration": {"scales": [1.0, 2.0]},
        "evaluation": {"bootstraps": 10, "folds": 2},
    }
    write_yaml(folder / "config" / "config.yaml", merge(merge(config, small), changes))
    small_demo = {"panel": {"size": 100}, "gwas": {"loco": True}}
    demo = merge(merge(demo, small_demo), phenotype or {})
    write_yaml(folder / "config" / "phenotypes" / "demo.yaml", demo)
    return folder


def configure_run(folder: Path, phenotype: dict | None = None, **changes: dict) -> Path:
    """Write the configuration of the shared run: one phenotype of each coding.

    `demo` (cases and controls, LOCO) has all baselines, `severity` (classes, with sex and centre as
    conditions) has one, and `biomarker` (quantitative) has none. `phenotype` are changes of `demo`.
    """
    # With so few individuals, shrunken effects would be too small for the tests to detect.
    settings = {"panel": {"size": 100}, "calibration": {"effects": "training", "scales": [1.0]}}
    files = ["config/phenotypes/demo.yaml"]
    for name, baselines in (("severity", ["independent"]), ("biomarker", [])):
        example = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text())
        files.append(f"config/phenotypes/{name}.yaml")
        write_yaml(folder / files[-1], example | settings | {"baselines": baselines})
    return configure(folder, phenotype, phenotypes=files, **changes)


def read_checksums(path: Path) -> dict[str, str]:
    """The checksums of a SHA256SUMS file, by file name."""
    return dict(reversed(line.split(maxsplit=1)) for line in path.read_text().splitlines())


def rules_run(finished: subprocess.CompletedProcess[str]) -> set[str]:
    """Names of the rules whose jobs a finished run reports, including local rules."""
    printed = finished.stdout + finished.stderr
    return set(re.findall(r"^(?:local)?rule (\w+):", printed, flags=re.MULTILINE))
