"""Methods, limitations and provenance follow the settings, versions and checksums."""

import copy
import hashlib
import re
import subprocess
import tomllib
from dataclasses import replace
from importlib.metadata import version

import pandas as pd
import pytest
from example_results import ROOT, SETTINGS, TEMPLATES, make_results, read_example
from page_outline import text_of

from snpgen.baselines.registry import SUBJECTS
from snpgen.report import provenance
from snpgen.report.page import shared_context
from snpgen.report.provenance import PACKAGES, describe_files, describe_software, digest_code
from snpgen.report.templates import make_environment

PARAGRAPHS = ("cohort", "association", "panel", "generator", "evaluation", "privacy", "versions")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return read_example(make_results(tmp_path_factory.mktemp("provenance")))


@pytest.fixture
def settings():
    return copy.deepcopy(SETTINGS)


def render(template, macro, results, settings, **changes):
    """The text of a macro for the example with these settings and `changes`."""
    context = shared_context(replace(results, settings=settings, **changes))
    context |= {
        "software": dict(describe_software("version: 1.2.3")),
        "baselines": [SUBJECTS[name] for name in settings["baselines"]],
    }
    module = make_environment(TEMPLATES).get_template(template).make_module(context)
    return text_of(str(getattr(module, macro)()))


def macro_text(template, macro, *arguments):
    """The text of a macro that needs no variables besides its arguments."""
    module = make_environment(TEMPLATES).get_template(template).module
    return text_of(str(getattr(module, macro)(*arguments)))


def methods(results, settings, paragraphs=PARAGRAPHS, **changes):
    return {
        name: render("methods.jinja", name, results, settings, **changes) for name in paragraphs
    }


def test_methods_have_the_numbers_of_settings_and_results(results, settings):
    texts = methods(results, settings)
    for name, numbers in {
        "cohort": ("280", "40", "80", "70, 10 and 20 %", "0.0442"),
        "association": ("3,000", "14", "1.037", "1.090", "10 principal components", "1e-10"),
        "panel": ("120", "0.1", "64 to 1,024", "0.7"),
        "generator": ("333", "256", "0.01", "0.45", "1,250", "1,120 individuals"),
        "evaluation": ("1,000", *(SUBJECTS[name].label for name in settings["baselines"])),
        "privacy": ("5 %",),
        "versions": ("1.2.3", version("torch"), "20260310"),
    }.items():
        for number in numbers:
            assert number in texts[name], number
    assert "LOCO" not in texts["association"] and "shadow" not in texts["privacy"]
    assert "Firth" in texts["association"]


def test_methods_follow_every_other_setting(results, settings):
    settings["gwas"] |= {"loco": True, "exact_p": 0.001}
    settings["phenotype"] |= {"coding": "quantitative", "include": "sex == 2", "covariates": []}
    settings["pcs"]["count"] = results.gwas["components"] = 0
    settings["split"]["file"] = "/secret/place/mine.tsv"
    settings["panel"] |= {"sumstats": "/secret/other.tsv", "max_per_locus": 3, "include": "ids.txt"}
    settings["panel"] |= {"long_range_ld": False, "max_p": 0.05}
    settings["conditions"] = {"sex": True, "group": "ancestry"}
    settings["evaluation"] |= {"shadow_models": 16, "replicates": 3}
    settings["baselines"] = []
    settings["sampling"]["size"] = 2.5
    settings["differential_privacy"]["epsilon"] = 4
    texts = methods(results, settings)
    assert "sex == 2" in texts["cohort"] and "mine.tsv" in texts["cohort"]
    assert "linear" in texts["association"] and "LOCO" in texts["association"]
    for absent in ("Firth", "adjusted", "controls", "score test"):  # of a quantitative phenotype
        assert absent not in texts["association"]
    for words in ("other.tsv", "at most 3", "MHC", "0.05", "include"):
        assert words in texts["panel"]
    assert "forecast" not in texts["panel"] and "1,024" in texts["panel"]
    settings["panel"]["size"] = 120
    assert "1,024" not in methods(results, settings)["panel"]
    assert "sex and group (ancestry)" in texts["generator"]
    assert "700 individuals, 2.5 times" in texts["generator"]
    assert " 3 times" in texts["evaluation"] and "baselines" not in texts["evaluation"]
    assert "16 shadow models" in texts["privacy"]
    assert "secret" not in " ".join(texts.values())
    results.gwas.update({"n_independent": 90, "components": 4, "lambda_gc": None})
    settings["pcs"]["count"] = 10
    text = render("methods.jinja", "association", results, settings)
    assert "adjusted for 4 principal" in text and "10 components were requested, but 90" in text
    assert "was not estimated" in text and "NA" not in text
    settings["phenotype"] |= {"coding": "0/1"}
    assert "0.001" in render("methods.jinja", "association", results, settings)


def test_methods_of_an_external_cohort_mention_no_networks(results, settings):
    settings["external_cohort"] = "/data/other/cohort"
    settings["evaluation"] |= {"shadow_models": 16, "replicates": 3}
    names = ("external", "evaluation", "privacy")
    texts = methods(results, settings, names, models={})
    assert "cohort" in texts["external"] and "/data" not in texts["external"]
    for absent in (" times", "shadow", "networks"):
        assert absent not in texts["evaluation"] + texts["privacy"], absent


def test_statements_on_a_generator_and_its_release_are_left_out_for_an_external_cohort(
    results, settings
):
    settings["external_cohort"] = "/data/other/cohort"
    limits = re.findall(r"{% macro (\w+)\(\)", TEMPLATES["limits.jinja"])
    own = " ".join(render("limits.jinja", name, results, settings) for name in limits)
    changes = {"models": {}, "panel": results.panel.assign(reason="included")}
    other = " ".join(render("limits.jinja", name, results, settings, **changes) for name in limits)
    for words in ("release/", "evaluation.replicates", "differentially private", "p-values"):
        assert words in own and words not in other, words
    assert "clumping" not in render("methods.jinja", "panel", results, settings, **changes)
    assert "clumping" in render("methods.jinja", "panel", results, settings, models={})


def test_relatedness_is_that_of_the_split(results, settings):
    def texts(**split):
        changes = {"split": results.split | split}
        return [
            render("methods.jinja", "cohort", results, settings, **changes),
            macro_text("audit.jinja", "relatedness", results.split | split, 10),
        ]

    raised = texts(kinship_cut=0.129, related_pairs_across=17, max_kinship_across=0.128)
    assert "0.1290" in raised[0]
    assert re.findall(r"\d[\d.]*\d|\d", raised[1]) == ["17", "0.1280"]
    assert "fewer than 10." in texts(related_pairs_across=7)[1]
    unknown = texts(training_related=None, max_kinship_across=None)[1]
    assert unknown and not re.search(r"\d|NA", unknown)

    estimate = {"individuals": 8_000, "independent_variants": 3_306, "min_kinship": 0.0815}
    limited = estimate | {"degree": "second"}
    text = texts(kinship_cut=0.0815, kinship_estimate=limited)[0]
    assert "up to the second degree" in text and "0.0815" in text and "3,306" in text
    estimate |= {"independent_variants": 18, "min_kinship": None, "degree": ""}
    text = texts(kinship_cut=None, training_related=None, kinship_estimate=estimate)
    assert "not estimated: 18 independent" in text[0] and "KING" not in text[0] and not text[1]


def test_the_slope_of_effects_is_stated_if_it_was_used(results, settings):
    def text(*slopes):
        prior = pd.DataFrame(
            {"variance": 0.0, "weight": 1.0, "slope": slopes, "contrast": list("xy")[: len(slopes)]}
        ).assign(source="training")
        given = replace(results, prior=prior)
        return " ".join(render("generator.jinja", "effects", given, settings).split())

    assert "multiplied by 0.83, the slope" in text(0.829)
    assert "multiplied by 0.83 and 1.00, the slopes" in text(0.829, 1.0)
    assert "the slope" not in text(1.0, 1.0)


def test_external_effects_are_described(results, settings):
    prior = pd.DataFrame({"variance": [0.0], "weight": 1.0, "slope": 1.0, "contrast": ""})
    for source, is_external in (("external", True), ("training", False)):
        given = replace(results, prior=prior.assign(source=source))
        effects, protection = (
            render("generator.jinja", name, given, settings) for name in ("effects", "protection")
        )
        assert ("independent study" in effects) == is_external
        assert ("multiplied by a shrinkage factor" in " ".join(effects.split())) != is_external
        assert ("no information about who" in protection) == is_external


def test_winners_curse_depends_on_the_individuals_that_ranked_the_variants(results, settings):
    def text():
        return render("limits.jinja", "winners_curse", results, settings)

    assert "winner's curse" in text() and "external" not in text()
    settings["panel"]["sumstats"] = "other.tsv"
    assert "winner's curse" in text() and "external" in text()
    settings["panel"]["sumstats_independent"] = True
    assert not text()


def test_every_macro_renders_without_missing_variables(results, settings):
    for name in ("generator", "limits"):
        macros = re.findall(r"{% macro (\w+)\(\)", TEMPLATES[f"{name}.jinja"])
        assert len(macros) > 3
        for macro in macros:
            render(f"{name}.jinja", macro, results, settings)  # undefined variables raise


def test_limitations_follow_effects_and_coding(results, settings):
    assert render("limits.jinja", "real_effects", results, settings)
    assert "set to zero" in render("limits.jinja", "effects", results, settings)
    calibration = results.models["calibration"] | {"effects": "training"}
    models = results.models | {"calibration": calibration}
    assert not render("limits.jinja", "real_effects", results, settings, models=models)
    assert "calibration.effects" in render(
        "limits.jinja", "effects", results, settings, models=models
    )
    assert "too large" in render("limits.jinja", "winners_curse", results, settings, models=models)
    assert not render("limits.jinja", "classes", results, settings)
    settings["phenotype"] |= {"coding": "quantitative", "threshold": 1}
    assert render("limits.jinja", "classes", results, settings)


def test_the_diffusion_model_is_better_only_beyond_its_interval(results, settings):
    others = results.metrics[results.metrics.metric != "c2st_xgboost"]
    own = others.iloc[:1].assign(metric="c2st_xgboost", stratum="all", subject=results.subject)
    own = own.assign(value=0.52, ci_low=0.5, ci_high=0.54)
    for value, worse in ((0.53, False), (0.55, True)):
        mixture = own.assign(subject="mixture", value=value)
        metrics = pd.concat([others, own, mixture], ignore_index=True)
        assert replace(results, metrics=metrics).mixture["worse"] == worse
        text = render("generator.jinja", "prior", results, settings, metrics=metrics)
        assert f"{value:.3f}" in text and "0.520" in text
    assert replace(results, metrics=metrics[:-1]).mixture is None


def test_the_largest_size_within_the_limit_is_named(results, settings):
    sizes = [(1, 0.6, 0.5), (2, 0.69, 0.5), (4, 0.71, 0.5), (10, 0.8, 0.5)]
    rows = [
        (stratum, "adaptive", auc, size)
        for size, *both in sizes
        for stratum, auc in zip(("case", "control"), both, strict=True)
    ]
    by_size = pd.DataFrame(rows, columns=["stratum", "attack", "auc", "size"])
    assert replace(results, settings=settings, by_size=by_size).safe_size == 2
    settings["sampling"]["systematic"] = False
    text = render("methods.jinja", "generator", results, settings, by_size=by_size)
    assert "2 times" in text
    settings["calibration"]["max_forecast_auc"] = 0.55
    assert replace(results, settings=settings, by_size=by_size).safe_size is None


def test_checksums_are_those_of_sha256sum(tmp_path, monkeypatch):
    file = tmp_path / "cohort.fam"
    file.write_bytes(bytes(range(256)) * 1000)
    output = subprocess.run(["sha256sum", file], capture_output=True, text=True, check=True).stdout
    assert describe_files([str(file)]) == [
        {"name": str(file), "bytes": 256_000, "sha256": output.split()[0]}
    ]
    monkeypatch.setattr(provenance, "MAX_SUMMED", 255_999)
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


def test_texts_in_expressions_contain_no_html_entities():  # they would be escaped once more
    for name, text in TEMPLATES.items():
        for expression in re.findall(r"{{.*?}}", text, flags=re.DOTALL):
            assert not re.search(r"&\w+;", expression), f"{name}: {expression}"
