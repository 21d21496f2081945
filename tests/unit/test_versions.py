"""The version is the same everywhere, and the workflow catalog finds what it requires."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_changelog_citation_and_project_have_one_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version
    changes = (ROOT / "workflow/CHANGELOG.md").read_text()
    released = re.findall(
        r"^## (\d+\.\d+\.\d+) \((\d{4}-\d\d-\d\d|not released)\)$", changes, re.MULTILINE
    )
    assert released[0][0] == version
    order = [tuple(map(int, number.split("."))) for number, _ in released]
    assert order == sorted(order, reverse=True)


def test_the_requirements_of_the_workflow_catalog_are_met() -> None:
    assert (ROOT / "workflow/Snakefile").is_file() and (ROOT / "config/README.md").is_file()
    readme = (ROOT / "README.md").read_text().lower()
    assert "snakemake" in readme and "workflow" in readme
    catalog = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())
    assert set(catalog) == {"usage"}
    assert set(catalog["usage"]) <= {"mandatory-flags", "software-stack-deployment", "report"}
    deployment = catalog["usage"]["software-stack-deployment"]
    assert deployment["conda"] is True
    assert set(deployment) <= {"conda", "apptainer", "apptainer+conda", "report"}
    containers = [
        path for path in ROOT.glob("workflow/**/*.smk") if "container:" in path.read_text()
    ]
    assert bool(containers) == ("apptainer" in deployment)
