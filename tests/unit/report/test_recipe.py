"""The recipe: its configuration is accepted, and it has no individual-level data and no paths of the machine."""

import copy
import hashlib

import pytest
import yaml
from example_results import REAL_IDS, ROOT, TEMPLATES, make_results, read_example
from jsonschema import Draft202012Validator
from test_config import SHIPPED

from snpgen.config import Sources, load_settings, merge, read_schema
from snpgen.messages import Code, InputError
from snpgen.report.recipe import (
    expected_checksums,
    make_configuration,
    render_readme,
    replace_paths,
)
from snpgen.report.release import format_variants, write_folder

SCHEMAS = {name: read_schema(name) for name in ("config", "phenotype")}
SOFTWARE = [("SNPgen", "0.1.0"), ("SNPgen's code, SHA-256", "0123456789abcdef")]
OWN = {
    "column": "cad",
    "coding": "0/1",
    "table": "/secure/cad.tsv",
    "scoring_files": ["/secure/scores/PGS000001.txt.gz"],
    "panel": {"sumstats": "/secure/their.tsv", "size": 100},
}


@pytest.fixture
def original(tmp_path):
    """The configuration of the owner of the cohort, with the file of a phenotype."""
    (tmp_path / "secure").mkdir()
    (tmp_path / "secure/cad.yaml").write_text(yaml.safe_dump(OWN))
    config = copy.deepcopy(SHIPPED)
    config["seed"] = 987654321012345
    config["phenotypes"] = [str(tmp_path / "secure/cad.yaml")]
    config["cohort"] |= {"genotypes": "/secure/ukb/chr{chromosome}/geno", "table": "/secure/t.tsv"}
    config["cohort"] |= {"exclude_samples": f"{tmp_path}/withdrawn.csv"}
    config["split"]["file"] = "/secure/split.tsv"
    config["release"]["earlier"] = [
        {"checksums": "/secure/SHA256SUMS", "train": "/secure/keep", "frequencies": "/secure/keep"}
    ]
    return config


def load(config):
    return load_settings(config, Sources((), {}))


def write(config, folder):
    """Write the recipe of a configuration to a folder; all its text."""
    settings = load(config)
    files, paths, with_seed = make_configuration(config, settings, SCHEMAS)
    files["README.md"] = render_readme(TEMPLATES, list(settings), paths, with_seed, SOFTWARE)
    results = read_example(make_results(folder / "run"))
    files["panel/cad.tsv"] = format_variants(results.panel)
    write_folder(folder / "recipe", files)
    return "".join((folder / "recipe" / name).read_text() for name in files)


def reload(folder, monkeypatch, **changes):
    """The settings that another user obtains from the recipe."""
    monkeypatch.chdir(folder)
    own = yaml.safe_load((folder / "recipe/config.yaml").read_text())
    return load(merge(copy.deepcopy(SHIPPED), own | changes))


def test_recipe_gives_the_settings_of_the_original(original, tmp_path, monkeypatch):
    write(original, tmp_path)
    found = reload(tmp_path, monkeypatch)["cad"]
    expected = copy.deepcopy(load(original)["cad"])
    assert found["cohort"]["genotypes"] == "input/cohort.genotypes/chr{chromosome}/geno"
    assert found["phenotype"]["scoring_files"] == ["input/cad/scoring_files/1/PGS000001.txt.gz"]
    assert found["split"]["file"] == "input/split.file/split.tsv"
    expected["release"]["earlier"] = []
    for path in ("cohort/genotypes", "cohort/table", "cohort/exclude_samples", "split/file"):
        section, key = path.split("/")
        expected[section][key] = found[section][key]
    expected["panel"]["sumstats"] = "input/cad/panel.sumstats/their.tsv"
    expected["phenotype"] |= {key: found["phenotype"][key] for key in ("table", "scoring_files")}
    assert found == expected


def test_files_of_the_same_name_stay_different(original, tmp_path):
    other = OWN | {"table": "/other/cad.tsv", "scoring_files": ["/a/x.txt.gz", "/b/x.txt.gz"]}
    (tmp_path / "secure/gout.yaml").write_text(yaml.safe_dump(other))
    original["phenotypes"].append(str(tmp_path / "secure/gout.yaml"))
    files, paths, _ = make_configuration(original, load(original), SCHEMAS)
    gout, cad = (yaml.safe_load(files[f"phenotypes/{name}.yaml"]) for name in ("gout", "cad"))
    assert len({*gout["scoring_files"], *cad["scoring_files"], gout["table"], cad["table"]}) == 5
    listed = [path for some in paths.values() for path in some]
    assert {*gout["scoring_files"], gout["table"], cad["table"]} < set(listed)
    assert len(listed) == len(set(listed))


def test_phenotypes_with_an_external_cohort_are_in_the_split_of_the_recipe(original, tmp_path):
    other = {"column": "gout", "coding": "0/1", "external_cohort": "/secure/theirs"}
    (tmp_path / "secure/gout.yaml").write_text(yaml.safe_dump(other))
    original["phenotypes"].append(str(tmp_path / "secure/gout.yaml"))
    files, paths, with_seed = make_configuration(original, load(original), SCHEMAS)
    assert yaml.safe_load(files["config.yaml"])["phenotypes"][1] == "recipe/phenotypes/gout.yaml"
    assert paths["external_cohort (gout)"] == ["input/gout/external_cohort/theirs"]
    readme = render_readme(TEMPLATES, ["cad"], paths, with_seed, SOFTWARE)
    assert "expected/cad.SHA256SUMS" in readme and "expected/gout" not in readme


def test_recipe_has_no_paths_and_no_individuals(original, tmp_path):
    text = write(original, tmp_path)
    for word in ("/secure", str(tmp_path), "keep", *REAL_IDS):
        assert word not in text
    assert "cohort.exclude_samples and split.file list individuals" in " ".join(text.split())
    assert "987654321012345" in text and "training set can be computed" in text


def test_seed_stays_with_the_owner_if_the_generator_is_private(original, tmp_path, monkeypatch):
    original["calibration"]["effects"] = "training"
    original["baselines"] = []
    original["differential_privacy"]["epsilon"] = 4
    text = write(original, tmp_path)
    assert "987654321012345" not in text and "secrets.randbits" in text
    with pytest.raises(InputError) as error:
        reload(tmp_path, monkeypatch)
    assert (error.value.code, error.value.key) == (Code.CONFLICTING_SETTINGS, "seed")
    assert reload(tmp_path, monkeypatch, seed=2**60)["cad"]["seed"] == 2**60


def test_recipe_of_the_demo_needs_no_input(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    text = write(SHIPPED, tmp_path)
    assert "the cohort is simulated" in text
    found = reload(tmp_path, monkeypatch)["demo"]
    monkeypatch.chdir(ROOT)
    assert found == load(copy.deepcopy(SHIPPED))["demo"]


def test_files_of_other_folders_are_not_expected():
    names = ("snpgen.bed", "variants.tsv", "metrics.tsv", "privacy.json", "model_card.md")
    lines = [f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n" for name in names]
    assert expected_checksums("".join(lines)) == "".join(lines[:2])


def test_every_path_of_the_schemas_is_replaced():
    """Each key with the unit path or paths of both schemas."""

    def fill(schema):
        made = {}
        for key, node in schema["properties"].items():
            if "properties" in node:
                made[key] = fill(node)
            elif "path" in node.get("x-unit", ""):
                kind = node["type"]
                made[key] = ["/secure/x"] if kind == "array" else "/secure/x"
        return made

    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)
        settings = fill(schema)
        settings.get("release", {}).pop("earlier", None)  # left out of the recipe
        replaced, paths = replace_paths(settings, schema)
        assert "/secure" not in str(replaced) and len(paths) >= 3
