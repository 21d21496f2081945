"""The release: the listed files with checksums, no data of real individuals, and the model card."""

import hashlib
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from example_results import (
    REAL_IDS,
    ROOT,
    SETTINGS,
    STYLE,
    TEMPLATES,
    add_groups,
    change_metrics,
    describe_example,
    make_metrics,
    make_results,
    read_example,
)
from page_outline import Outline, text_of

from snpgen.io.plink import open_fileset
from snpgen.report.audit import ATTACKERS, list_attackers
from snpgen.report.checklist import render_checklist
from snpgen.report.markdown import render_markdown
from snpgen.report.privacy import COHORTS
from snpgen.report.release import (
    CARD_SECTIONS,
    RELEASED,
    VARIANT_COLUMNS,
    count_ambiguous,
    format_metrics,
    format_variants,
    render_card,
    write_release,
)
from snpgen.report.templates import make_environment

CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
CONFIDENTIAL = SETTINGS | {
    "phenotype": {"column": "trait", "coding": "0/1", "table": "/secure/phenotypes.tsv"},
    "panel": SETTINGS["panel"] | {"sumstats": "/secure/their.tsv", "include": "/secure/ids"},
}
OVERLAP = {"kind": "sample_overlap", "facts": {"file": "overlapping.tsv"}}
EXTERNAL = {"file": "their.tsv", "n_matched": 2345, "warnings": [OVERLAP]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_results(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def results(folder):
    return read_example(folder)


def make_card(results, counts=None, **settings):
    """The model card with other `counts` of training individuals and other settings."""
    splits = results.split["splits"]
    splits = splits | {"train": splits["train"] | (counts or {})}
    split = results.split | {"splits": splits}
    changed = replace(results, split=split, settings=results.settings | settings)
    return render_card(TEMPLATES, changed, CITATION)


def make_page(card):
    return render_markdown(card, "Genotypes <for> demo", TEMPLATES["model_card.html.jinja"], STYLE)


@pytest.fixture(scope="module")
def texts(results, folder):
    external = replace(results, settings=CONFIDENTIAL, external_sumstats=EXTERNAL)
    card = make_card(external)
    privacy = describe_example(external, folder)
    return {
        "privacy.json": json.dumps(privacy),
        "checklist.html": render_checklist(TEMPLATES, privacy),
        "model_card.md": card,
        "model_card.html": make_page(card),
        "metrics.tsv": format_metrics(results.metrics),
        "variants.tsv": format_variants(results.panel),
    }


@pytest.fixture(scope="module")
def copies(folder):
    endings = ("bed", "bim", "fam", "pheno.tsv")
    cohorts = [folder / f"synthetic/{name}.{end}" for name in COHORTS for end in endings]
    return cohorts


@pytest.fixture
def release(tmp_path, copies, texts):
    write_release(tmp_path / "release", copies, texts)
    return tmp_path / "release"


def test_release_has_the_listed_files_only(release):
    assert {path.name for path in release.iterdir()} == RELEASED | {"SHA256SUMS"}
    assert list(release.parent.iterdir()) == [release]


def test_checksums_are_those_of_the_files(release):
    lines = (release / "SHA256SUMS").read_text().splitlines()
    sums = dict(reversed(line.split("  ")) for line in lines)
    assert sums.keys() == RELEASED
    for name, digest in sums.items():
        assert hashlib.sha256((release / name).read_bytes()).hexdigest() == digest


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="sha256sum is not installed")
def test_sha256sum_accepts_the_release_and_detects_a_change(release):
    def check():
        command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
        return subprocess.run(command, check=False, cwd=release, capture_output=True).returncode

    assert check() == 0
    (release / "metrics.tsv").write_text("changed")
    assert check() == 1


def test_small_cells_are_in_neither_the_metrics_nor_the_card_of_a_release(folder, tmp_path):
    add_groups(make_metrics()).to_csv(tmp_path / "metrics.tsv", sep="\t", index=False, na_rep="NA")
    paths = {"metrics": str(tmp_path / "metrics.tsv")}
    released = pd.read_csv(
        io.StringIO(format_metrics(read_example(folder, paths).metrics)), sep="\t"
    )
    assert (released.n >= 10).where(released.domain != "cost", True).all()
    east = released[released.stratum == "group:east"]
    assert set(zip(east.metric, east.subject, strict=True)) == {
        ("group_share", "real"),
        ("group_share", "independent"),
    }
    card = make_card(read_example(folder, paths))
    section = card.partition("## By ancestry")[2].partition("## Privacy")[0]
    assert (
        "| C2ST, XGBoost | 0.742 (0.730 to 0.754); 0.497 | 0.550 (0.530 to 0.570); 0.500 |"
        in section
    )
    assert "south (60 training, few synthetic)" in section and "35" not in section
    assert "By ancestry" not in make_card(read_example(folder))


def test_small_classes_are_not_counted_in_the_card(results):
    assert "280 individuals (70 cases, 210 controls)." in make_card(results)
    card = make_card(results, release=SETTINGS["release"] | {"min_cell": 71})
    assert "280 individuals." in card and "210 controls" not in card


def test_released_filesets_open_and_match_their_phenotypes(release):
    for cohort in COHORTS:
        fileset = open_fileset(str(release / cohort), [])
        phenotypes = pd.read_csv(release / f"{cohort}.pheno.tsv", sep="\t", dtype=str)
        assert fileset.samples.IID.tolist() == phenotypes.IID.tolist()
        cases = fileset.samples.phenotype.astype(int) - 1
        assert cases.tolist() == phenotypes.phenotype.astype(int).tolist()
        assert len(fileset.variants) == 120


def test_no_file_has_sample_ids_paths_or_the_seed(release, folder):
    restricted = (folder / "restricted/test_scores.tsv").read_text()
    assert all(iid in restricted for iid in REAL_IDS)  # the IDs that are searched for exist
    assert len(str(SETTINGS["seed"])) > 5
    for path in release.iterdir():
        content = path.read_bytes()
        assert not [iid for iid in REAL_IDS if iid.encode() in content], path.name
        for text in ("/secure", str(folder), str(SETTINGS["seed"])):
            assert text.encode() not in content, path.name


def test_released_variants_have_no_real_effects(release, folder):
    released = pd.read_csv(release / "variants.tsv", sep="\t", dtype=str)
    assert list(released) == VARIANT_COLUMNS
    panel = pd.read_csv(folder / "panel/variants.tsv", sep="\t", dtype=str)
    assert released.equals(panel[list(released)])
    text = (release / "variants.tsv").read_text()
    for column in ("beta", "neg_log_10_p_value", "effect_allele_frequency"):
        assert not [value for value in panel[column] if value in text]


def test_release_is_replaced_by_the_same_bytes(release, copies, texts):
    first = {path.name: path.read_bytes() for path in release.iterdir()}
    (release / "old.tsv").write_text("old")
    write_release(release, copies, texts)
    assert {path.name: path.read_bytes() for path in release.iterdir()} == first


def test_any_other_file_is_refused(tmp_path, copies, texts, folder):
    restricted = folder / "restricted/test_scores.tsv"
    mosaic = folder / "synthetic/mosaic.bed"  # segments of real genotypes
    for wrong in ([*copies, restricted], [*copies, mosaic], copies[1:], [*copies[1:], restricted]):
        with pytest.raises(ValueError):
            write_release(tmp_path / "release", wrong, texts)
    assert list(tmp_path.iterdir()) == []


def test_card_has_numbers_settings_and_columns(texts):
    card = texts["model_card.md"]
    for number in (
        *("280", "70", "210", "0.757 (0.744 to 0.770)", "0.784", "parameters 712345"),
        *(
            "| vae | hidden 64, steps 333,",
            "3.21",
            "82 of 120 variants",
            "2,345",
            "`their.tsv`",
        ),
        *("sha256sum -c SHA256SUMS", CITATION["title"], CITATION["version"]),
        "ranked by the p-values in overlapping.tsv",
    ):
        assert number in card, number
    for column in ("FID, IID", "effect_allele", "ci_low", "stratum"):
        assert re.search(rf"\| .*{column}.* \|", card), column
    assert all(f"\n| {section} |" in card for section in CARD_SECTIONS)
    for table in re.findall(r"(?:^\|.*\n)+", card, flags=re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1, table


def test_card_of_a_panel_from_the_own_gwas(results):
    card = make_card(results, {"samples": 1_200})
    assert "3,000 variants" in card and "sumstats" not in card
    assert "\n> " not in card  # no warning


def test_card_has_the_alarms_of_the_report(results):
    copied = change_metrics(results.metrics, "exact_matches", value=0.02)
    card = make_card(replace(results, metrics=copied), {"samples": 1_199})
    copies, few = re.findall(r"^> (.*)", card, flags=re.MULTILINE)
    assert "2.00\u00a0%" in copies and "10.0" in few
    outside = {"value": 0.6, "ci_low": 0.58, "ci_high": 0.62}
    void = change_metrics(results.metrics, "mia_distance_auc", "negative_control", **outside)
    card = make_card(replace(results, metrics=void), {"samples": 1_200})
    assert len(re.findall(r"^> ", card, flags=re.MULTILINE)) == 2  # one alarm of two lines
    assert card.count("void") == 2


def dictionary(card: str) -> list[str]:
    """Columns of the phenotype tables that the card explains."""
    part = card[card.index("| `*.pheno.tsv` | FID") : card.index("| `variants.tsv` | chromosome")]
    return re.findall(r"^\|[^|]*\| ([^|]+) \|", part, flags=re.MULTILINE)


def test_card_explains_classes_values_and_conditions(results):
    assert dictionary(make_card(results)) == ["FID, IID", "phenotype"]
    classes = ["none", "mild", "severe"]
    card = make_card(
        results,
        {"classes": {"none": 210, "severe": 29, "mild": 41}},
        phenotype={"column": "severity", "coding": "classes", "classes": classes},
        conditions={"sex": True, "group": "ancestry"},
    )
    assert dictionary(card) == ["FID, IID", "phenotype", "class", "sex", "group"]
    assert "`severity (controls: none; cases: mild, severe)`" in card
    assert "none 210, mild 41, severe 29" in card
    height = {"column": "height", "coding": "quantitative", "threshold": 172.5}
    card = make_card(results, phenotype=height)
    assert dictionary(card) == ["FID, IID", "phenotype", "value"] and "172.5" in card


def test_card_has_licence_contact_and_citation_of_the_user(results):
    keys = {"licence", "contact", "citation"}
    empty = make_card(results)
    assert all(f"release.{key}" in empty for key in keys)
    words = {"licence": "CC BY 4.0", "contact": "data@biobank.example", "citation": "Us (2027)."}
    card = make_card(results, release=SETTINGS["release"] | words)
    assert all(text in card for text in words.values()) and "release." not in card


def test_card_describes_each_attacker(texts):
    titles = re.findall(r"^### (.*)", texts["model_card.md"], flags=re.MULTILINE)
    described = make_environment(TEMPLATES, html=False).get_template("audit.jinja").module.ATTACKERS
    assert list(described) == list(ATTACKERS)
    made = [described[name]["title"] for name in ("copies", "distance", "frequency")]
    assert titles == made  # no other attack was made


def test_attackers_have_both_controls_and_empty_gaps(results):
    metrics = results.metrics
    metrics = metrics[
        (metrics.subject != "snpgen_balanced") | (metrics.metric != "mia_distance_auc")
    ]
    copies, distance, frequency = list_attackers(metrics, COHORTS)
    rows = {(row["metric"].name, row["stratum"]): row["cells"] for row in distance["rows"]}
    own, controls = "0.503 (0.492 to 0.514)", ["0.501 (0.489 to 0.513)", "0.528 (0.516 to 0.540)"]
    assert rows["mia_distance_auc", "all"] == [own, "", *controls]
    assert copies["rows"][0]["cells"][:2] == ["0.0000", "0.0000"]
    assert [one["side"] for one in (copies, distance, frequency)] == ["", "includes", "above"]
    assert {row["stratum"] for row in frequency["rows"]} == {"all"}


def test_strand_ambiguous_variants_are_counted():
    pairs = [("A", "T"), ("c", "g"), ("A", "G"), ("AT", ""), ("T", "A"), ("G", "C"), ("C", "A")]
    table = pd.DataFrame(pairs, columns=["effect_allele", "other_allele"])
    assert count_ambiguous(table.iloc[[0, 1, 2, 4, 5, 6]]) == 4


@pytest.mark.parametrize(
    ("plink", "options", "column"),
    [
        ("plink1.9", ["--keep-allele-order"], "effect_allele"),
        ("plink1.9", [], "rarer"),
        ("plink2", [], "other_allele"),
        ("plink2", ["--export-allele", "counted"], "effect_allele"),
    ],
)
def test_plink_counts_the_alleles_that_the_card_names(release, tmp_path, plink, options, column):
    if not shutil.which(plink):
        pytest.skip(f"{plink} is not installed")
    variants = pd.read_csv(release / "variants.tsv", sep="\t", dtype=str)
    variants[["variant_id", "effect_allele"]].to_csv(
        tmp_path / "counted", sep="\t", index=False, header=False
    )
    fileset = open_fileset(str(release / "snpgen"), [])
    dosages = fileset.read(np.arange(len(variants)), np.arange(len(fileset.samples)))
    frequency = dosages.mean(axis=0) / 2
    rarer = variants.effect_allele.where(frequency < 0.5, variants.other_allele)
    variants["rarer"] = rarer.where(frequency != 0.5, variants.effect_allele)
    export = "--export" if plink == "plink2" else "--recode"
    command = [plink, "--bfile", release / "snpgen", export, "A", *options, "--out", "x"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    header = (tmp_path / "x.raw").read_text().split("\n")[0].split()[6:]
    assert header == [f"{row.variant_id}_{row[column]}" for _, row in variants.iterrows()]


def words(text):
    return re.findall(r"\w+", text)


def test_page_has_the_text_of_the_card(texts):
    page = texts["model_card.html"]
    body = page[page.index("<h1") : page.index("<footer>")]
    card = re.sub(r"\]\([^)]*\)", "]", texts["model_card.md"])  # targets of links
    assert words(text_of(body)) == words(card.replace("|---", "|"))


def test_page_is_accessible_and_self_contained(texts):
    page = texts["model_card.html"]
    outline = Outline(page)
    assert outline.headings[0] == 1 and outline.headings.count(1) == 1
    steps = zip(outline.headings, outline.headings[1:], strict=False)
    assert all(after - before <= 1 for before, after in steps)
    assert len(set(outline.ids)) == len(outline.ids)
    assert outline.fetched == ["checklist.html"]
    assert outline.unscoped == [] and outline.open == []
    assert {link[1:] for link in outline.links} <= set(outline.ids) and len(outline.links) >= 10
    assert page.count("<table>") == page.count('class="wide" tabindex="0" role="region"') > 5
    assert "<title>Genotypes &lt;for&gt; demo</title>" in page and '<html lang="en">' in page


def test_html_in_a_card_is_escaped():
    page = make_page("# A <b>\n\n<script>alert(1)</script>\n\n| a |\n|---|\n| <i>x</i> |\n")
    assert "&lt;script&gt;" in page and "<script" not in page and "<i>" not in page
