"""Methods and provenance: written from the settings, versions and checksums that are true."""

import hashlib
import subprocess
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from example_results import make_cards

from snpgen.baselines.registry import BASELINES
from snpgen.report import provenance
from snpgen.report.methods import describe_limits, describe_methods, join
from snpgen.report.provenance import PACKAGES, describe_files, describe_software, digest_code

ROOT = Path(__file__).parents[3]
SPLIT = {
    "splits": {
        name: {"samples": samples}
        for name, samples in (("train", 280), ("validation", 40), ("test", 80))
    }
}
GWAS = {"n_variants": 3000, "n_genome_wide": 14, "lambda_gc": 1.037, "lambda_1000": 1.09}


@pytest.fixture
def settings():
    own = yaml.safe_load((ROOT / "config/phenotypes/demo.yaml").read_text())
    return yaml.safe_load((ROOT / "config/config.yaml").read_text()) | {"phenotype": own}


def tell(settings, cards=None):
    cards = make_cards() if cards is None else cards
    software = dict(describe_software("version: 1.2.3"))
    return dict(
        describe_methods(
            settings, SPLIT, GWAS, 120, cards, ["Guidance has a scale of 1."], software
        )
    )


def test_methods_tell_what_the_settings_say(settings):
    told = tell(settings)
    for title, words in {
        "Cohort": "280 training, 40 validation and 80 test people (70, 10 and 20 %)",
        "Association": "adjusted for sex, age, centre and 10 principal components",
        "Panel": "The panel holds the 120 variants with the smallest p in the training people",
        "Generator": "(333 steps of AdamW, batches of 256 people, learning rate 0.01, weight decay 0.45)",
        "Evaluation": "1,000 bootstrap resamples",
        "Privacy": "a cohort of which 5 % are copies",
        "Software": "SNPgen 1.2.3 was run with Python",
    }.items():
        assert words in told[title]
    assert told["Generator"].endswith("Guidance has a scale of 1.")
    assert "offset" not in told["Association"] and "shadow" not in told["Privacy"]


def test_methods_of_a_given_cohort_tell_of_no_generator(settings):
    settings["external_cohort"] = "elsewhere/cohort"
    settings["evaluation"] |= {"shadow_models": 16, "replicates": 3}
    settings["gwas"]["exact_p"] = 0.001
    told = tell(settings, {})
    assert "its score test alone where that gave a p above 0.001" in told["Association"]
    assert "Hardy-Weinberg p of 1e-10 or more in controls" in told["Association"]
    assert "Copula" in told["Evaluation"]
    for words in ("Conditional VAE", "trained 3 times", "shadow", "networks"):
        assert words not in told["Evaluation"] + told["Privacy"], words


def test_methods_follow_every_other_choice(settings):
    settings["gwas"]["loco"] = True
    settings["phenotype"] |= {"coding": "quantitative", "include": "sex == 2", "covariates": []}
    settings["pcs"]["count"] = 0
    settings["split"]["file"] = "/secret/place/mine.tsv"
    settings["panel"] |= {"sumstats": "/secret/other.tsv", "max_per_locus": 3, "include": "ids.txt"}
    settings["panel"] |= {"long_range_ld": False, "max_p": 0.05}
    settings["conditions"] = {"sex": True, "group": "ancestry"}
    settings["evaluation"] |= {"shadow_models": 16, "replicates": 3}
    settings["baselines"] = []
    told = tell(settings)
    assert "only those with sex == 2 included" in told["Cohort"] and "mine.tsv" in told["Cohort"]
    assert "linear regression; a polygenic prediction" in told["Association"]
    assert "Firth" not in told["Association"] and "adjusted" not in told["Association"]
    assert "controls" not in told["Association"] and "λ of 1,000 people" in told["Association"]
    assert "score test" not in told["Association"]
    for words in (
        "summary statistics other.tsv",
        "at most 3 of a locus",
        "none from the MHC",
        "0.05",
    ):
        assert words in told["Panel"]
    assert "the phenotype, sex and group (ancestry)" in told["Generator"]
    assert "trained 3 times" in told["Evaluation"] and "Compared were" not in told["Evaluation"]
    assert "16 shadow models" in told["Privacy"]
    assert "secret" not in " ".join(told.values())
    settings["external_cohort"] = "/data/other/cohort"
    elsewhere = tell(settings, cards={})
    assert elsewhere["Synthetic people"].startswith("The cohort cohort was made elsewhere.")
    assert "networks" not in elsewhere["Privacy"]


def test_every_baseline_has_its_words():
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    assert set(schema["properties"]["baselines"]["items"]["enum"]) == set(BASELINES)


def test_few_people_for_the_panel_stand_first_among_the_limits(settings):
    assert "2.3 training people for each SNP" in describe_limits(settings, 280, 120, 0.5)[0]
    noisy = describe_limits(settings, 5554, 128, 0.5)
    assert "must not go with the release" in noisy[0]
    assert describe_limits(settings, 5554, 128, 0.0) == noisy[1:]
    settings["phenotype"] |= {"coding": "quantitative", "threshold": 1}
    assert any("two classes" in limit for limit in describe_limits(settings, 5554, 128, 0.0))


def test_words_are_joined_as_people_do():
    assert [join(list(words)) for words in ("a", "ab", "abc")] == ["a", "a and b", "a, b and c"]


def test_checksums_are_those_of_sha256sum(tmp_path, monkeypatch):
    file = tmp_path / "cohort.fam"
    file.write_bytes(bytes(range(256)) * 1000)
    told = subprocess.run(["sha256sum", file], capture_output=True, text=True, check=True).stdout
    assert describe_files([str(file)]) == [
        {"name": str(file), "bytes": 256_000, "sha256": told.split()[0]}
    ]
    monkeypatch.setattr(provenance, "LARGEST_SUMMED", 255_999)
    assert describe_files([str(file)])[0]["sha256"] is None


def test_versions_are_those_installed():
    software = dict(describe_software((ROOT / "CITATION.cff").read_text()))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert software["SNPgen"] == project["version"]
    assert software["numpy"] == version("numpy")
    needed = {dependency.split(">=")[0] for dependency in project["dependencies"]}
    assert set(PACKAGES) <= needed


def test_digest_of_the_code_is_that_of_its_files():
    folder = ROOT / "workflow/scripts/snpgen"
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(str(path.relative_to(folder)).encode() + b"\n" + path.read_bytes())
    assert digest_code() == digest.hexdigest()[:16]
