"""Small cohorts and runs of the whole workflow in folders of their own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[1]


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the workflow with `folder` as its working directory."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--directory", str(folder)]
    command += ["--snakefile", str(REPOSITORY / "workflow" / "Snakefile"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def configure(folder: Path, phenotype: dict | None = None, **changes: dict | list | int) -> Path:
    """Put the shipped configuration, made small and with `changes`, into `folder`."""
    config = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text())
    demo = yaml.safe_load((REPOSITORY / "config" / "phenotypes" / "demo.yaml").read_text())
    config["cohort"] |= {"chromosomes": "1-3"}
    config["simulation"] |= {"samples": 1500, "variants": 3000, "families": 20, "causal": 30}
    config["pcs"] |= {"count": 3}
    config["vae"] |= {"steps": 400}
    config["diffusion"] |= {"steps": 100}
    demo["panel"] = {"size": 100}
    for section, change in changes.items():
        config[section] = config[section] | change if isinstance(change, dict) else change
    for name, content in (("config", config), ("phenotypes/demo", demo | (phenotype or {}))):
        path = folder / "config" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content))
    return folder


def rules_run(finished: subprocess.CompletedProcess[str]) -> set[str]:
    """The rules whose jobs a run says that it ran; Snakemake calls some of them local."""
    printed = finished.stdout + finished.stderr
    return set(re.findall(r"^(?:local)?rule (\w+):", printed, flags=re.MULTILINE))


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the small demo ran to its report."""
    folder = configure(tmp_path_factory.mktemp("run"))
    finished = snakemake(folder)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return folder
