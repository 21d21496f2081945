"""The recipe: configuration, versions and panel of a run, from which others with the cohort can repeat it."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from snpgen.report.privacy import COHORTS
from snpgen.report.release import ENDINGS
from snpgen.report.templates import make_environment

FOLDER = "recipe"  # name of the folder in the working directory of who repeats the run
INTERNAL = "results/"  # the only input there is the simulated cohort (`input_files`)
INPUTS = "input"  # folder of the input files in the configuration of the recipe
LISTS = ("cohort.kinship", "cohort.exclude_samples", "split.file")  # tables of individuals
_DATA = {f"{cohort}.{ending}" for cohort in COHORTS for ending in ENDINGS} | {"variants.tsv"}


def replace_paths(
    settings: Mapping[str, Any], schema: Mapping[str, Any], owner: str = "", section: str = ""
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Settings with paths in the folder `INPUTS`, and the new paths of each key, such as cohort.table.

    The `schema` marks paths by their unit. The name of a file is kept, and with {chromosome} also the folders
    that contain it. Paths within `INTERNAL` are kept. `owner` is the phenotype, whose files have their own folder.
    """
    paths: dict[str, list[str]] = {}
    replaced = dict(settings)

    def replace(path: str, key: str, *number: str) -> str:
        if path.startswith(INTERNAL):
            return path
        parts = Path(path).parts
        first = next((i for i, part in enumerate(parts) if "{chromosome}" in part), len(parts) - 1)
        place = [INPUTS, *([owner] if owner else []), key, *number, *parts[first:]]
        paths.setdefault(f"{key} ({owner})" if owner else key, []).append("/".join(place))
        return "/".join(place)

    for name, described in schema["properties"].items():
        value, unit, key = settings.get(name), described.get("x-unit"), f"{section}{name}"
        if isinstance(value, dict) and "properties" in described:
            replaced[name], found = replace_paths(value, described, owner, f"{key}.")
            paths |= found
        elif value and unit == "path":
            replaced[name] = replace(value, key)
        elif value and unit == "paths":
            replaced[name] = [replace(path, key, str(i)) for i, path in enumerate(value, start=1)]
    return replaced, paths


def make_configuration(
    config: Mapping[str, Any],
    settings: Mapping[str, Mapping[str, Any]],
    schemas: Mapping[str, Mapping[str, Any]],
) -> tuple[dict[str, str], dict[str, list[str]], bool]:
    """The configuration of a run without paths of its machine.

    `config` is the configuration; `settings` are those of all phenotypes by name, because all are in one split;
    `schemas` are those of both (config, phenotype). Returns the files (texts by path within the recipe), the new
    paths of each key, and whether the seed is included. It is not with differential privacy, because the
    guarantee holds only if the seed is secret.
    """
    shared, paths = replace_paths(config, schemas["config"])
    shared = copy.deepcopy(shared)
    shared["release"]["earlier"] = []
    del paths["phenotypes"]
    shared["phenotypes"] = [f"{FOLDER}/phenotypes/{name}.yaml" for name in settings]
    with_seed = all(one["differential_privacy"]["epsilon"] is None for one in settings.values())
    if not with_seed:
        del shared["seed"]
    files = {"config.yaml": _to_yaml(shared)}
    for name, one in settings.items():
        own, found = replace_paths(one["phenotype"], schemas["phenotype"], name)
        changed = {
            key: _changes(value, config[key])
            for key, value in one.items()
            if key != "phenotype" and value != config[key]
        }
        changed.get("release", {}).pop("earlier", None)
        sections, more = replace_paths(changed, schemas["config"], name)
        files[f"phenotypes/{name}.yaml"] = _to_yaml(own | sections)
        paths |= found | more
    return files, paths, with_seed


def _changes(value: Any, shared: Any) -> Any:
    """The keys of a section whose values differ from the shared ones."""
    if not isinstance(value, dict):
        return value
    return {key: item for key, item in value.items() if item != shared[key]}


def _to_yaml(settings: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True)


def expected_checksums(checksums: str) -> str:
    """The lines of the SHA256SUMS of a release for synthetic genotypes, phenotypes and variants.

    The other files contain run times and versions, which differ between runs.
    """
    lines = checksums.splitlines(keepends=True)
    return "".join(line for line in lines if line.split()[1] in _DATA)


def render_readme(
    templates: Mapping[str, str],
    phenotypes: Sequence[str],
    paths: Mapping[str, Sequence[str]],
    with_seed: bool,
    software: Sequence[tuple[str, str]],
) -> str:
    """The README.md of the recipe.

    `phenotypes` are those with a generator; `software` are names and versions (`describe_software`).
    """
    return (
        make_environment(templates, html=False)
        .get_template("recipe.md.jinja")
        .render(
            folder=FOLDER,
            phenotypes=phenotypes,
            paths=paths,
            lists=[key for key in LISTS if key in paths],
            with_seed=with_seed,
            software=dict(software),
        )
    )
