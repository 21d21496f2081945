"""Broken configurations are refused with a code and a place."""

import os
import tempfile
from pathlib import Path

import pytest
from broken_input import (
    Change,
    dead_link,
    empty,
    folder_of_that_name,
    gone,
    see,
)
from snakemake.exceptions import WorkflowError
from test_config import ROOT, SHIPPED, changed, check, load_settings

README = "(see config/README.md)"
CHROMOSOMES = 'Autosomes to use, as in "1-22" or "1,3,5-7". In quotes.'
YAML_NUMBER = "YAML reads numbers in quotes, and 5e-8, as text: write 5.0e-8"
CONFIG: dict[str, tuple[str, object, str]] = {
    "misspelt key": (
        "panel/Size",
        9,
        (
            "config.yaml, panel: unknown key 'Size'. Allowed keys: size, max_p, clump_kb, clump_r2, "
            "max_per_locus, long_range_ld, include, exclude, sumstats, sumstats_build, "
            f"sumstats_independent {README}"
        ),
    ),
    "build as at UCSC": (
        "cohort/build",
        "hg19",
        (f"config.yaml, cohort.build: 'hg19' is not one of ['GRCh37', 'GRCh38', 'other'] {README}"),
    ),
    "chromosome X": (
        "cohort/chromosomes",
        "1-22,X",
        (
            "config.yaml, cohort.chromosomes: '1-22,X' does not match "
            f"'^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$': {CHROMOSOMES} {README}"
        ),
    ),
    "number without a point": (
        "panel/max_p",
        "5e-8",
        f"config.yaml, panel.max_p: '5e-8' is not of type 'number'. {YAML_NUMBER} {README}",
    ),
    "negative size": (
        "panel/size",
        -5,
        f"config.yaml, panel.size: -5 is less than the minimum of 2 {README}",
    ),
    "phenotype with a blank in its name": (
        "phenotypes",
        ["config/type 1.yaml"],
        (
            "config.yaml, phenotypes.0: 'config/type 1.yaml' does not match "
            "'^(.*/)?(?!cohort\\\\.)[a-z][a-z0-9_]*\\\\.ya?ml$': Name the file with a to z, 0 to 9 and "
            f"_, other than cohort, and end it in .yaml. {README}"
        ),
    ),
    "no phenotype": (
        "phenotypes",
        [],
        f"config.yaml, phenotypes: [] should be non-empty {README}",
    ),
    "phenotype's file that is not there": (
        "phenotypes",
        ["mine/height.yaml"],
        (
            "[F01] mine/height.yaml, phenotypes: the file does not exist; relative paths start at "
            f"{ROOT}. Correct 'phenotypes'."
        ),
    ),
}


@pytest.mark.parametrize("name", CONFIG)
def test_configuration_that_is_broken(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    path, value, sentence = CONFIG[name]
    see(WorkflowError, tmp_path, sentence, lambda: check(changed(path, value)))


OWN: dict[str, tuple[str, str]] = {
    "empty": ("", "[F02] own.yaml, phenotypes: the file is empty. Correct 'phenotypes'."),
    "comments alone": ("# later\n", "own.yaml holds no settings: write 'key: value' lines"),
    "tabs": (
        'column: trait\ncoding: "0/1"\npanel:\n\tsize: 10\n',
        (
            "own.yaml, line 4: found character '\\t' that cannot start any token: indent with spaces, and "
            "write 'key: value'"
        ),
    ),
    "no space after the colon": (
        'column: trait\ncoding:"0/1"\n',
        "own.yaml, line 3: could not find expected ':': indent with spaces, and write 'key: value'",
    ),
    "key twice": (
        'column: trait\ncoding: "0/1"\ncolumn: height\n',
        "own.yaml, line 3: column stands twice: take one out",
    ),
    "no coding": (
        "column: trait\n",
        f"own.yaml, top level: 'coding' is a required property {README}",
    ),
    "coding that YAML takes for a date": (
        "column: trait\ncoding: 1\n",
        f"own.yaml, coding: 1 is not one of ['0/1', '1/2', 'quantitative', 'classes'] {README}",
    ),
    "phenotype among the covariates": (
        'column: trait\ncoding: "0/1"\ncovariates: [age, trait]\n',
        "own.yaml, covariates: trait is the phenotype itself: leave it out",
    ),
    "shares that do not sum to 1": (
        'column: trait\ncoding: "0/1"\nsplit: {train: 0.8}\n',
        "own.yaml, split: train, validation and test sum to 1.1, not to 1",
    ),
    "threshold of classes": (
        'column: trait\ncoding: "0/1"\nthreshold: 3\n',
        "own.yaml, threshold: it goes with coding quantitative alone: leave it out, or correct coding",
    ),
    "differential privacy with a seed to guess": (
        'column: trait\ncoding: "0/1"\ndifferential_privacy: {epsilon: 4}\n',
        (
            "config/config.yaml, seed: with differential_privacy it keeps the noise secret: take one that nobody "
            "guesses, "
            "such as python -c 'import secrets; print(secrets.randbits(62))' prints"
        ),
    ),
    "differential privacy with another noise": (
        'column: trait\ncoding: "0/1"\ndifferential_privacy: {epsilon: 4}\ncalibration: {noise: 1}\n',
        (
            "own.yaml, calibration: noise goes not with differential_privacy, which puts its own: write "
            "null"
        ),
    ),
}


@pytest.mark.parametrize("name", OWN)
def test_phenotypes_file_that_is_broken(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    text, sentence = OWN[name]
    (tmp_path / "own.yaml").write_text(text)
    config = changed("phenotypes", [str(tmp_path / "own.yaml")])
    see(WorkflowError, tmp_path, sentence, lambda: check(config))


@pytest.mark.parametrize(
    ("text", "build", "sentence"),
    [
        ("8-1", "GRCh38", "cohort.chromosomes: 8-1 runs backwards: write 1-8"),
        ("1-5,3", "GRCh38", "cohort.chromosomes: 3 stands twice: take it out once"),
        ("1-23", "GRCh37", "cohort.chromosomes: 23 is not an autosome: SNPgen takes 1 to 22"),
        ("0-3", "other", "cohort.chromosomes: 0 is not an autosome: SNPgen takes 1 to 22"),
    ],
)
def test_chromosomes_that_are_none(text: str, build: str, sentence: str, tmp_path: Path) -> None:
    expand = load_settings(SHIPPED)["expand_chromosomes"]
    see(WorkflowError, tmp_path, sentence, lambda: expand(text, build))


def test_cattle_have_more_chromosomes() -> None:
    assert load_settings(SHIPPED)["expand_chromosomes"]("1-2,29", "other") == ["1", "2", "29"]


FILES: dict[str, tuple[Change, str]] = {
    "not there": (gone, "F01"),
    "folder": (
        folder_of_that_name,
        "F01",
    ),
    "dead link": (
        dead_link,
        "F01",
    ),
    "empty": (empty, "F02"),
    "not ours to read": (
        lambda path: path.chmod(0),
        "F01",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_file_that_cannot_be_used(name: str) -> None:
    """In a folder of its own that nobody else can read either: root may read anything."""
    change, code = FILES[name]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o755)
        (folder / "people.tsv").write_text("IID\n")
        change(folder / "people.tsv")
        look = load_settings(SHIPPED)["check_file"]
        is_root = os.geteuid() == 0
        try:
            if is_root:
                os.seteuid(65534)  # nobody
            path = str(folder / "people.tsv")
            with pytest.raises(WorkflowError) as error:
                look("cohort.table", path)
            assert str(error.value).startswith(f"[{code}] {path}, cohort.table: ")
        finally:
            if is_root:
                os.seteuid(0)
