"""What leaves the secure machine: the listed files, with right checksums, and nothing of real people."""

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml
from example_results import REAL_IDS, make_results

from snpgen.panel import read_variants
from snpgen.plink import open_fileset
from snpgen.report.metrics import read_metrics
from snpgen.report.release import ALLOWED, describe_variants, render_card, write_release

ROOT = Path(__file__).parents[2]
SETTINGS = yaml.safe_load((ROOT / "config" / "config.yaml").read_text()) | {
    "phenotype": {"column": "trait", "table": "/secure/people.tsv"}
}
SETTINGS["panel"] = SETTINGS["panel"] | {"sumstats": "/secure/their.tsv", "include": "/secure/ids"}
RANKING = {"file": "their.tsv", "n_matched": 2345, "warnings": ["Test people may have been seen."]}
COHORTS = ("snpgen", "snpgen_balanced")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return make_results(tmp_path_factory.mktemp("release"))


def make_card(results, ranking, counts=None, **settings):
    def read_json(name):
        return json.loads((results / name).read_text())

    split = read_json("split.json")
    split["splits"]["train"] |= counts or {}
    return render_card(
        template=(ROOT / "workflow/report/model_card.md.jinja").read_text(),
        phenotype="demo",
        settings=SETTINGS | settings,
        metrics=read_metrics(results / "metrics.tsv"),
        split=split,
        gwas=read_json("gwas/summary.json"),
        ranking=ranking,
        n_variants=120,
        models={
            "Autoencoder": read_json("model/vae.json"),
            "Diffusion model": read_json("model/diffusion.json"),
            "Calibration": read_json("model/guidance.json"),
        },
    )


@pytest.fixture(scope="module")
def texts(results):
    variants = read_variants(results / "panel/variants.tsv")
    card = make_card(results, RANKING)
    return {"model_card.md": card, "variants.tsv": describe_variants(variants)}


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
    private = (results / "private/test_scores.tsv").read_text()
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
    private = results / "private/test_scores.tsv"
    mosaic = results / "synthetic/mosaic.bed"  # pieces of real people
    for wrong in ([*copies, private], [*copies, mosaic], copies[1:], [*copies[1:], private]):
        with pytest.raises(ValueError, match="not the files of a release"):
            write_release(tmp_path / "release", wrong, texts)
    assert list(tmp_path.iterdir()) == []


def test_card_tells_people_figures_and_columns(texts):
    card = texts["model_card.md"]
    for words in (
        "trained on 280 people (70 cases, 210 controls)",
        "AUC, ridge: 0.757 (0.744 to 0.770), with real people 0.784",
        "parameters 712345",
        "| vae | hidden 64, steps 333 |",
        "- The latents hold 3.21 nats a person",
        "- Gaussian noise of 0.53 standard errors was put on these frequencies: the least",
        "an epsilon of 1,235 at a delta of 0.004; the networks and what is taken off for variants",
        "differential privacy",
        "## Licence",
        "sha256sum -c SHA256SUMS",
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
    card = make_card(results, None)
    assert "Of 3,000 variants, the 120 with the smallest p-values in training people\nwere" in card
    assert "Warning" not in card


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
    assert "the phenotype\n`severity (none, mild, severe)`" in card
    assert "(70 cases, 210 controls; none 210, mild 41, severe 29)" in card
    height = {"column": "height", "coding": "quantitative", "threshold": 172.5}
    card = make_card(results, None, phenotype=height)
    assert dictionary(card) == ["FID, IID", "phenotype", "value"]
    assert "phenotype 1 from 172.5 on" in card
