"""pyproject.toml, requirements.lock and environment.yml require the same packages."""

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
CONDA_NAMES = {
    "snakemake-minimal": "snakemake",
    "pytorch": "torch",
    "py-xgboost": "xgboost",
    "matplotlib-base": "matplotlib",
}


def read_project():
    """Requirements of pyproject.toml by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lines = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    requirements = map(Requirement, lines)
    return {canonicalize_name(one.name): one for one in requirements}


def read_lock():
    """Versions of requirements.lock by name."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [Requirement(line.partition("#")[0]) for line in lines if line and line[0] != "#"]
    assert all(re.fullmatch(r"==[\w.]+", str(pin.specifier)) for pin in pins)
    return {canonicalize_name(pin.name): str(pin.specifier)[2:] for pin in pins}


def read_environment():
    """Versions of environment.yml by the name of the package on PyPI."""
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    from_pip = next(one for one in listed if isinstance(one, dict))["pip"]
    from_conda = [one for one in listed if isinstance(one, str) and " =" in one]
    pins = [line.split(" =") for line in from_conda]
    pins += [line.split("==") for line in from_pip]
    return {canonicalize_name(CONDA_NAMES.get(name, name)): version for name, version in pins}


def test_environment_is_the_direct_part_of_the_lock():
    lock = read_lock()
    assert read_environment() == {name: lock[name] for name in read_project()}


def test_lock_satisfies_the_requirements_of_the_project():
    lock = read_lock()
    unsatisfied = [
        name for name, one in read_project().items() if not one.specifier.contains(lock[name])
    ]
    assert unsatisfied == []


def test_direct_packages_of_the_lock_have_a_reason():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    with_reason = {line.partition("==")[0] for line in lines if re.search(r"==.*  # \w", line)}
    assert with_reason == set(read_project())


def test_lock_fixes_neither_the_build_of_torch_nor_an_index():
    lock = read_lock()
    assert re.fullmatch(r"[\d.]+", lock["torch"])
    assert not [name for name in lock if name.startswith(("nvidia-cu", "triton"))]
    text = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"https?:|--\S*(index|find-links)| @ ", text)
