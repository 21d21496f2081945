"""The shipped configuration is accepted, and slips are refused in one sentence."""

import copy
import re
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from jsonschema import Draft202012Validator
from snakemake.exceptions import WorkflowError

ROOT = Path(__file__).parents[2]
RULES = ROOT / "workflow" / "rules"
SHIPPED = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
EXAMPLE = yaml.safe_load((ROOT / "config" / "examples" / "ukb" / "config.yaml").read_text())


def load_settings(config):
    """The functions of settings.smk that read and check settings, with `config` in the place of ours."""
    text = (RULES / "settings.smk").read_text()
    functions = text[: text.index("\ncheck_against_schema(config")]
    workflow = SimpleNamespace(
        current_basedir=RULES,
        source_path=lambda path: RULES / path,
        configfiles=["config/config.yaml"],
        overwrite_configfiles=[],
        config_settings=SimpleNamespace(config={}),
    )
    names = {"config": config, "workflow": workflow}
    exec(compile(functions, "settings.smk", "exec"), names)  # noqa: S102 - our own file
    return names


def check(config):
    """Check a configuration and its phenotypes as the workflow does; their merged settings."""
    settings = load_settings(config)
    settings["check_against_schema"](config, "../schemas/config.schema.yaml", "config.yaml")
    return [settings["load_phenotype"](file) for file in config["phenotypes"]]


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
    """Write a phenotype's file; the configuration that names it."""

    def write(name="height", **keys):
        file = tmp_path / f"{name}.yaml"
        file.write_text(yaml.safe_dump({"column": "trait", "coding": "0/1"} | keys))
        return changed("phenotypes", [str(file)])

    return write


def test_demo_is_accepted_and_overrides_the_panel():
    (settings,) = check(SHIPPED)
    assert SHIPPED["panel"]["size"] != 128
    assert settings["panel"] == SHIPPED["panel"] | {"size": 128}
    assert settings["phenotype"]["column"] == "trait"


def test_an_override_stands_in_its_section_alone(phenotype):
    """So that a larger panel does not rerun what reads the phenotype: its check, the split, the GWAS."""
    plain, larger = (check(phenotype(**keys))[0] for keys in ({}, {"panel": {"size": 9}}))
    assert larger["panel"]["size"] == 9
    assert larger["phenotype"] == plain["phenotype"]


def test_ukb_example_is_accepted_over_the_shipped_config():
    config = load_settings({})["merge"](SHIPPED, EXAMPLE)
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


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("modle", {}, "top level: unknown key 'modle'"),
        ("vae/step", 3, "vae: unknown key 'step'. Allowed keys: block_size, "),
        ("vae/steps", "many", "vae.steps: 'many' is not of type 'integer', 'null'"),
        ("vae/steps", 0, "vae.steps: 0 is less than the minimum of 1"),
        ("panel/clump_r2", 1.5, "panel.clump_r2: 1.5 is greater than the maximum of 1"),
        ("cohort/build", "hg19", "cohort.build: 'hg19' is not one of"),
        ("cohort/chromosomes", 22, "cohort.chromosomes: 22 is not of type 'string'"),
        ("cohort/chromosomes", "1-8,X", "cohort.chromosomes: '1-8,X' does not match"),
        ("calibration/scales", [], "calibration.scales: \\[\\] should be non-empty"),
        ("calibration/max_forecast_auc", 0.5, "calibration.max_forecast_auc: 0.5 is less than or"),
        ("calibration/noise", -1, "calibration.noise: -1 is less than the minimum of 0"),
        (
            "evaluation/shadow_models",
            2,
            "evaluation.shadow_models: 2 is less than the minimum of 4",
        ),
        ("evaluation/shadow_models", 5, "evaluation.shadow_models: 5 is not a multiple of 2"),
        ("baselines", ["wgan"], "baselines.0: 'wgan' is not one of"),
        ("phenotypes", ["config/phenotypes/Type 1.yaml"], "phenotypes.0"),
        ("phenotypes", ["config/phenotypes/cohort.yaml"], "phenotypes.0"),
    ],
)
def test_slip_is_refused(path, value, sentence):
    with pytest.raises(WorkflowError, match=f"^config.yaml, {sentence}") as refusal:
        check(changed(path, value))
    assert "\n" not in str(refusal.value)


def test_shadow_models_are_none_or_an_even_number_of_four_or_more():
    for number in (0, 4, 16):
        check(changed("evaluation/shadow_models", number))


def test_missing_key_is_refused():
    config = copy.deepcopy(SHIPPED)
    del config["sampling"]["steps"]
    with pytest.raises(WorkflowError, match="sampling: 'steps' is a required property"):
        check(config)


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"covariate": ["sex"]}, "top level: unknown key 'covariate'. Allowed keys: column, "),
        ({"coding": "case/control"}, "coding: 'case/control' is not one of"),
        ({"coding": "quantitative"}, "coding: quantitative needs a threshold"),
        ({"threshold": 2.5}, "threshold: it goes with coding quantitative alone"),
        ({"coding": "quantitative", "threshold": "high"}, "threshold: 'high' is not of type"),
        ({"coding": "classes"}, "coding: classes needs classes, a list of their names"),
        ({"classes": ["no", "yes"]}, "classes: they go with coding classes alone"),
        ({"coding": "classes", "classes": ["all"]}, "classes: \\['all'\\] is too short"),
        ({"coding": "classes", "classes": ["0", 1]}, "classes.1: 1 is not of type 'string'"),
        ({"coding": "classes", "classes": ["a|b", "c"]}, "classes.0: 'a\\|b' does not match"),
        (
            {"conditions": {"sexes": True}},
            "conditions: unknown key 'sexes'. Allowed keys: sex, group ",
        ),
        ({"covariates": ["age", "value"]}, "covariates: value is a name of SNPgen's own"),
        (
            {"covariates": ["age", "PC2", "PC1"], "pcs": {"count": 2}},
            "covariates: PC1, PC2 is a name of the components that pcs.count 2 computes: set",
        ),
        ({"panel": {"sise": 10}}, "panel: unknown key 'sise'. Allowed keys: size, "),
        ({"panel": {"size": -1}}, "panel.size: -1 is less than the minimum of 2"),
        ({"split": {"train": 0.9}}, "split: train, validation and test sum to 1.2, not to 1"),
        ({"categorical": ["centre"]}, "categorical: centre must stand among the covariates"),
        (
            {"panel": {"sumstats": "their.tsv", "sumstats_build": "GRCh37"}},
            "panel: sumstats are on GRCh37 and the cohort is on GRCh38: lift the file over",
        ),
    ],
)
def test_slip_in_a_phenotype_names_its_file(phenotype, keys, sentence):
    with pytest.raises(WorkflowError, match=f"height.yaml, {sentence}"):
        check(phenotype(**keys))


def test_slip_in_a_shared_section_names_the_shared_file(phenotype):
    config = phenotype()
    config["split"] = config["split"] | {"train": 0.9}
    with pytest.raises(WorkflowError, match="^config/config.yaml, split: train, validation"):
        check(config)


def test_quantitative_phenotype_is_accepted(phenotype):
    (settings,) = check(phenotype(coding="quantitative", threshold=0))
    assert settings["phenotype"]["threshold"] == 0


def test_components_of_a_table_are_accepted_where_none_are_computed(phenotype):
    (settings,) = check(phenotype(covariates=["PC1", "PC2"], pcs={"count": 0}))
    assert settings["phenotype"]["covariates"] == ["PC1", "PC2"]
    check(phenotype(covariates=["PC3"], pcs={"count": 2}))


def test_classes_and_conditions_are_accepted(phenotype):
    own = {
        "coding": "classes",
        "classes": ["none", "mild", "1"],
        "conditions": {"group": "ancestry"},
    }
    (settings,) = check(phenotype(**own))
    assert settings["phenotype"]["classes"] == ["none", "mild", "1"]
    assert settings["conditions"] == {"sex": False, "group": "ancestry"}


def test_two_phenotypes_of_one_name_are_refused(phenotype):
    config = phenotype(name="demo")
    config["phenotypes"] += SHIPPED["phenotypes"]
    with pytest.raises(WorkflowError, match="another phenotype"):
        check(config)


@pytest.mark.parametrize("name", ["config", "phenotype"])
def test_every_object_is_closed_and_every_key_described(name):
    schema = yaml.safe_load((ROOT / "workflow" / "schemas" / f"{name}.schema.yaml").read_text())
    Draft202012Validator.check_schema(schema)

    def walk(node, path):
        node = node if "$ref" not in node else schema["$defs"][node["$ref"].rpartition("/")[2]]
        assert node.get("description"), f"{path} has no description"
        assert "default" not in node, f"{path} has a default"
        if "properties" in node:
            assert node["additionalProperties"] is False, f"{path} takes any key"
            for key, child in node["properties"].items():
                walk(child, f"{path}/{key}")

    walk(schema, name)


def test_slurm_profile_sends_all_gpu_rules_and_no_other_to_the_gpu_partition():
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


def test_the_report_tells_the_command_that_lays_the_same_files_over_ours():
    settings = load_settings(SHIPPED)
    assert settings["commands"]() == ["snakemake --cores all"]
    workflow = settings["workflow"]
    workflow.configfiles = [ROOT / "mine.yaml", "config/config.yaml"]  # in Snakemake's order
    workflow.overwrite_configfiles = [ROOT / "mine.yaml", "/data/more.yaml"]
    workflow.config_settings.config = {"seed": 5, "phenotypes": ["a.yaml", "b.yaml"]}
    (command,) = settings["commands"]()
    assert shlex.split(command) == [
        *("snakemake", "--cores", "all", "--configfile", "mine.yaml", "/data/more.yaml"),
        *("--config", "seed=5", "phenotypes=[a.yaml, b.yaml]"),
    ]
