"""Broken configurations are rejected with a code and a place."""

import os
import tempfile
from pathlib import Path

import pytest
from broken_input import Change, dead_link, empty, folder_of_that_name, gone
from test_config import CONFIG, ROOT, SHIPPED, changed, check

from snpgen.config import Sources, expand_chromosomes, load_settings
from snpgen.input_files import check_file, check_files, check_writable
from snpgen.messages import Code, InputError

INVALID, UNKNOWN, CONFLICT = Code.INVALID_SETTING, Code.UNKNOWN_KEY, Code.CONFLICTING_SETTINGS


@pytest.fixture(autouse=True)
def _in_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


SHARED: dict[str, tuple[str, object, Code, str]] = {
    "unknown section": ("modle", {}, UNKNOWN, "modle"),
    "unknown key": ("vae/step", 3, UNKNOWN, "vae.step"),
    "capital letter": ("panel/Size", 9, UNKNOWN, "panel.Size"),
    "word instead of a number": ("vae/steps", "many", INVALID, "vae.steps"),
    "number below the range": ("vae/steps", 0, INVALID, "vae.steps"),
    "negative size": ("panel/size", -5, INVALID, "panel.size"),
    "number above the range": ("panel/clump_r2", 1.5, INVALID, "panel.clump_r2"),
    "number without a point": ("panel/max_p", "5e-8", INVALID, "panel.max_p"),
    "build as at UCSC": ("cohort/build", "hg19", INVALID, "cohort.build"),
    "chromosome without quotes": ("cohort/chromosomes", 22, INVALID, "cohort.chromosomes"),
    "chromosome X": ("cohort/chromosomes", "1-22,X", INVALID, "cohort.chromosomes"),
    "no scale": ("calibration/scales", [], INVALID, "calibration.scales"),
    "AUC of chance": (
        "calibration/max_forecast_auc",
        0.5,
        INVALID,
        "calibration.max_forecast_auc",
    ),
    "negative noise": ("calibration/noise", -1, INVALID, "calibration.noise"),
    "two shadow models": ("evaluation/shadow_models", 2, INVALID, "evaluation.shadow_models"),
    "odd number of shadow models": (
        "evaluation/shadow_models",
        5,
        INVALID,
        "evaluation.shadow_models",
    ),
    "unknown baseline": ("baselines", ["wgan"], INVALID, "baselines.0"),
    "blank in the name of a phenotype": (
        "phenotypes",
        ["config/phenotypes/Type 1.yaml"],
        INVALID,
        "phenotypes.0",
    ),
    "phenotype with the name of a folder": (
        "phenotypes",
        ["config/phenotypes/cohort.yaml"],
        INVALID,
        "phenotypes.0",
    ),
    "no phenotype": ("phenotypes", [], INVALID, "phenotypes"),
}


@pytest.mark.parametrize("name", SHARED)
def test_broken_shared_setting(name: str) -> None:
    path, value, code, key = SHARED[name]
    with pytest.raises(InputError) as caught:
        check(changed(path, value))
    error = caught.value
    assert (error.code, error.file, error.key) == (code, CONFIG, key)
    assert "\n" not in str(error) and len(str(error)) < 300


def test_missing_key() -> None:
    config = changed("sampling/steps", 1)
    del config["sampling"]["steps"]
    with pytest.raises(InputError) as caught:
        check(config)
    assert (caught.value.code, caught.value.key) == (INVALID, "sampling.steps")


def test_missing_file_of_a_phenotype() -> None:
    with pytest.raises(InputError) as caught:
        check(changed("phenotypes", ["mine/height.yaml"]))
    error = caught.value
    assert (error.code, error.file, error.key) == (
        Code.UNREADABLE_FILE,
        "mine/height.yaml",
        "phenotypes",
    )
    assert str(ROOT) in error.what  # where relative paths start


TRAIT = 'column: trait\ncoding: "0/1"\n'
# Content of the file of a phenotype; code, line and key of the error.
OWN: dict[str, tuple[str, Code, int | None, str | None]] = {
    "empty": ("", Code.EMPTY_FILE, None, "phenotypes"),
    "only comments": ("# later\n", Code.INVALID_YAML, None, None),
    "tabs": (f"{TRAIT}panel:\n\tsize: 10\n", Code.INVALID_YAML, 4, None),
    "no space after the colon": ('column: trait\ncoding:"0/1"\n', Code.INVALID_YAML, 3, None),
    "duplicate key": (f"{TRAIT}column: height\n", Code.DUPLICATE_KEY, 3, "column"),
    "duplicate key in a section": (
        f"{TRAIT}split:\n  train: 0.7\n  train: 0.8\n",
        Code.DUPLICATE_KEY,
        5,
        "train",
    ),
    "no coding": ("column: trait\n", INVALID, None, "coding"),
    "coding as a number": ("column: trait\ncoding: 1\n", INVALID, None, "coding"),
    "unknown coding": ("column: trait\ncoding: case/control\n", INVALID, None, "coding"),
    "unknown key": (f"{TRAIT}covariate: [sex]\n", UNKNOWN, None, "covariate"),
    "unknown key of a section": (
        f"{TRAIT}panel: {{sise: 10}}\n",
        UNKNOWN,
        None,
        "panel.sise",
    ),
    "unknown condition": (
        f"{TRAIT}conditions: {{sexes: true}}\n",
        UNKNOWN,
        None,
        "conditions.sexes",
    ),
    "override below the range": (f"{TRAIT}panel: {{size: -1}}\n", INVALID, None, "panel.size"),
    "no threshold": ("column: trait\ncoding: quantitative\n", CONFLICT, None, "coding"),
    "threshold of cases and controls": (f"{TRAIT}threshold: 3\n", CONFLICT, None, "threshold"),
    "threshold in words": (
        "column: trait\ncoding: quantitative\nthreshold: high\n",
        INVALID,
        None,
        "threshold",
    ),
    "no classes": ("column: trait\ncoding: classes\n", CONFLICT, None, "coding"),
    "classes of cases and controls": (
        f"{TRAIT}classes: ['no', 'yes']\n",
        CONFLICT,
        None,
        "classes",
    ),
    "one class": ("column: trait\ncoding: classes\nclasses: [all]\n", INVALID, None, "classes"),
    "class as a number": (
        "column: trait\ncoding: classes\nclasses: ['0', 1]\n",
        INVALID,
        None,
        "classes.1",
    ),
    "class with a bar": (
        "column: trait\ncoding: classes\nclasses: [a|b, c]\n",
        INVALID,
        None,
        "classes.0",
    ),
    "phenotype among the covariates": (
        f"{TRAIT}covariates: [age, trait]\n",
        CONFLICT,
        None,
        "covariates",
    ),
    "reserved name of a covariate": (
        f"{TRAIT}covariates: [age, value]\n",
        CONFLICT,
        None,
        "covariates",
    ),
    "computed components among the covariates": (
        f"{TRAIT}covariates: [age, PC2, PC1]\npcs: {{count: 2}}\n",
        CONFLICT,
        None,
        "covariates",
    ),
    "category that is no covariate": (
        f"{TRAIT}categorical: [centre]\n",
        CONFLICT,
        None,
        "categorical",
    ),
    "shares that do not sum to 1": (f"{TRAIT}split: {{train: 0.8}}\n", CONFLICT, None, "split"),
    "summary statistics on another build": (
        f"{TRAIT}panel: {{sumstats: their.tsv, sumstats_build: GRCh37}}\n",
        CONFLICT,
        None,
        "panel.sumstats_build",
    ),
    "differential privacy with another noise": (
        f"{TRAIT}differential_privacy: {{epsilon: 4}}\ncalibration: {{noise: 1}}\n",
        CONFLICT,
        None,
        "calibration.noise",
    ),
}


@pytest.mark.parametrize("name", OWN)
def test_broken_file_of_a_phenotype(name: str, tmp_path: Path) -> None:
    text, code, line, key = OWN[name]
    file = tmp_path / "own.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        check(changed("phenotypes", [str(file)]))
    error = caught.value
    assert (error.code, error.file, error.line, error.key) == (code, str(file), line, key)


def test_file_that_is_not_utf8(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_bytes("column: Größe\n".encode("latin-1"))
    with pytest.raises(InputError) as caught:
        check(changed("phenotypes", [str(file)]))
    assert (caught.value.code, caught.value.file) == (Code.NOT_UTF8, str(file))


def test_a_conflict_of_shared_settings_is_in_the_shared_file(tmp_path: Path) -> None:
    file, text = tmp_path / "own.yaml", TRAIT
    file.write_text(text)
    config = changed("split", SHIPPED["split"] | {"train": 0.9})
    with pytest.raises(InputError) as caught:
        check(config | {"phenotypes": [str(file)]})
    assert (caught.value.code, caught.value.file) == (CONFLICT, CONFIG)
    file.write_text(f"{text}differential_privacy: {{epsilon: 4}}\n")
    with pytest.raises(InputError) as caught:
        check(changed("phenotypes", [str(file)]))
    error = caught.value
    assert (error.code, error.file, error.key) == (CONFLICT, CONFIG, "seed")


def test_a_key_of_the_command_line_is_in_no_file() -> None:
    sources = Sources((CONFIG,), {"seed": "x"})
    with pytest.raises(InputError) as caught:
        load_settings(changed("seed", "x"), sources)
    error = caught.value
    assert (error.code, error.file, error.key) == (INVALID, "--config", "seed")


def test_two_phenotypes_with_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "demo.yaml").write_text(TRAIT)
    with pytest.raises(InputError) as caught:
        check(changed("phenotypes", [str(tmp_path / "demo.yaml"), *SHIPPED["phenotypes"]]))
    assert (caught.value.code, caught.value.key) == (CONFLICT, None)


@pytest.mark.parametrize(
    ("text", "build"),
    [("8-1", "GRCh38"), ("1-5,3", "GRCh38"), ("1-23", "GRCh37"), ("0-3", "other")],
)
def test_invalid_chromosomes(text: str, build: str) -> None:
    with pytest.raises(InputError) as caught:
        expand_chromosomes(text, build)
    assert (caught.value.code, caught.value.key) == (INVALID, "cohort.chromosomes")


FILES: dict[str, tuple[Change, Code]] = {
    "missing": (gone, Code.UNREADABLE_FILE),
    "directory": (folder_of_that_name, Code.UNREADABLE_FILE),
    "broken link": (dead_link, Code.UNREADABLE_FILE),
    "empty": (empty, Code.EMPTY_FILE),
    "without permission": (lambda path: path.chmod(0), Code.UNREADABLE_FILE),
}


@pytest.mark.parametrize("name", FILES)
def test_file_that_cannot_be_used(name: str) -> None:
    """As another user in a folder that this user can enter, because root may read any file."""
    change, code = FILES[name]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o755)
        table = folder / "phenotypes.tsv"
        table.write_text("IID\n")
        change(table)
        is_root = os.geteuid() == 0
        try:
            if is_root:
                os.seteuid(65534)  # nobody
            with pytest.raises(InputError) as caught:
                check_file(str(table), "cohort.table")
        finally:
            if is_root:
                os.seteuid(0)
    error = caught.value
    assert (error.code, error.file, error.key) == (code, str(table), "cohort.table")


PATHS = [
    "external_cohort",
    "split/file",
    "panel/sumstats",
    "panel/include",
    "panel/exclude",
    "phenotype/table",
    "phenotype/causal",
]


@pytest.mark.parametrize("path", PATHS)
def test_missing_file_of_each_key(path: str) -> None:
    (settings,) = check(changed("external_cohort", None))
    section, _, key = path.rpartition("/")
    (settings[section] if section else settings)[key] = "mine/missing"
    with pytest.raises(InputError) as caught:
        check_files(SHIPPED["cohort"], {"demo": settings}, ["1"])
    error = caught.value
    assert error.code is Code.UNREADABLE_FILE
    assert error.key == path.removeprefix("phenotype/").replace("/", ".")
    assert error.file.startswith("mine/missing")


@pytest.mark.parametrize("key", ["genotypes", "table", "covariates", "kinship", "info"])
def test_missing_file_of_the_cohort(key: str) -> None:
    with pytest.raises(InputError) as caught:
        check_files(SHIPPED["cohort"] | {key: "mine/missing"}, {}, ["1"])
    error = caught.value
    assert (error.code, error.key) == (Code.UNREADABLE_FILE, f"cohort.{key}")
    assert error.file.startswith("mine/missing")


def test_missing_chromosome_and_scoring_file(tmp_path: Path) -> None:
    for ending in ("bed", "bim", "fam"):
        (tmp_path / f"chr1.{ending}").write_text("x")
    cohort = SHIPPED["cohort"] | {"genotypes": f"{tmp_path}/chr{{chromosome}}"}
    check_files(cohort, {}, ["1"])
    with pytest.raises(InputError) as caught:
        check_files(cohort, {}, ["1", "2"])
    assert caught.value.file == f"{tmp_path}/chr2.bed"
    (settings,) = check(SHIPPED)
    settings["phenotype"]["scoring_files"] = ["mine/PGS1.txt"]
    with pytest.raises(InputError) as caught:
        check_files(SHIPPED["cohort"], {"demo": settings}, ["1"])
    assert (caught.value.file, caught.value.key) == ("mine/PGS1.txt", "scoring_files")


@pytest.mark.parametrize("ending", ["vcf", "vcf.gz", "bcf", "bgen"])
def test_genotypes_that_need_conversion(ending: str) -> None:
    with pytest.raises(InputError) as caught:
        check_files(SHIPPED["cohort"] | {"genotypes": f"cohort.{ending}"}, {}, ["1"])
    assert (caught.value.code, caught.value.key) == (Code.NOT_PLINK, "cohort.genotypes")


def test_folder_that_is_not_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_writable([str(tmp_path), str(tmp_path / "missing")])
    monkeypatch.setattr(os, "access", lambda place, mode: False)  # root may write anywhere
    with pytest.raises(InputError) as caught:
        check_writable([str(tmp_path)])
    assert (caught.value.code, caught.value.file) == (Code.NOT_WRITABLE, str(tmp_path))


def test_the_file_that_the_broken_ones_differ_from_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(TRAIT)
    check(changed("phenotypes", [str(tmp_path / "own.yaml")]))
