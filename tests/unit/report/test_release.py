"""What leaves the secure machine: the listed files, with right checksums, and nothing of real people."""

import hashlib
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from example_results import REAL_IDS, make_results

from snpgen.io.panel import read_variants
from snpgen.io.plink import open_fileset
from snpgen.report.audit import describe_attacks
from snpgen.report.markdown import render_markdown
from snpgen.report.metrics import read_metrics
from snpgen.report.release import (
    ALLOWED,
    count_ambiguous,
    describe_variants,
    render_card,
    write_release,
)

ROOT = Path(__file__).parents[3]
SETTINGS = yaml.safe_load((ROOT / "config" / "config.yaml").read_text()) | {
    "phenotype": {"column": "trait", "table": "/secure/people.tsv"}
}
SETTINGS["panel"] = SETTINGS["panel"] | {"sumstats": "/secure/their.tsv", "include": "/secure/ids"}
RANKING = {"file": "their.tsv", "n_matched": 2345, "warnings": ["Test people may have been seen."]}
COHORTS = ("snpgen", "snpgen_balanced")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return make_results(tmp_path_factory.mktemp("release"))


def make_card(results, ranking, counts=None, metrics=None, **settings):
    def read_json(name):
        return json.loads((results / name).read_text())

    split = read_json("split.json")
    split["splits"]["train"] |= counts or {}
    return render_card(
        template=(ROOT / "workflow/report/model_card.md.jinja").read_text(),
        phenotype="demo",
        settings=SETTINGS | settings,
        metrics=read_metrics(results / "metrics.tsv") if metrics is None else metrics,
        split=split,
        gwas=read_json("gwas/summary.json"),
        ranking=ranking,
        variants=read_variants(results / "panel/variants.tsv"),
        models={
            "Autoencoder": read_json("model/vae.json"),
            "Diffusion model": read_json("model/diffusion.json"),
            "Calibration": read_json("model/guidance.json"),
        },
        citation=yaml.safe_load((ROOT / "CITATION.cff").read_text()),
    )


def make_page(card):
    template, style = (
        (ROOT / "workflow/report" / name).read_text()
        for name in ("model_card.html.jinja", "page.css")
    )
    return render_markdown(card, "Genotypes <for> demo", template, style)


@pytest.fixture(scope="module")
def texts(results):
    variants = read_variants(results / "panel/variants.tsv")
    card = make_card(results, RANKING)
    return {
        "model_card.md": card,
        "model_card.html": make_page(card),
        "variants.tsv": describe_variants(variants),
    }


@pytest.fixture(scope="module")
def copies(results):
    endings = ("bed", "bim", "fam", "pheno.tsv")
    cohorts = [results / f"synthetic/{name}.{end}" for name in COHORTS for end in endings]
    return [*cohorts, results / "metrics.tsv"]


@pytest.fixture
def release(tmp_path, copies, texts):
    write_release(tmp_path / "release", copies, texts)
    return tmp_path / "release"


def test_release_holds_the_listed_files_and_no_other(release):
    assert {path.name for path in release.iterdir()} == ALLOWED | {"SHA256SUMS"}
    assert list(release.parent.iterdir()) == [release]


def test_checksums_are_those_of_the_files(release):
    lines = (release / "SHA256SUMS").read_text().splitlines()
    sums = dict(reversed(line.split("  ")) for line in lines)
    assert sums.keys() == ALLOWED
    for name, digest in sums.items():
        assert hashlib.sha256((release / name).read_bytes()).hexdigest() == digest


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="sha256sum is not installed")
def test_sha256sum_accepts_and_sees_a_change(release):
    def check():
        command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
        return subprocess.run(command, check=False, cwd=release, capture_output=True).returncode

    assert check() == 0
    (release / "metrics.tsv").write_text("changed")
    assert check() == 1


def test_released_filesets_open_and_match_their_phenotypes(release):
    for cohort in COHORTS:
        fileset = open_fileset(str(release / cohort), [])
        phenotypes = pd.read_csv(release / f"{cohort}.pheno.tsv", sep="\t", dtype=str)
        assert fileset.samples.IID.tolist() == phenotypes.IID.tolist()
        assert (fileset.samples.phenotype.astype(int) - 1).tolist() == [
            int(value) for value in phenotypes.phenotype
        ]
        assert len(fileset.variants) == 120


def test_no_real_person_and_no_path_is_in_any_file(release, results):
    private = (results / "restricted/test_scores.tsv").read_text()
    assert all(iid in private for iid in REAL_IDS)  # what is looked for below does exist
    for path in release.iterdir():
        content = path.read_bytes()
        assert not [iid for iid in REAL_IDS if iid.encode() in content], path.name
        assert b"/secure" not in content, path.name
        assert str(results).encode() not in content, path.name


def test_released_variants_tell_no_real_effect(release, results):
    released = pd.read_csv(release / "variants.tsv", sep="\t", dtype=str)
    assert list(released) == [
        "chromosome",
        "position",
        "variant_id",
        "effect_allele",
        "other_allele",
    ]
    panel = pd.read_csv(results / "panel/variants.tsv", sep="\t", dtype=str)
    assert released.equals(panel[list(released)])
    text = (release / "variants.tsv").read_text()
    for column in ("beta", "neg_log_10_p_value", "effect_allele_frequency"):
        assert not [value for value in panel[column] if value in text]


def test_release_is_made_anew(release, copies, texts):
    (release / "private.tsv").write_text("left over")
    write_release(release, copies, texts)
    assert {path.name for path in release.iterdir()} == ALLOWED | {"SHA256SUMS"}


def test_same_files_give_the_same_release(release, copies, texts, tmp_path):
    write_release(tmp_path / "again", copies, texts)
    for path in release.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_any_other_file_is_refused_and_leaves_nothing(tmp_path, copies, texts, results):
    private = results / "restricted/test_scores.tsv"
    mosaic = results / "synthetic/mosaic.bed"  # pieces of real people
    for wrong in ([*copies, private], [*copies, mosaic], copies[1:], [*copies[1:], private]):
        with pytest.raises(ValueError, match="not the files of a release"):
            write_release(tmp_path / "release", wrong, texts)
    assert list(tmp_path.iterdir()) == []


def test_nothing_tells_the_seed_which_would_take_the_noise_off(texts):
    assert len(str(SETTINGS["seed"])) > 5
    assert all(str(SETTINGS["seed"]) not in text for text in texts.values())


def test_card_tells_people_figures_and_columns(texts):
    card = texts["model_card.md"]
    for words in (
        "trained on 280 people (70 cases, 210 controls)",
        "AUC, ridge: 0.757 (0.744 to 0.770), with real people 0.784",
        "parameters 712345",
        "| vae | hidden 64, steps 333 |",
        "- The latents hold 3.21 nats a person",
        "- Gaussian noise of 0.53 standard errors was put on these frequencies: the least",
        "Settings (but for the seed, which is kept back):",
        "an epsilon of 1,235 at a delta of 0.004; the networks and what is taken off for variants",
        "differential privacy",
        "## Licence",
        "sha256sum -c SHA256SUMS",
        "column 5 of the `.bim` (A1 of PLINK 1, ALT of PLINK 2)",
        "They must not be used for:",
        "SNPgen developers. *SNPgen: synthetic genotypes aligned with a phenotype*, version 0.1.0.",
        "## Contact",
        "> **Warning:** Test people may have been seen.\n",
        "Of 2,345 variants, the 120 with the smallest p-values in `their.tsv`\nwere taken",
    ):
        assert words in card, words
    for column in ("FID, IID", "effect_allele", "ci_low", "stratum"):
        assert re.search(rf"\| .*{column}.* \|", card), column
    tables = re.findall(r"(?:^\|.*\n)+", card, flags=re.MULTILINE)
    for table in tables:
        widths = {line.count("|") for line in table.splitlines()}
        assert len(widths) == 1, table


def test_card_of_a_panel_from_our_own_gwas(results):
    card = make_card(results, None, {"samples": 1_200})
    assert "Of 3,000 variants, the 120 with the smallest p-values in training people\nwere" in card
    assert "Warning" not in card and "sumstats" not in card
    assert "None of them is a real person." in card and "of these people equal" not in card


def test_the_card_has_the_alarms_of_the_report(results):
    metrics = read_metrics(results / "metrics.tsv")
    mine = (metrics.metric == "exact_matches") & (metrics.subject == "snpgen")
    metrics.loc[mine, "value"] = 0.02
    card = make_card(results, None, {"samples": 1_199}, metrics)
    assert "**2.00 % of these people equal a training person at every variant,**" in card
    assert "None of them is a real person." not in card
    assert "> **Warning:** There are 10.0 training people for each SNP of the panel." in card


def dictionary(card: str) -> list[str]:
    """Columns of the phenotype tables that the card explains."""
    part = card[card.index("| `*.pheno.tsv` | FID") : card.index("| `variants.tsv` | chromosome")]
    return re.findall(r"^\|[^|]*\| ([^|]+) \|", part, flags=re.MULTILINE)


def test_card_explains_classes_values_and_conditions(results):
    assert dictionary(make_card(results, None)) == ["FID, IID", "phenotype"]
    classes = ["none", "mild", "severe"]
    card = make_card(
        results,
        None,
        {"classes": {"none": 210, "severe": 29, "mild": 41}},
        phenotype={"column": "severity", "coding": "classes", "classes": classes},
        conditions={"sex": True, "group": "ancestry"},
    )
    assert dictionary(card) == ["FID, IID", "phenotype", "class", "sex", "group"]
    assert "the phenotype\n`severity (none; cases mild, severe)`" in card
    assert "(70 cases, 210 controls; none 210, mild 41, severe 29)" in card
    height = {"column": "height", "coding": "quantitative", "threshold": 172.5}
    card = make_card(results, None, phenotype=height)
    assert dictionary(card) == ["FID, IID", "phenotype", "value"]
    assert "phenotype 1 from 172.5 on" in card


def test_card_has_the_words_of_the_owner_or_says_that_there_are_none(results):
    bare = make_card(results, None)
    for key in ("licence", "contact", "citation"):
        assert f"ot set (release.{key} in the configuration)" in bare
    words = {"licence": "CC BY 4.0", "contact": "data@biobank.example", "citation": "Us (2027)."}
    card = make_card(results, None, release=words)
    assert "## Licence\n\nCC BY 4.0\n\n## Contact\n\ndata@biobank.example\n" in card
    assert "- The synthetic cohort: Us (2027).\n" in card and "ot set (release." not in card


def test_card_states_each_attacker_with_interval_and_null(texts):
    card = texts["model_card.md"]
    part = card[card.index("### Frequencies") : card.index("Not tested:")]
    for words in (
        "- The attacker has the allele frequencies of the synthetic people, the genotypes of a person",
        "- He wants to know whether that person was in training.",
        "Frequency likelihood ratio attack, AUC 0.571 (0.560 to 0.582); its interval lies above 0.5,",
        "With nobody to find:\n  0.501 (0.489 to 0.513).",
        "| Frequency likelihood ratio attack, TPR at FPR 1 %; best: 0.01 (chance) | all | 0.0210 (0.0160 to 0.0260) |",
    ):
        assert words in part, words
    assert "its interval holds 0.5, where nothing is found" in card  # of the distance
    titles = re.findall(r"^### (.*)", card, flags=re.MULTILINE)
    assert titles == ["Copies", "Nearest neighbour", "Frequencies"]  # no other attack was made
    assert "Both controls are as they should be." in card


def test_attacks_stand_beside_both_controls_and_gaps_are_empty(results):
    metrics = read_metrics(results / "metrics.tsv")
    metrics = metrics[
        (metrics.subject != "snpgen_balanced") | (metrics.metric != "mia_distance_auc")
    ]
    copies, distance, frequency = describe_attacks(metrics, list(COHORTS))
    rows = {(row["label"], row["samples"]): row["cells"] for row in distance["rows"]}
    assert rows["Nearest distance attack, AUC", "all"] == [
        "0.503 (0.492 to 0.514)",
        "",
        "0.501 (0.489 to 0.513)",
        "0.528 (0.516 to 0.540)",
    ]
    assert copies["rows"][0]["cells"][:2] == ["0.0000", "0.0000"]
    assert copies["finding"] == "it could not be measured"  # without an interval
    assert {row["samples"] for row in frequency["rows"]} == {"all"}


def test_a_void_audit_is_said_twice(results):
    card = make_card(results, None)
    assert "void" not in card
    metrics = read_metrics(results / "metrics.tsv")
    metrics = metrics[metrics.subject != "positive_control"]
    found = metrics.metric.eq("mia_distance_auc") & metrics.subject.eq("negative_control")
    metrics.loc[found, ["value", "ci_low", "ci_high"]] = 0.6, 0.58, 0.62
    card = make_card(results, None, metrics=metrics)
    assert "> **The privacy audit of this cohort is void:** an attack tells apart people" in card
    assert "**The audit is void:** an attack tells apart people" in card
    assert "Both controls" not in card


def test_strands_that_alleles_do_not_tell_are_counted():
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
def test_plink_counts_the_alleles_that_the_card_says(release, tmp_path, plink, options, column):
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


class Reader(HTMLParser):
    """Texts of headings and cells, open elements, and what would be fetched."""

    def __init__(self, page):
        super().__init__()
        self.texts, self.ids, self.fetched, self.levels, self.inside = [], [], [], [], ""
        self.scopes = set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.inside = tag
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.levels += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        if tag == "th":
            self.scopes.add(attributes.get("scope"))
        self.fetched += [attributes[key] for key in ("src", "href") if key in attributes]

    def handle_data(self, data):
        if self.inside != "style":
            self.texts.append(data)


def words(text):
    return re.findall(r"\w+", text)


def test_page_tells_what_the_card_tells(texts):
    page = texts["model_card.html"]
    reader = Reader(page[page.index("<main>") : page.index("<footer>")])
    body = " ".join(reader.texts[reader.texts.index("Synthetic genotypes for demo") :])
    assert words(body) == words(texts["model_card.md"].replace("|---", "|"))


def test_page_is_readable_by_machines_and_stands_alone(texts):
    page = texts["model_card.html"]
    reader = Reader(page)
    assert reader.levels[0] == 1 and reader.levels.count(1) == 1
    steps = zip(reader.levels, reader.levels[1:], strict=False)
    assert all(after - before <= 1 for before, after in steps)
    assert len(set(reader.ids)) == len(reader.ids)
    assert {f"#{name}" for name in reader.ids} >= {one for one in reader.fetched if one[0] == "#"}
    assert all(one.startswith("#") for one in reader.fetched) and len(reader.fetched) >= 10
    assert reader.scopes == {"col"}
    assert page.count("<table>") == page.count('class="wide" tabindex="0" role="region"') > 5
    assert "<title>Genotypes &lt;for&gt; demo</title>" in page and '<html lang="en">' in page


def test_html_in_a_card_is_shown_and_not_run():
    page = make_page("# A <b>\n\n<script>alert(1)</script>\n\n| a |\n|---|\n| <i>x</i> |\n")
    assert "&lt;script&gt;" in page and "<script" not in page and "<i>" not in page
