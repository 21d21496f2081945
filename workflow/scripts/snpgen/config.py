"""The configuration: its files are read, checked and converted to the settings of each phenotype."""

import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError, best_match

from snpgen.baselines.registry import BASELINES
from snpgen.conflicts import find_conflicts
from snpgen.input_files import check_file
from snpgen.messages import Code, InputError

SCHEMAS = Path(__file__).parents[2] / "schemas"
AUTOSOMES = 22  # of humans

Settings = dict[str, Any]


@dataclass(frozen=True)
class Sources:
    """The sources of the configuration.

    `files` are merged in this order; values of later files replace values of earlier files. `command_line`
    holds the keys of --config, which override all files.
    """

    files: tuple[str, ...]
    command_line: Settings

    def find(self, keys: Sequence[str | int]) -> str:
        """Name the source that sets the value at `keys`; name all files if no source has these keys."""
        contents = {file: read_yaml(file) for file in self.files} | {"--config": self.command_line}
        names = [name for name, settings in contents.items() if _has(settings, keys)]
        return names[-1] if names else ", ".join(self.files) or "the configuration"


def load_settings(config: Settings, sources: Sources) -> dict[str, Settings]:
    """Check the merged configuration `config`, and return the settings of each phenotype by its name.

    In paths, also those of `config`, a leading ~ and environment variables are expanded.
    The settings of a phenotype are the shared settings, overridden by the settings in its file. Keys that are
    allowed only in the file of a phenotype are in the section `phenotype`. Raises `InputError`.
    """
    for file in sources.files:
        read_yaml(file)  # raises on duplicate keys, which Snakemake accepts
    _check_schema(config, read_schema("config"), sources.find)
    _expand_paths(config, read_schema("config"), sources.find)
    return {
        Path(file).stem: _load_phenotype(file, config, sources) for file in config["phenotypes"]
    }


def _load_phenotype(file: str, config: Settings, sources: Sources) -> Settings:
    check_file(file, "phenotypes")
    own = read_yaml(file)
    _check_schema(own, read_schema("phenotype"), lambda keys: file)
    for name in ("config", "phenotype"):
        _expand_paths(own, read_schema(name), lambda keys: file)
    shared = {key: value for key, value in config.items() if key != "phenotypes"}
    settings = merge(shared, {key: own[key] for key in own if key in shared})
    _check_schema(settings | {"phenotypes": [file]}, read_schema("config"), lambda keys: file)
    _check_relations(settings, own, file, config, sources)
    # Overrides are not repeated here, because rules find them in the sections that they override.
    return settings | {"phenotype": {key: own[key] for key in own if key not in shared}}


def forecast_limit(settings: Settings) -> float | None:
    """The limit on the forecast AUC of membership inference, for the settings of a phenotype.

    None if it does not apply: for an external cohort, with differential privacy, and if the effects of the
    training individuals are released as they are.
    """
    is_private = settings["differential_privacy"]["epsilon"] is not None
    if (
        settings["external_cohort"]
        or is_private
        or settings["calibration"].get("effects") == "training"
    ):
        return None
    limit: float = settings["calibration"]["max_forecast_auc"]
    return limit


@cache  # reading YAML takes most of the time of loading the settings
def read_schema(name: str) -> Settings:
    """Return a JSON schema: `config` for the configuration, or `phenotype` for the file of a phenotype."""
    schema: Settings = yaml.safe_load((SCHEMAS / f"{name}.schema.yaml").read_text())
    if name == "config":
        schema["properties"]["baselines"]["items"]["enum"] = list(BASELINES)
    return schema


class _StrictLoader(yaml.SafeLoader):
    """YAML loader that rejects duplicate keys. PyYAML would use the last value."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                raise InputError(
                    Code.DUPLICATE_KEY,
                    f"the key '{name}' occurs twice",
                    "Delete one of the two",
                    file=node.start_mark.name,
                    line=key.start_mark.line + 1,
                    key=name,
                )
            seen.add(name)
        return super().construct_mapping(node, deep)


def read_yaml(file: str | Path) -> Settings:
    """Read a configuration file strictly; raises `InputError` with the line of the fault."""
    try:
        loader = _StrictLoader(Path(file).read_text(encoding="utf-8-sig"))
        loader.name = str(file)  # the place in error messages
        settings = loader.get_single_data()
    except UnicodeDecodeError:
        raise InputError(
            Code.NOT_UTF8, "the file is not UTF-8 text", "Save it as UTF-8", file=file
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise InputError(
            Code.INVALID_YAML,
            getattr(error, "problem", None) or "the file is not valid YAML",
            "Indent with spaces, and write key: value",
            file=file,
            line=mark.line + 1 if mark else None,
        ) from None
    if not isinstance(settings, dict):
        raise InputError(
            Code.INVALID_YAML,
            "the file contains no settings",
            "Write lines of the form key: value",
            file=file,
        )
    return settings


def _has(settings: Any, keys: Sequence[str | int]) -> bool:
    """Whether `settings`, nested mappings and lists, have a value at `keys`."""
    try:
        for key in keys:
            settings = settings[key]
    except (KeyError, IndexError, TypeError):
        return False
    return True


def merge(shared: Any, own: Any) -> Any:
    """Return `shared` overridden by `own`. Mappings are merged key by key, as Snakemake merges config files."""
    if not (isinstance(shared, dict) and isinstance(own, dict)):
        return own
    return {key: merge(shared.get(key), own.get(key, shared.get(key))) for key in shared | own}


# JSON Schema accepts 10.0 as an integer, but messages would show it as it was written.
_Validator = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


def _check_schema(
    settings: Settings, schema: Settings, find: Callable[[Sequence[str | int]], str]
) -> None:
    """Raise `InputError` unless the schema accepts the settings; `find` names the source of a key."""
    error = best_match(_Validator(schema).iter_errors(settings))
    if error is None:
        return
    path = list(error.absolute_path)
    if error.validator == "additionalProperties":
        unknown = [key for key in error.instance if key not in error.schema["properties"]]
        path.append(unknown[0])
        code, what = Code.UNKNOWN_KEY, "the key is unknown"
        remedy = "Correct or delete it; config/README.md lists the keys"
        if len(path) == 1 and unknown[0] in read_schema("config")["properties"]:
            what = f"all phenotypes of a run have the same '{unknown[0]}'"
            remedy = "Move it to the file that lists the phenotypes"
        file = find(path)
    else:
        code, file = Code.INVALID_SETTING, find(path)
        what, remedy = _describe(error)
        if error.validator == "required":
            path += [key for key in error.validator_value if key not in error.instance][:1]
    raise InputError(code, what, remedy, file=file, key=".".join(map(str, path)))


def _expand_paths(
    settings: Settings,
    schema: Settings,
    find: Callable[[Sequence[str | int]], str],
    above: tuple[str, ...] = (),
) -> None:
    """Expand ~ and environment variables in the paths of `settings`, in place.

    `schema` marks paths by their unit; `above` are the keys of `settings`. Raises `InputError` if a variable
    is not set.
    """
    for key, described in schema["properties"].items():
        value, unit, keys = settings.get(key), described.get("x-unit"), (*above, key)
        if isinstance(value, dict) and "properties" in described:
            _expand_paths(value, described, find, keys)
        elif value and "properties" in described.get("items", {}):
            for number, one in enumerate(value):
                _expand_paths(one, described["items"], find, (*keys, str(number)))
        elif value and unit == "path":
            settings[key] = _expand_path(value, keys, find)
        elif value and unit == "paths":
            settings[key] = [_expand_path(path, keys, find) for path in value]


def _expand_path(
    path: str, keys: tuple[str, ...], find: Callable[[Sequence[str | int]], str]
) -> str:
    if path.startswith("~/"):
        path = f"{Path.home()}/{path[2:]}"
    path = os.path.expandvars(path)
    unset = re.search(r"\$\w+|\$\{\w+\}", path)
    if unset:
        raise InputError(
            Code.INVALID_SETTING,
            f"the environment variable {unset[0]} is not set",
            "Set it, or write the path without it",
            file=find(keys),
            key=".".join(keys),
        )
    return path


def _describe(error: ValidationError) -> tuple[str, str]:
    """The fault and the remedy for an error of the schema."""
    if error.validator == "required":
        return "the key is missing", "Add it; config/README.md describes its type and range"
    if error.validator == "pattern":
        return f"{error.instance!r} is not allowed", error.schema["description"]
    return error.message, "Correct it; config/README.md describes its type and range"


def _check_relations(
    settings: Settings, own: Settings, file: str, config: Settings, sources: Sources
) -> None:
    """Raise `InputError` on contradictions between settings, which a schema cannot detect."""
    names = [Path(other).stem for other in config["phenotypes"]]
    if names.count(Path(file).stem) > 1:
        raise InputError(
            Code.CONFLICTING_SETTINGS,
            "another file in 'phenotypes' has the same name",
            "Rename the file",
            file=file,
        )
    for key, what, remedy in find_conflicts(settings, own):
        section = key.partition(".")[0]
        is_shared = section in config and section not in own
        place = sources.find([section]) if is_shared else file
        raise InputError(Code.CONFLICTING_SETTINGS, what, remedy, file=place, key=key)


def expand_chromosomes(text: str, build: str) -> list[str]:
    """Return the chromosomes of a list such as "1-22" or "1,3,5-7".

    Human builds have 22 autosomes; with build `other`, any number of 1 or more is accepted. Raises
    `InputError` for other numbers, descending ranges and duplicates.
    """
    names: list[str] = []
    for part in text.split(","):
        start, _, end = part.partition("-")
        first, last = int(start), int(end or start)
        if first > last:
            raise _wrong_chromosomes(f"{part} is in descending order", f"Write {last}-{first}")
        names += map(str, range(first, last + 1))
    largest = AUTOSOMES if build != "other" else max(map(int, names))
    for name in names:
        if not 1 <= int(name) <= largest:
            raise _wrong_chromosomes(f"{name} is not an autosome", f"Choose from 1 to {AUTOSOMES}")
        if names.count(name) > 1:
            raise _wrong_chromosomes(f"{name} occurs twice", "Delete one of the two")
    return names


def _wrong_chromosomes(what: str, remedy: str) -> InputError:
    return InputError(Code.INVALID_SETTING, what, remedy, key="cohort.chromosomes")


def repeat_command(files: Sequence[str | Path], command_line: Mapping[str, Any]) -> str:
    """Return the command that runs the workflow with `files` as --configfile and `command_line` as --config."""
    here = Path.cwd()
    paths = [Path(file) for file in files]
    names = [str(path.relative_to(here) if path.is_relative_to(here) else path) for path in paths]
    words = ["snakemake", "--cores", "all"]
    if names:
        words += ["--configfile", *names]
    if command_line:
        words += ["--config", *(f"{key}={_flow(value)}" for key, value in command_line.items())]
    return shlex.join(words)


def _flow(value: Any) -> str:
    """A value as YAML on one line."""
    return yaml.safe_dump(value, default_flow_style=True).removesuffix("...\n").strip()
