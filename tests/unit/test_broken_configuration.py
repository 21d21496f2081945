"""Broken configurations are rejected with a code and a place."""

import os
import tempfile
from functools import partial
from pathlib import Path

import pytest
from broken_input import Change, check_refusal, dead_link, empty, folder_of_that_name, gone
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
    "no synthetic individuals": ("sampling/size", 0, INVALID, "sampling.size"),
    "negative size": ("panel/size", -5, INVALID, "panel.size"),
    "fraction for a number of individuals": (
        "release/min_cell",
        10.0,
        INVALID,
        "release.min_cell",
    ),
    "number above the range": ("panel/clump_r2", 1.5, INVALID, "panel.clump_r2"),
    "number without a point": ("panel/max_p", "5e-8", INVALID, "panel.max_p"),
    "build as at UCSC": ("cohort/build", "hg19", INVALID, "cohort.build"),
    "chromosome without quotes": ("cohort/chromosomes", 22, INVALID, "cohort.chromosomes"),
    "chromosome X": ("cohort/chromosomes", "1-22,X", INVALID, "cohort.chromosomes"),
    "no scale": ("calibration/scales", [], INVALID, "calibration.scales"),
    "AUC of chance": ("calibration/max_forecast_auc", 0.5, INVALID, "calibration.max_forecast_auc"),
    "unknown effects": ("calibration/effects", "raw", INVALID, "calibration.effects"),
    "noise of an earlier version": ("calibration/noise", 1, UNKNOWN, "calibration.noise"),
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
    "phenotype with the name of the recipe": (
        "phenotypes",
        ["recipe.yaml"],
        INVALID,
        "phenotypes.0",
    ),
    "no phenotype": ("phenotypes", [], INVALID, "phenotypes"),
    "earlier release without its keep file": (
        "release/earlier",
        [{"checksums": "SHA256SUMS"}],
        INVALID,
        "release.earlier.0.train",
    ),
}


@pytest.mark.parametrize("name", SHARED)
def test_broken_shared_setting(name: str) -> None:
    path, value, code, key = SHARED[name]
    error = check_refusal(lambda: check(changed(path, value)), code, "config.yaml", key=key)
    assert "\n" not in str(error) and len(str(error)) < 300


def test_missing_key() -> None:
    config = changed("sampling/steps", 1)
    del config["sampling"]["steps"]
    check_refusal(lambda: check(config), INVALID, "config.yaml", key="sampling.steps")


def test_missing_file_of_a_phenotype() -> None:
    config = changed("phenotypes", ["mine/height.yaml"])
    error = check_refusal(
        lambda: check(config), Code.UNREADABLE_FILE, "height.yaml", key="phenotypes"
    )
    assert str(ROOT) in error.what  # where relative paths start


TRAIT = 'column: trait\ncoding: "0/1"\n'
QUANTITATIVE, CLASSES = "column: trait\ncoding: quantitative\n", "column: trait\ncoding: classes\n"
# Content of the file of a phenotype; code, key and line of the error.
OWN: dict[str, tuple] = {
    "empty": ("", Code.EMPTY_FILE, "phenotypes"),
    "only comments": ("# later\n", Code.INVALID_YAML, None),
    "tabs": (f"{TRAIT}panel:\n\tsize: 10\n", Code.INVALID_YAML, None, 4),
    "no space after the colon": ('column: trait\ncoding:"0/1"\n', Code.INVALID_YAML, None, 3),
    "duplicate key": (f"{TRAIT}column: height\n", Code.DUPLICATE_KEY, "column", 3),
    "duplicate key in a section": (
        f"{TRAIT}panel:\n  size: 64\n  size: 65\n",
        Code.DUPLICATE_KEY,
        "size",
        5,
    ),
    "no coding": ("column: trait\n", INVALID, "coding"),
    "coding as a number": ("column: trait\ncoding: 1\n", INVALID, "coding"),
    "unknown coding": ("column: trait\ncoding: case/control\n", INVALID, "coding"),
    "unknown key": (f"{TRAIT}covariate: [sex]\n", UNKNOWN, "covariate"),
    "unknown key of a section": (f"{TRAIT}panel: {{sise: 10}}\n", UNKNOWN, "panel.sise"),
    "unknown condition": (f"{TRAIT}conditions: {{sexes: true}}\n", UNKNOWN, "conditions.sexes"),
    "override below the range": (f"{TRAIT}panel: {{size: -1}}\n", INVALID, "panel.size"),
    "no threshold": (QUANTITATIVE, CONFLICT, "coding"),
    "threshold of cases and controls": (f"{TRAIT}threshold: 3\n", CONFLICT, "threshold"),
    "threshold in words": (f"{QUANTITATIVE}threshold: high\n", INVALID, "threshold"),
    "no classes": (CLASSES, CONFLICT, "coding"),
    "classes of cases and controls": (f"{TRAIT}classes: ['no', 'yes']\n", CONFLICT, "classes"),
    "one class": (f"{CLASSES}classes: [all]\n", INVALID, "classes"),
    "class as a number": (f"{CLASSES}classes: ['0', 1]\n", INVALID, "classes.1"),
    "class with a bar": (f"{CLASSES}classes: [a|b, c]\n", INVALID, "classes.0"),
    "phenotype among the covariates": (
        f"{TRAIT}covariates: [age, trait]\n",
        CONFLICT,
        "covariates",
    ),
    "reserved name of a covariate": (f"{TRAIT}covariates: [age, value]\n", CONFLICT, "covariates"),
    "computed components among the covariates": (
        f"{TRAIT}covariates: [age, PC2, PC1]\n",
        CONFLICT,
        "covariates",
    ),
    "category that is no covariate": (f"{TRAIT}categorical: [centre]\n", CONFLICT, "categorical"),
    "minimum size above the maximum": (
        f"{TRAIT}panel: {{min_size: 65, max_size: 64}}\n",
        CONFLICT,
        "panel.min_size",
    ),
    "split of one phenotype": (f"{TRAIT}split: {{train: 0.8}}\n", UNKNOWN, "split"),
    "components of one phenotype": (f"{TRAIT}pcs: {{count: 2}}\n", UNKNOWN, "pcs"),
    "seed of one phenotype": (f"{TRAIT}seed: 1\n", UNKNOWN, "seed"),
    "summary statistics on another build": (
        f"{TRAIT}panel: {{sumstats: their.tsv, sumstats_build: GRCh37}}\n",
        CONFLICT,
        "panel.sumstats_build",
    ),
    "differential privacy of shrunken effects": (
        f"{TRAIT}differential_privacy: {{epsilon: 4}}\ncalibration: {{effects: shrunken}}\n",
        CONFLICT,
        "calibration.effects",
    ),
}


@pytest.mark.parametrize("name", OWN)
def test_broken_file_of_a_phenotype(name: str, tmp_path: Path) -> None:
    text, code, key, *line = OWN[name]
    file = tmp_path / "own.yaml"
    file.write_text(text)
    check_refusal(
        lambda: check(changed("phenotypes", [str(file)])), code, "own.yaml", *line, key=key
    )


def test_file_that_is_not_utf8(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_bytes("column: Größe\n".encode("latin-1"))
    check_refusal(lambda: check(changed("phenotypes", [str(file)])), Code.NOT_UTF8, "own.yaml")


def test_a_conflict_of_shared_settings_is_in_the_shared_file(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(TRAIT)
    config = changed("split", SHIPPED["split"] | {"train": 0.9}) | {"phenotypes": [str(file)]}
    check_refusal(lambda: check(config), CONFLICT, "config.yaml", key="split")
    file.write_text(
        f"{TRAIT}differential_privacy: {{epsilon: 4}}\ncalibration: {{effects: training}}\n"
    )
    config = changed("phenotypes", [str(file)])
    check_refusal(lambda: check(config), CONFLICT, "config.yaml", key="seed")
    config |= {"seed": 2**60}
    check_refusal(lambda: check(config), CONFLICT, "config.yaml", key="baselines")


def test_a_key_of_the_command_line_is_in_no_file() -> None:
    sources = Sources((CONFIG,), {"seed": "x"})
    call = partial(load_settings, changed("seed", "x"), sources)
    check_refusal(call, INVALID, "--config", key="seed")


def test_two_phenotypes_with_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "demo.yaml").write_text(TRAIT)
    config = changed("phenotypes", [str(tmp_path / "demo.yaml"), *SHIPPED["phenotypes"]])
    check_refusal(lambda: check(config), CONFLICT, "demo.yaml")


@pytest.mark.parametrize(
    ("text", "build"),
    [("8-1", "GRCh38"), ("1-5,3", "GRCh38"), ("1-23", "GRCh37"), ("0-3", "other")],
)
def test_invalid_chromosomes(text: str, build: str) -> None:
    check_refusal(lambda: expand_chromosomes(text, build), INVALID, key="cohort.chromosomes")


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
            call = partial(check_file, str(table), "cohort.table")
            check_refusal(call, code, "phenotypes.tsv", key="cohort.table")
        finally:
            if is_root:
                os.seteuid(0)


def test_file_in_the_results_of_the_run(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    table = tmp_path / "results/cohort/split.tsv"
    table.parent.mkdir(parents=True)
    table.write_text("IID\tsplit\n")
    for file in ("results/cohort/split.tsv", "./results/cohort/split.tsv", str(table)):
        call = partial(check_file, file, "split.file")
        check_refusal(call, Code.CONFLICTING_SETTINGS, "split.tsv", key="split.file")
    monkeypatch.chdir(tmp_path / "results")
    check_file("cohort/split.tsv", "split.file")  # the results of another run


def check_missing(key: str, cohort: dict, settings: dict | None = None) -> None:
    """A file or fileset mine/missing, which the configuration names as `key`, is reported."""
    with pytest.raises(InputError) as caught:
        check_files(cohort, {"demo": settings} if settings else {}, ["1"])
    error = caught.value
    assert (error.code, error.key) == (Code.UNREADABLE_FILE, key)
    assert error.file.startswith("mine/missing")


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
    check_missing(path.removeprefix("phenotype/").replace("/", "."), SHIPPED["cohort"], settings)


@pytest.mark.parametrize("key", ["checksums", "train", "frequencies"])
def test_missing_file_of_an_earlier_release(key: str) -> None:
    files = dict.fromkeys(["checksums", "train", "frequencies"], __file__)
    (settings,) = check(changed("release/earlier", [files | {key: "mine/missing"}]))
    check_missing(f"release.earlier.0.{key}", SHIPPED["cohort"], settings)


@pytest.mark.parametrize("key", ["genotypes", "table", "covariates", "kinship", "info"])
def test_missing_file_of_the_cohort(key: str) -> None:
    check_missing(f"cohort.{key}", SHIPPED["cohort"] | {key: "mine/missing"})


def test_missing_chromosome_and_scoring_file(tmp_path: Path) -> None:
    for ending in ("bed", "bim", "fam"):
        (tmp_path / f"chr1.{ending}").write_text("x")
    cohort = SHIPPED["cohort"] | {"genotypes": f"{tmp_path}/chr{{chromosome}}"}
    check_files(cohort, {}, ["1"])
    call = partial(check_files, cohort, {}, ["1", "2"])
    check_refusal(call, Code.UNREADABLE_FILE, "chr2.bed", key="cohort.genotypes")
    (settings,) = check(SHIPPED)
    settings["phenotype"]["scoring_files"] = ["mine/missing"]
    check_missing("scoring_files", SHIPPED["cohort"], settings)


@pytest.mark.parametrize("ending", ["vcf", "vcf.gz", "bcf", "bgen", "sample"])
def test_genotypes_that_need_conversion(ending: str) -> None:
    cohort = SHIPPED["cohort"] | {"genotypes": f"cohort.{ending}"}
    check_refusal(lambda: check_files(cohort, {}, ["1"]), Code.NOT_PLINK, key="cohort.genotypes")


@pytest.mark.parametrize("ending", ["vcf.gz", "bgen", "pgen"])
def test_genotypes_of_that_name_in_another_format(ending: str, tmp_path: Path) -> None:
    (tmp_path / f"chr1.{ending}").write_text("x")
    cohort = SHIPPED["cohort"] | {"genotypes": f"{tmp_path}/chr{{chromosome}}"}
    call = partial(check_files, cohort, {}, ["1"])
    check_refusal(call, Code.NOT_PLINK, "chr1.bed", key="cohort.genotypes")


def test_sample_file_of_a_bgen_is_not_a_table(tmp_path: Path) -> None:
    (tmp_path / "ukb.sample").write_text("ID_1 ID_2 missing sex\n0 0 0 D\n1 1 0 2\n")
    cohort = SHIPPED["cohort"] | {"table": f"{tmp_path}/ukb.sample"}
    call = partial(check_files, cohort, {}, ["1"])
    check_refusal(call, Code.MALFORMED_TABLE, "ukb.sample", key="cohort.table")


def test_folder_that_is_not_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_writable([str(tmp_path), str(tmp_path / "missing")])
    monkeypatch.setattr(os, "access", lambda place, mode: False)  # root may write anywhere
    check_refusal(lambda: check_writable([str(tmp_path)]), Code.NOT_WRITABLE, tmp_path.name)


def test_the_file_that_the_broken_ones_differ_from_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(TRAIT)
    check(changed("phenotypes", [str(tmp_path / "own.yaml")]))
