"""The configuration: read, checked, and laid out in `SETTINGS`, those of each phenotype."""

import os
import shlex
import sys
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(Path(workflow.current_basedir).parent / "scripts"))
from snpgen.io.files import find_fault
from snpgen.messages import InputError

N_AUTOSOMES = 22  # of people
SECRET_SEED = 10**12  # a smaller one is soon guessed


def explain(error):
    """Describe in one sentence what the schema does not allow."""
    if error.validator == "additionalProperties":
        allowed = ", ".join(error.schema["properties"])
        return f"unknown key '{unknown_keys(error)[0]}'. Allowed keys: {allowed}"
    if error.validator == "pattern":
        return f"{error.message}: {error.schema.get('description', 'correct it')}"
    if (
        error.validator == "type"
        and "number" in error.validator_value
        and is_number(error.instance)
    ):
        return f"{error.message}. YAML reads numbers in quotes, and 5e-8, as text: write 5.0e-8"
    return error.message


def unknown_keys(error):
    """Those that the schema does not know, if this is the error."""
    if error.validator != "additionalProperties":
        return []
    return [key for key in error.instance if key not in error.schema["properties"]]


def is_number(value):
    """Whether `value` is text that Python, unlike YAML, reads as a number."""
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return isinstance(value, str)


def load_yaml(file):
    """The settings in a file; a fault in it is told in one sentence."""
    try:
        settings = yaml.load(Path(file).read_text(encoding="utf-8-sig"), StrictLoader)
    except UnicodeDecodeError:
        raise WorkflowError(f"{file} is not UTF-8 text: save it as UTF-8")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or "it is not YAML"
        if not isinstance(error, yaml.constructor.ConstructorError):
            what = f"{what}: indent with spaces, and write 'key: value'"
        raise WorkflowError(f"{file}{where}: {what}")
    if not isinstance(settings, dict):
        raise WorkflowError(f"{file} holds no settings: write 'key: value' lines")
    return settings


class StrictLoader(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML would take the last."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"{name} stands twice: take one out", problem_mark=key.start_mark
                )
            seen.add(name)
        return super().construct_mapping(node, deep)


def find_file(keys):
    """The file of settings that the value at `keys` is from: the last that has it, or all of them."""
    over = workflow.overwrite_configfiles  # those of the command line, which Snakemake lists first
    files = sorted(workflow.configfiles, key=lambda file: file in over)
    laid = {str(file): load_yaml(file) for file in files}
    laid["--config"] = workflow.config_settings.config
    having = [file for file, settings in laid.items() if has(settings, keys)]
    return having[-1] if having else ", ".join(map(str, files)) or "the configuration"


def has(settings, keys):
    """Whether there is a value at these keys, one inside the other."""
    try:
        for key in keys:
            settings = settings[key]
    except (KeyError, IndexError, TypeError):
        return False
    return True


def check_against_schema(settings, schema, file=None):
    """Refuse settings, of `file` or of the configuration, that the schema does not allow, in one sentence."""
    schema = yaml.safe_load(Path(workflow.source_path(schema)).read_text())
    error = best_match(Draft202012Validator(schema).iter_errors(settings))
    if error:
        where = ".".join(map(str, error.absolute_path)) or "top level"
        file = file or find_file([*error.absolute_path, *unknown_keys(error)[:1]])
        raise WorkflowError(f"{file}, {where}: {explain(error)} (see config/README.md)")


def check_relations(settings, own, file):
    """Refuse, in one sentence, what a schema cannot say: relations between settings."""
    split = settings["split"]
    shares = [split["train"], split["validation"], split["test"]]
    names = [Path(other).stem for other in config["phenotypes"]]
    unknown = sorted(set(own.get("categorical", [])) - set(own.get("covariates", [])))
    panel, build = settings["panel"], settings["cohort"]["build"]
    coding, threshold, classes = own["coding"], "threshold" in own, "classes" in own
    private = settings["differential_privacy"]["epsilon"] is not None
    column = {own["column"]} & set(own.get("covariates", []))
    reserved = {"FID", "IID", "phenotype", "split", "value", "class", "sex_code", "group"}
    ours = sorted(reserved & set(own.get("covariates", [])))
    count = settings["pcs"]["count"]
    components = {f"PC{number}" for number in range(1, count + 1)}
    scores = sorted(components & set(own.get("covariates", [])))
    wrong = {
        f"split: train, validation and test sum to {sum(shares):g}, not to 1": (
            abs(sum(shares) - 1) > 1e-6
        ),
        f"categorical: {', '.join(unknown)} must stand among the covariates, too": unknown,
        f"covariates: {own['column']} is the phenotype itself: leave it out": column,
        f"covariates: {', '.join(ours)} is a name of SNPgen's own: rename the column": ours,
        f"covariates: {', '.join(scores)} is a name of the components that pcs.count {count} computes: "
        "set pcs.count to 0, or rename the column": scores,
        "coding: quantitative needs a threshold, the value from which a person counts as a case": (
            coding == "quantitative" and not threshold
        ),
        "threshold: it goes with coding quantitative alone: leave it out, or correct coding": (
            threshold and coding != "quantitative"
        ),
        "coding: classes needs classes, a list of their names with the reference first": (
            coding == "classes" and not classes
        ),
        "classes: they go with coding classes alone: leave them out, or correct coding": (
            classes and coding != "classes"
        ),
        f"panel: sumstats are on {panel['sumstats_build']} and the cohort is on {build}: lift the "
        "file over to the cohort's build": (panel["sumstats"] and panel["sumstats_build"] != build),
        "calibration: noise goes not with differential_privacy, which puts its own: write null": (
            private and settings["calibration"]["noise"] is not None
        ),
        "seed: with differential_privacy it keeps the noise secret: take one that nobody guesses, "
        "such as python -c 'import secrets; print(secrets.randbits(62))' prints": (
            private and settings["seed"] < SECRET_SEED
        ),
        "its name is that of another phenotype: rename the file": (
            names.count(Path(file).stem) > 1
        ),
    }
    for sentence, is_wrong in wrong.items():
        if is_wrong:
            section = sentence.partition(":")[0]
            shared = section in config and section not in own
            raise WorkflowError(f"{find_file([section]) if shared else file}, {sentence}")


def merge(shared, own):
    """`shared` with the keys of `own` put over it, mapping by mapping."""
    both = isinstance(shared, dict) and isinstance(own, dict)
    return (
        {key: merge(shared.get(key), own.get(key, shared.get(key))) for key in shared | own}
        if both
        else own
    )


def check_file(key, file):
    """Refuse a file, which `key` of the configuration names, that cannot be read."""
    fault = find_fault(file)
    if fault:
        code, what = fault
        if not Path(file).is_absolute() and not Path(file).exists():
            what += f"; relative paths start at {Path.cwd()}"
        raise WorkflowError(str(InputError(code, what, f"Correct '{key}'", file=file, key=key)))


def expand_chromosomes(text, build):
    """Chromosome names of "1-22", "1,3,5-7"; X, Y and MT (23 and on) of people are refused."""
    names = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        first, last = int(first), int(last or first)
        if first > last:
            raise WorkflowError(f"cohort.chromosomes: {part} runs backwards: write {last}-{first}")
        names += map(str, range(first, last + 1))
    numbers = [int(name) for name in names]
    other = [number for number in numbers if number < 1 or number > N_AUTOSOMES]
    if other and (build != "other" or 0 in other):
        raise WorkflowError(
            f"cohort.chromosomes: {other[0]} is not an autosome: SNPgen takes 1 to {N_AUTOSOMES}"
        )
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise WorkflowError(f"cohort.chromosomes: {twice[0]} stands twice: take it out once")
    return names


def load_phenotype(file):
    """The shared settings with those of one phenotype's file over them."""
    check_file("phenotypes", file)
    own = load_yaml(file)
    check_against_schema(own, "../schemas/phenotype.schema.yaml", file)
    shared = {key: value for key, value in config.items() if key != "phenotypes"}
    settings = merge(shared, {key: own[key] for key in own if key in shared})
    check_against_schema(settings | {"phenotypes": [file]}, "../schemas/config.schema.yaml", file)
    check_relations(settings, own, file)
    alone = {key: own[key] for key in own if key not in shared}  # overrides rerun their own rules
    return settings | {"phenotype": alone}


def commands():
    """The command that makes the results anew from the same configuration, for the report."""
    here = Path.cwd()
    files = map(Path, workflow.overwrite_configfiles)  # laid over config.yaml, which goes unnamed
    files = [file.relative_to(here) if file.is_relative_to(here) else file for file in files]
    settings = {
        key: yaml.safe_dump(value, default_flow_style=True).removesuffix("...\n").strip()
        for key, value in workflow.config_settings.config.items()
    }
    words = ["snakemake", "--cores", "all"]
    words += ["--configfile", *map(str, files)] if files else []
    words += (
        ["--config", *(f"{key}={value}" for key, value in settings.items())] if settings else []
    )
    return [shlex.join(words)]


check_against_schema(config, "../schemas/config.schema.yaml")
for file in workflow.configfiles:
    load_yaml(file)  # whether a key stands twice
SETTINGS = {Path(file).stem: load_phenotype(file) for file in config["phenotypes"]}
