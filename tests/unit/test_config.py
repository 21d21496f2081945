"""The shipped configurations are accepted, and are merged and laid out as documented."""

import copy
import re
import shlex
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from snpgen.config import Sources, expand_chromosomes, load_settings, merge, repeat_command
from snpgen.messages import Code, InputError

ROOT = Path(__file__).parents[2]
RULES = ROOT / "workflow" / "rules"
CONFIG = "config/config.yaml"
SHIPPED = yaml.safe_load((ROOT / CONFIG).read_text())
EXAMPLE = yaml.safe_load((ROOT / "config" / "examples" / "ukb" / "config.yaml").read_text())


def check(config):
    """Check a configuration and its phenotypes as the workflow does; their settings, in order."""
    return list(load_settings(config, Sources((CONFIG,), {})).values())


def changed(path, value):
    """The shipped configuration with the setting at "section/key" changed."""
    config = copy.deepcopy(SHIPPED)
    *sections, key = path.split("/")
    place = config
    for section in sections:
        place = place[section]
    place[key] = value
    return config


@pytest.fixture(autouse=True)
def _in_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture
def phenotype(tmp_path):
    """Write the file of a phenotype; the configuration that names it."""

    def write(name="height", **keys):
        file = tmp_path / f"{name}.yaml"
        file.write_text(yaml.safe_dump({"column": "trait", "coding": "0/1"} | keys))
        return changed("phenotypes", [str(file)])

    return write


def test_demo_is_accepted_and_overrides_the_panel():
    settings = load_settings(SHIPPED, Sources((CONFIG,), {}))["demo"]
    assert SHIPPED["panel"]["size"] is None
    assert settings["panel"] == SHIPPED["panel"] | {"size": 256}
    assert settings["phenotype"]["column"] == "trait"


def test_an_override_changes_only_its_section(phenotype):
    """A larger panel must not rerun what reads the phenotype: its check, the split, the GWAS."""
    plain, larger = (check(phenotype(**keys))[0] for keys in ({}, {"panel": {"size": 9}}))
    assert larger["panel"]["size"] == 9
    assert larger["phenotype"] == plain["phenotype"]


def test_ukb_example_is_accepted_over_the_shipped_config():
    config = merge(SHIPPED, EXAMPLE)
    settings = {one["phenotype"]["column"]: one for one in check(config)}
    assert len(settings) == 4
    assert all(one["panel"]["size"] == 2048 for one in settings.values())
    women_only = [name for name, one in settings.items() if "include" in one["phenotype"]]
    assert len(women_only) == 1
    assert "sex" not in settings[women_only[0]]["phenotype"]["covariates"]


def test_other_phenotypes_of_the_demo_are_accepted():
    files = sorted((ROOT / "config" / "examples" / "demo").glob("*.yaml"))
    biomarker, severity = check(changed("phenotypes", [str(file) for file in files]))
    assert biomarker["phenotype"]["coding"] == "quantitative"
    assert severity["conditions"] == {"sex": True, "group": "centre"}


@pytest.mark.parametrize("number", [0, 4, 16])
def test_no_shadow_models_or_an_even_number_from_four_are_accepted(number):
    check(changed("evaluation/shadow_models", number))


def test_quantitative_phenotype_is_accepted(phenotype):
    (settings,) = check(phenotype(coding="quantitative", threshold=0))
    assert settings["phenotype"]["threshold"] == 0


def test_components_among_the_covariates_are_accepted_if_they_are_not_computed(phenotype):
    config = phenotype(covariates=["PC1", "PC2"])
    config["pcs"]["count"] = 0
    (settings,) = check(config)
    assert settings["phenotype"]["covariates"] == ["PC1", "PC2"]
    config = phenotype(covariates=["PC3"])
    config["pcs"]["count"] = 2
    check(config)


def test_classes_and_conditions_are_accepted(phenotype):
    own = {
        "coding": "classes",
        "classes": ["none", "mild", "1"],
        "conditions": {"group": "ancestry"},
    }
    (settings,) = check(phenotype(**own))
    assert settings["phenotype"]["classes"] == ["none", "mild", "1"]
    assert settings["conditions"] == {"sex": False, "group": "ancestry"}


def test_paths_are_expanded(phenotype, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("DATA", str(tmp_path))
    config = phenotype(table="${DATA}/p.tsv", scoring_files=["~/s.txt"])
    config["split"]["file"] = "$DATA/x~.tsv"
    config["cohort"] |= {"genotypes": "~/chr{chromosome}", "kinship": "$DATA/k"}
    config["release"]["earlier"] = [
        {"checksums": "~/SHA256SUMS", "train": "$DATA/keep.txt", "frequencies": "$DATA/all.txt"}
    ]
    config["phenotypes"] = [f"$DATA/{Path(config['phenotypes'][0]).name}"]
    (settings,) = check(config)
    assert config["cohort"]["genotypes"] == "/home/me/chr{chromosome}"
    assert settings["cohort"]["kinship"] == f"{tmp_path}/k"
    assert settings["phenotype"]["table"] == f"{tmp_path}/p.tsv"
    assert settings["phenotype"]["scoring_files"] == ["/home/me/s.txt"]
    assert settings["split"]["file"] == f"{tmp_path}/x~.tsv"
    files = {"checksums": "/home/me/SHA256SUMS", "train": f"{tmp_path}/keep.txt"}
    files |= {"frequencies": f"{tmp_path}/all.txt"}
    assert settings["release"]["earlier"] == [files]


def test_variables_that_are_not_set_are_refused(monkeypatch):
    monkeypatch.delenv("NOWHERE", raising=False)
    with pytest.raises(InputError) as error:
        check(changed("cohort/info", "$NOWHERE/info"))
    assert (error.value.code, error.value.key) == (Code.INVALID_SETTING, "cohort.info")
    assert "$NOWHERE" in error.value.what


def test_chromosomes_are_expanded():
    assert expand_chromosomes("1,3,5-7", "GRCh38") == ["1", "3", "5", "6", "7"]
    assert len(expand_chromosomes("1-22", "GRCh37")) == 22
    assert expand_chromosomes("1-2,29", "other") == ["1", "2", "29"]  # of cattle


def test_the_source_of_a_value_is_the_last_that_has_it(tmp_path):
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text("split: {train: 0.7, test: 0.2}\nphenotypes: [a.yaml]\n")
    second.write_text("split: {train: 0.8}\n")
    sources = Sources((str(first), str(second)), {"seed": 1})
    assert sources.find(["split", "train"]) == str(second)
    assert sources.find(["split", "test"]) == str(first)
    assert sources.find(["phenotypes", 0]) == str(first)
    assert sources.find(["seed"]) == "--config"
    assert sources.find(["vae"]) == f"{first}, {second}"


@pytest.mark.parametrize("name", ["config", "phenotype"])
def test_every_object_is_closed_and_every_key_described(name):
    schema = yaml.safe_load((ROOT / "workflow" / "schemas" / f"{name}.schema.yaml").read_text())
    Draft202012Validator.check_schema(schema)

    def walk(node, path):
        node = node if "$ref" not in node else schema["$defs"][node["$ref"].rpartition("/")[2]]
        assert node.get("description"), f"{path} has no description"
        assert "default" not in node, f"{path} has a default"
        if "pattern" in node.get("items", {}):
            assert node["items"].get("description"), f"{path}: the pattern is not described"
        if "properties" in node:
            assert node["additionalProperties"] is False, f"{path} accepts any key"
            for key, child in node["properties"].items():
                walk(child, f"{path}/{key}")

    walk(schema, name)


def test_slurm_profile_sends_exactly_the_gpu_rules_to_the_gpu_partition():
    text = "".join(file.read_text() for file in sorted(RULES.glob("*.smk")))
    rules = dict(
        re.findall(r"^rule (\w+):\n(.*?)(?=^rule |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    )
    profile = yaml.safe_load((ROOT / "workflow/profiles/slurm/config.yaml").read_text())
    gpu_rules = {name for name, body in rules.items() if "gpu=1" in body}
    sent = {name: one.get("slurm_partition") for name, one in profile["set-resources"].items()}
    assert sent == dict.fromkeys(gpu_rules, "gpu")
    warned = {name for name, one in profile["set-resources"].items() if "slurm_extra" in one}
    assert warned == {name for name, body in rules.items() if "train_" in name}
    assert set(profile["groups"]) <= set(rules)
    assert set(profile["group-components"]) <= set(profile["groups"].values())
    assert "retries:" not in text  # on SLURM these would run in the allocation that was too small


def test_the_command_in_the_report_repeats_files_and_keys():
    assert repeat_command([], {}) == "snakemake --cores all"
    keys = {"seed": 5, "phenotypes": ["a.yaml", "b.yaml"]}
    command = repeat_command([ROOT / "mine.yaml", "/data/more.yaml"], keys)
    assert shlex.split(command) == [
        *("snakemake", "--cores", "all", "--configfile", "mine.yaml", "/data/more.yaml"),
        *("--config", "seed=5", "phenotypes=[a.yaml, b.yaml]"),
    ]
