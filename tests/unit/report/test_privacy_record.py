"""privacy.json and the checklist of a release, and the comparison with earlier releases."""

import copy
import hashlib
import json
import re
import shutil
import subprocess
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import yaml
from broken_input import check_refusal
from example_results import (
    REAL_IDS,
    ROOT,
    SETTINGS,
    TEMPLATES,
    change_metrics,
    describe_example,
    make_results,
    read_example,
)
from jsonschema import Draft202012Validator
from page_outline import Outline, text_of
from scipy.special import ndtr

from snpgen.association.joint_forecast import forecast_difference, forecast_joint
from snpgen.evaluation.joint import COLUMNS, DIFFERENCES
from snpgen.evaluation.metrics import describe
from snpgen.io.plink_tables import allele_keys
from snpgen.messages import Code
from snpgen.report.audit import ATTACKERS
from snpgen.report.checklist import render_checklist
from snpgen.report.earlier import (
    Earlier,
    combine_forecasts,
    compare_earlier,
    read_earlier,
    read_earlier_releases,
)
from snpgen.report.privacy import smallest_cell
from snpgen.report.release import format_variants

SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/privacy.schema.yaml").read_text())
CHROMIUM = shutil.which("chromium")
BUILD = SETTINGS["cohort"]["build"]
COHORT = pd.DataFrame({"FID": REAL_IDS, "IID": REAL_IDS})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_results(tmp_path_factory.mktemp("privacy"))


@pytest.fixture(scope="module")
def results(folder):
    return read_example(folder)


@pytest.fixture(scope="module")
def record(results, folder):
    return describe_example(results, folder)


def with_privacy(results, **guarantee):
    """The results of a generator with differential privacy."""
    vae = results.models["vae"] | {"differential_privacy": guarantee}
    return replace(results, models=results.models | {"vae": vae})


def write_checksums(place):
    names = ("privacy.json", "variants.tsv")
    digests = [hashlib.sha256((place / name).read_bytes()).hexdigest() for name in names]
    lines = [f"{digest}  {name}\n" for digest, name in zip(digests, names, strict=True)]
    (place / "SHA256SUMS").write_text("".join(lines))


def change_record(**changes):
    """A function that changes keys of privacy.json in a folder; None removes a key."""

    def change(place):
        record = json.loads((place / "privacy.json").read_text()) | changes
        record = {key: value for key, value in record.items() if value is not None}
        (place / "privacy.json").write_text(json.dumps(record))
        write_checksums(place)

    return change


def change_file(name, text):
    """A function that writes a file of a folder, and its checksum if it is part of a release."""

    def change(place):
        (place / name).write_text(text)
        write_checksums(place)

    return change


@pytest.fixture
def earlier_files(results, record, tmp_path):
    """The files of an earlier release with training individuals 200 to 399, and 180 to 399 in its frequencies."""
    train = record["individuals"]["train"] | {"samples": 200}
    stated = {"variants": 100, "individuals": record["individuals"] | {"train": train}}
    (tmp_path / "privacy.json").write_text(json.dumps(record | stated))
    (tmp_path / "variants.tsv").write_text(format_variants(results.panel.iloc[:100]))
    write_checksums(tmp_path)
    for name, first in (("train", 200), ("frequencies", 180)):
        lines = [f"{i}\t{i}\n" for i in REAL_IDS[first:]]
        (tmp_path / f"{name}.txt").write_text("#FID\tIID\n" + "".join(lines))
    keep = {name: str(tmp_path / f"{name}.txt") for name in ("train", "frequencies")}
    return {"checksums": str(tmp_path / "SHA256SUMS")} | keep


def frequency_attack(record):
    """The entry of the frequency attack on all individuals of the cohort snpgen."""
    rows = {(row["cohort"], row["attack"], row["group"]): row for row in record["attacks"]}
    return rows["snpgen", "frequency", "all"]


def make_joint(attack, group):
    """An entry of joint_attacks with measured estimates."""
    joint = {
        "phenotypes": ["breast_cancer", "cad", "demo", "t1d"],
        "attack": attack,
        "group": group,
    }
    joint |= {"auc": 0.6, "auc_ci_low": 0.58, "auc_ci_high": 0.62, "negative_control": 0.5}
    return joint | {"forecast_auc": 0.61, "individuals": 500}


def make_estimate(metric, group):
    """An entry of other_estimates."""
    estimate = {"cohort": "snpgen", "metric": metric, "label": describe(metric).label}
    estimate |= {"group": group, "value": 0.5, "value_ci_low": 0.4, "value_ci_high": 0.6}
    return estimate | {"negative_control": 0.5}


def check_valid(record):
    Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(record, allow_nan=False)))


def test_record_is_valid(results, folder, record, earlier_files):
    Draft202012Validator.check_schema(SCHEMA)
    check_valid(record)
    private = with_privacy(results, epsilon=4.0, delta=1e-5)
    earlier = [read_earlier(earlier_files, COHORT, BUILD)]
    check_valid(describe_example(private, folder, earlier=earlier))
    check_valid(record | {"joint_attacks": [make_joint("adaptive", "all")]})
    for wrong in ({"phenotype": 1}, {"seed": 1}, {"schema_version": "2.0"}):
        assert not Draft202012Validator(SCHEMA).is_valid(record | wrong)


def test_every_key_of_the_schema_is_described():
    def walk(node, path):
        if "$ref" in node:
            node = SCHEMA["$defs"][node["$ref"].rpartition("/")[2]] | node
        assert node.get("description"), path
        parts = node.get("properties", {}) | node.get("items", {}).get("properties", {})
        for key, child in parts.items():
            walk(child, f"{path}/{key}")

    walk(SCHEMA, "privacy")


def test_attacks_are_those_of_the_metrics(results, record):
    rows = {(row["cohort"], row["attack"], row["group"]): row for row in record["attacks"]}
    own = rows["snpgen", "frequency", "all"]
    assert (own["auc"], own["auc_ci_low"], own["auc_ci_high"]) == (0.571, 0.56, 0.582)
    assert (own["negative_control"], own["positive_control"]) == (0.501, 0.528)
    assert (own["tpr_at_fpr_0.01"], own["forecast_auc"]) == (0.021, 0.53)
    cases = rows["snpgen", "adaptive", "case"]  # forecast, but not measured
    assert (cases["auc"], cases["forecast_auc"]) == (None, 0.69)
    assert rows["snpgen_balanced", "frequency", "all"]["forecast_auc"] is None
    assert record["individuals"]["train"] == {
        "samples": 280,
        "classes": {"controls": 210, "cases": 70},
    }
    assert {row["metric"] for row in record["other_estimates"]} == {"exact_matches", "dcr_ratio"}


def answers(record):
    return {check["name"]: check["passed"] for check in record["checks"]}


def test_checks_give_the_answers_of_the_report(results, folder, record):
    assert answers(record) == {
        "controls": True,
        "copies": True,
        "attacks": True,
        "forecast": True,
        "min_cell": True,
        "relatives": True,
        "earlier_releases": None,
        "joint_attacks": None,
        "terms": False,
    }
    metrics = change_metrics(results.metrics, "exact_matches", value=0.02)
    metrics = change_metrics(metrics, "mia_frequency_auc", value=0.7, ci_low=0.68, ci_high=0.72)
    void = {"value": 0.6, "ci_low": 0.58, "ci_high": 0.62}
    metrics = change_metrics(metrics, "mia_distance_auc", "negative_control", **void)
    terms = {"licence": "CC BY 4.0", "contact": "data@biobank.example"}
    settings = results.settings | {
        "release": SETTINGS["release"] | terms | {"min_cell": 71},
        "calibration": SETTINGS["calibration"] | {"max_forecast_auc": 0.65},
    }
    split = results.split | {"training_related": None}
    other = describe_example(
        replace(results, metrics=metrics, settings=settings, split=split), folder
    )
    assert answers(other) == {
        "controls": False,
        "copies": False,
        "attacks": False,
        "forecast": False,
        "min_cell": False,  # 70 cases
        "relatives": None,
        "earlier_releases": None,
        "joint_attacks": None,
        "terms": True,
    }


def test_joint_attacks_have_the_forecast_of_the_worst_class(results, folder):
    rows = [
        (every, subject, "adaptive", 300, 90, auc, auc - 0.02, auc + 0.02, 0.62, 0.71)
        for every in ("demo, gout", "demo", "gout")
        for subject, auc in (("snpgen", 0.63), ("negative_control", 0.51))
    ]
    joint = pd.DataFrame(rows, columns=COLUMNS)
    pair = pd.DataFrame([("demo", "gout", 3, 50, 60, 0.55)], columns=DIFFERENCES)
    record = describe_example(replace(results, joint=joint, differences=pair), folder)
    check_valid(record)
    every, worst = record["joint_attacks"]
    assert every["phenotypes"] == ["demo", "gout"] and every["individuals"] == 390
    assert (every["auc"], every["negative_control"], every["forecast_auc"]) == (0.63, 0.51, 0.62)
    assert (worst["group"], worst["auc"], worst["forecast_auc"]) == ("worst", None, 0.71)
    assert record["joint_differences"] == [
        {
            "phenotype": "gout",
            "shared_variants": 3,
            "difference_forecast_auc": 0.55,
            "exceeds_limit": False,
        }
    ]
    few = describe_example(
        replace(results, joint=joint, differences=pair.assign(only_first=2)), folder
    )
    check_valid(few)
    assert few["joint_differences"][0]["difference_forecast_auc"] is None
    assert answers(record)["joint_attacks"] is False  # 0.71 exceeds the limit of 0.7
    near = describe_example(
        replace(
            results,
            joint=joint.assign(forecast_worst=0.6),
            differences=pair.assign(forecast=0.8),
        ),
        folder,
    )
    assert answers(near)["joint_attacks"] is False
    near = replace(results, joint=joint.assign(forecast_worst=0.6), differences=pair)
    assert answers(describe_example(near, folder))["joint_attacks"] is True
    page = text_of(render_checklist(TEMPLATES, record))
    assert "demo and gout" in page and "0.610 to 0.650" in page


def test_small_numbers_are_hidden(results, folder):
    split = copy.deepcopy(results.split)
    split["splits"]["validation"]["cases"] = 7
    split["related_pairs_across"] = 3
    record = describe_example(replace(results, split=split), folder)
    assert record["individuals"]["validation"] == {"samples": 40, "classes": None}
    relatives = record["relatives"]
    assert relatives["pairs_across_sets"] is relatives["largest_kinship_across_sets"] is None
    assert relatives["largest_family"] is None  # 4
    assert answers(record)["relatives"] is False
    page = text_of(render_checklist(TEMPLATES, record))
    assert (
        len(re.findall("third degree or closer: fewer than 10|individual: fewer than 10", page))
        == 2
    )
    train = pd.DataFrame({"phenotype": list("00011"), "sex": list("11211"), "IID": list("abcde")})
    synthetic = train.iloc[[0, 1, 3]]
    assert smallest_cell(synthetic, train) == 2
    assert smallest_cell(synthetic[["phenotype"]], train) == 2
    assert smallest_cell(synthetic.assign(sex="2"), train) == 0


def test_guarantee_of_a_family_is_that_of_its_members_together(results, folder):
    # The size, 4, is not released; the guarantee of a family of 9 also covers a smaller one.
    for size, bound in ((4, 9), (12, 12)):
        split = results.split | {"largest_family": size}
        own = replace(with_privacy(results, epsilon=0.5, delta=1e-6), split=split)
        record = describe_example(own, folder)
        family = record["differential_privacy"]["largest_family"]
        assert family["individuals"] == bound and family["epsilon"] == bound / 2
        factor = np.expm1(bound * 0.5) / np.expm1(0.5)
        assert family["delta"] == pytest.approx(1e-6 * factor)
        text = text_of(render_checklist(TEMPLATES, record))
        assert "Epsilon 0.5 at delta 1e-06" in text
        assert f"A family of up to {bound} in" in text and f"epsilon {bound / 2:g} at" in text


def test_earlier_release_is_compared(results, folder, record, earlier_files):
    earlier = [read_earlier(earlier_files, COHORT, BUILD)]
    assert [match.matched for match in earlier[0].matches] == [200, 220]
    other = describe_example(results, folder, earlier=earlier)
    (found,) = other["earlier_releases"]
    assert (found["training_individuals"], found["individuals_in_both"]) == (200, 80)
    assert (found["shared_variants"], found["overlaps"]) == (100, True)
    unshared = 1 - 80**2 / (200 * 280)
    expected = ndtr(np.sqrt(100 / (2 * 200 * unshared)))
    assert found["difference_forecast_auc"] == pytest.approx(expected, abs=1e-4)
    combined = {
        (row["attack"], row["group"]): row["forecast_auc"] for row in other["combined_forecasts"]
    }
    assert combined["frequency", "all"] == pytest.approx(forecast_joint([0.571] * 2), abs=1e-4)
    assert combined["frequency", "worst"] == pytest.approx(forecast_joint([0.612] * 2), abs=1e-4)
    assert combined["adaptive", "worst"] == pytest.approx(forecast_joint([0.69] * 2), abs=1e-4)
    assert answers(other)["earlier_releases"] is False
    page = text_of(render_checklist(TEMPLATES, other))
    assert f"demo ({found['checksums_sha256'][:16]}) 200 80 100" in page


def test_overlap_that_is_nearly_complete_is_hidden_and_reported(results, record):
    train = pd.Series(REAL_IDS[:280])

    def compare(one):
        (found,) = compare_earlier([one], train, train, "gout", results.panel, min_cell=10)
        return found["individuals_in_both"], found["overlaps"], found["difference_forecast_auc"]

    earlier = Earlier("0" * 64, record, pd.Series(dtype=str), train[:-3], train)
    # Only the number of individuals in both training sets is hidden if overall frequencies are the same.
    assert compare(earlier) == (None, True, 0.5)
    assert compare(replace(earlier, train=train[:-20], counted=train[:-3])) == (260, True, None)
    apart = replace(earlier, train=pd.Series(REAL_IDS[280:]), counted=pd.Series(REAL_IDS[280:]))
    assert combine_forecasts([apart], record["attacks"], train) == []
    assert compare(apart)[:2] == (0, False)


def test_training_sets_count_if_differences_between_classes_are_comparable(results, record):
    """The overall frequencies are the same; 20 training individuals were added to the second release."""
    train, keys = pd.Series(REAL_IDS[:280]), allele_keys(results.panel)
    earlier = Earlier("0" * 64, record, keys, train[:-20], train)
    for phenotype, expected in (
        ("gout", 0.5),
        (record["phenotype"], forecast_difference(len(keys), 260, 280, 260)),
    ):
        arguments = train, train, phenotype, results.panel, 10
        (found,) = compare_earlier([earlier], *arguments)
        assert found["difference_forecast_auc"] == pytest.approx(expected)
        assert (found["training_individuals"], found["individuals_in_both"]) == (260, 260)


@pytest.mark.parametrize(
    ("own", "theirs", "expected"),
    [([], [], (220, 300, 120)), (["sex"], [], (220, 280, 100)), ([], ["group"], (200, 300, 100))],
)
def test_conditions_reveal_frequencies_of_training_individuals(
    own, theirs, expected, results, folder, earlier_files, tmp_path
):
    """20 individuals of this release, and 20 of the earlier one, are in the frequencies but not in training."""
    change_record(phenotype="gout", conditions=theirs)(tmp_path)
    (earlier,) = read_earlier_releases([earlier_files], COHORT, BUILD)
    conditions = {name: name in own for name in ("sex", "group")}
    settings = results.settings | {"conditions": conditions}
    changed, counted = replace(results, settings=settings), pd.Series(REAL_IDS[:300])
    record = describe_example(changed, folder, earlier=[earlier], counted=counted)
    assert record["conditions"] == own
    found = record["earlier_releases"][0]["difference_forecast_auc"]
    assert found == pytest.approx(forecast_difference(100, *expected), abs=1e-4)


@pytest.mark.parametrize(
    ("change", "code", "file", "line"),
    [
        (lambda place: (place / "privacy.json").unlink(), Code.UNREADABLE_FILE, "SHA256SUMS", 1),
        (
            lambda place: (place / "variants.tsv").write_text("x"),
            Code.DAMAGED_FILE,
            "SHA256SUMS",
            2,
        ),
        (
            lambda place: (place / "SHA256SUMS").write_text("privacy.json\n"),
            Code.MALFORMED_TABLE,
            "SHA256SUMS",
            1,
        ),
        (
            lambda place: (place / "SHA256SUMS").write_text(f"{'0' * 64}  other\n"),
            Code.UNREADABLE_FILE,
            "SHA256SUMS",
            None,
        ),
        (
            lambda place: (place / "train.txt").write_text("IID\nx1\n"),
            Code.NO_MATCHING_SAMPLE,
            "train.txt",
            None,
        ),
        (
            lambda place: (place / "frequencies.txt").write_text("1 2 3\n"),
            Code.MALFORMED_TABLE,
            "frequencies.txt",
            1,
        ),
        (
            lambda place: (place / "train.txt").write_text("#FID\tIID\nx\tx\nx\tx\tx\n"),
            Code.MALFORMED_TABLE,
            "train.txt",
            3,
        ),
    ],
)
def test_broken_earlier_release(change, code, file, line, earlier_files, tmp_path):
    change(tmp_path)
    check_refusal(partial(read_earlier, earlier_files, COHORT, BUILD), code, file, line)


@pytest.mark.parametrize(
    ("change", "code", "file"),
    [
        (change_file("privacy.json", "{"), Code.DAMAGED_FILE, "privacy.json"),
        (change_file("privacy.json", "[]"), Code.INVALID_VALUE, "privacy.json"),
        (change_record(schema_version="2.0"), Code.INVALID_VALUE, "privacy.json"),
        (change_record(attacks=None), Code.INVALID_VALUE, "privacy.json"),
        (change_record(build="GRCh37"), Code.GENOTYPE_BUILD, "privacy.json"),
        (change_record(variants=101), Code.DAMAGED_FILE, "variants.tsv"),
        (change_file("variants.tsv", "variant_id\nrs1\n"), Code.MISSING_COLUMN, "variants.tsv"),
        (change_file("train.txt", "#FID\tIID\n"), Code.EMPTY_FILE, "train.txt"),
    ],
)
def test_record_of_an_earlier_release_that_cannot_be_used(
    change, code, file, earlier_files, tmp_path
):
    change(tmp_path)
    check_refusal(partial(read_earlier, earlier_files, COHORT, BUILD), code, file)


@pytest.mark.parametrize(
    ("key", "ids"),
    [
        ("train", REAL_IDS[:40]),  # of another set
        ("frequencies", REAL_IDS[180:399]),  # lacks a training individual
    ],
)
def test_keep_files_of_another_set(key, ids, earlier_files, tmp_path):
    (tmp_path / f"{key}.txt").write_text("\n".join(ids))
    call = partial(read_earlier, earlier_files, COHORT, BUILD)
    check_refusal(call, Code.NO_MATCHING_SAMPLE, f"{key}.txt", key="release.earlier")


def test_earlier_release_listed_twice(earlier_files):
    call = partial(read_earlier_releases, [earlier_files] * 2, COHORT, BUILD)
    check_refusal(call, Code.CONFLICTING_SETTINGS, "SHA256SUMS", key="release.earlier")


def test_checklist_is_self_contained_and_accessible(record):
    page = render_checklist(TEMPLATES, record)
    outline = Outline(page)
    assert outline.headings[0] == 1 and set(outline.headings[1:]) == {2}
    assert outline.fetched == [] and outline.unscoped == [] and outline.open == []
    assert "signature" in page and page.count("☐") == len(record["checks"]) + 3


def test_checklist_shows_the_groups_with_the_largest_auc(record):
    row = frequency_attack(record) | {"attack": "density", "forecast_auc": None}
    aucs = {"all": 0.511, "case": 0.522, "control": 0.523, "top_tenth_rare": 0.514}
    aucs |= {"group:north": 0.535, "group:south": 0.536}
    attacks = [row | {"group": group, "auc": auc} for group, auc in aucs.items()]
    attacks += [row | {"group": "severe", "auc": None, "forecast_auc": 0.6}]
    text = text_of(render_checklist(TEMPLATES, record | {"attacks": attacks}))
    shown = [auc for auc in aucs.values() if f"{auc} (" in text]
    assert shown == [0.511, 0.523, 0.514, 0.536]
    attacks = [one for one in attacks if one["group"] not in ("case", "control")]
    text = text_of(render_checklist(TEMPLATES, record | {"attacks": attacks}))
    assert "severe not measured" in " ".join(text.split()) and "0.600" in text


def test_checklist_has_the_positive_controls_and_other_estimates(record):
    row = frequency_attack(record)
    changed = record | {"attacks": [row | {"positive_control": 0.777}]}
    changed |= {"other_estimates": [make_estimate("exact_matches", "all") | {"value": 0.333}]}
    text = text_of(render_checklist(TEMPLATES, changed))
    assert "frequency likelihood ratio 0.777." in text and "Exact matches 0.333 [0.500]." in text


@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
def test_checklist_prints_on_two_pages(results, folder, earlier_files, tmp_path):
    earlier = [read_earlier(earlier_files, COHORT, BUILD)] * 3
    private = with_privacy(results, epsilon=4.0, delta=1e-5)
    record = describe_example(private, folder, earlier=earlier)
    row = frequency_attack(record)
    attacks = ("distance", "density", "frequency", "adaptive", "loss", "shadow")
    groups = ("all", "case", "control", "top_tenth_rare", "smaller_groups")
    record["attacks"] = [row | {"attack": a, "group": b} for a in attacks for b in groups]
    record["other_estimates"] = [
        make_estimate(*one) for one in [*ATTACKERS["copies"], *ATTACKERS["phenotype"]]
    ]
    record["joint_attacks"] = [make_joint(a, b) for a in attacks[:-1] for b in ("all", "worst")]
    pair = {"shared_variants": 2000, "difference_forecast_auc": 0.6, "exceeds_limit": False}
    record["joint_differences"] = [pair | {"phenotype": name} for name in ("cad", "t1d", "t2d")]
    check_valid(record)
    (tmp_path / "page.html").write_text(render_checklist(TEMPLATES, record))
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--print-to-pdf=page.pdf"]
    command += ["--no-pdf-header-footer", "page.html"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert len(re.findall(rb"/Type\s*/Page\b", (tmp_path / "page.pdf").read_bytes())) == 2
