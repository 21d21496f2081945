"""The workflow as a whole: dry runs, profiles, and other layouts of the input."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from small_demo import REPOSITORY, configure, snakemake, write_yaml

from snpgen.io.plink import open_fileset, write_fileset


def rules() -> dict[str, str]:
    """The text of each rule that runs a script."""
    text = "".join(path.read_text() for path in (REPOSITORY / "workflow/rules").glob("*.smk"))
    found = re.findall(r"^rule (\w+):\n((?:    .*\n|\n)*)", text, flags=re.MULTILINE)
    return {name: body for name, body in found if "script:" in body}


def test_the_shipped_configuration_can_be_planned(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "config", tmp_path / "config")
    planned = snakemake(tmp_path, "--dry-run")
    assert planned.returncode == 0, planned.stdout + planned.stderr
    planned_rules = set(re.findall(r"^(\w+) +\d+$", planned.stdout, flags=re.MULTILINE))
    optional = {"fit_loco", "harmonise_sumstats", "train_shadow"}
    optional |= {"match_external", "align_external"}  # for an external cohort
    optional |= {"check_inputs", "recipe"}  # for snakemake check and snakemake recipe
    # for several phenotypes
    optional |= {"compare_phenotypes", "evaluate_joint", "check_joint"}
    optional |= {"convert_genotypes"}  # of PLINK 2
    assert rules().keys() - planned_rules == optional


def test_a_folder_without_configuration_takes_the_defaults_of_the_checkout(tmp_path: Path) -> None:
    demo = REPOSITORY / "config/phenotypes/demo.yaml"
    mine = tmp_path / "mine.yaml"
    mine.write_text(f"phenotypes: [{demo}]\n")
    planned = snakemake(tmp_path, "--dry-run", "--configfile", str(mine))
    assert planned.returncode == 0, planned.stdout + planned.stderr
    assert {path.name for path in tmp_path.iterdir()} <= {"mine.yaml", ".snakemake"}


def test_every_rule_has_a_script_of_its_name() -> None:
    scripts = {path.stem for path in (REPOSITORY / "workflow/scripts").glob("*.py")}
    assert scripts == rules().keys()


def test_scripts_use_only_what_their_rules_declare() -> None:
    for rule, body in rules().items():
        sections = re.findall(r"^    (\w+):\n((?:        .*\n|\n)*)", body, re.MULTILINE)
        declared = {
            (kind, name)
            for kind, text in sections
            for name in re.findall(r"^        (\w+)=", text, re.MULTILINE)
        }
        script = (REPOSITORY / f"workflow/scripts/{rule}.py").read_text()
        used = re.findall(r"snakemake\.(input|output|params)\.(?!items|get)(\w+)", script)
        assert set(used) <= declared, rule


def test_the_slurm_profile_names_only_rules_that_exist() -> None:
    profile = yaml.safe_load((REPOSITORY / "workflow/profiles/slurm/config.yaml").read_text())
    assert {*profile["set-resources"], *profile["groups"]} <= rules().keys()
    on_gpu = {rule for rule, body in rules().items() if "gpu=1" in body}
    assert on_gpu == set(profile["set-resources"])


def test_the_slurm_profile_can_be_planned(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "config", tmp_path / "config")
    planned = snakemake(tmp_path, "--dry-run", "--workflow-profile", "slurm")
    assert planned.returncode == 0, planned.stdout + planned.stderr


def test_other_layouts_of_the_same_cohort(run: Path, tmp_path: Path) -> None:
    """One fileset per chromosome, a kinship table, external summary statistics, and a subset of samples.

    `biomarker` differs from the shared run in layout, chunks and panel, so with the same split its GWAS is the
    same.
    """
    simulated = run / "results" / "cohort" / "simulated"
    fileset = open_fileset(str(simulated / "cohort"), ["1", "2"])
    all_samples = np.arange(len(fileset.samples))
    (tmp_path / "data").mkdir()
    for chromosome, variants in fileset.variants.groupby("chromosome"):
        dosages = fileset.read(variants.index.to_numpy(), all_samples)
        write_fileset(f"{tmp_path}/data/chr{chromosome}", dosages, fileset.samples, variants)
    cohort = {
        "genotypes": "data/chr{chromosome}",
        "table": str(simulated / "phenotypes.tsv"),
        "kinship": str(run / "results" / "cohort" / "kinship.tsv"),
    }
    sumstats = Path("gwas/sumstats.tsv.gz")
    study = pd.read_csv(run / "results/biomarker" / sumstats, sep="\t", dtype=str)
    study = study.iloc[::2].drop(columns="variant_id")
    study.to_csv(tmp_path / "study.tsv", sep="\t", index=False)

    files = [f"config/phenotypes/{name}.yaml" for name in ("biomarker", "women")]
    # Principal components are fitted to the training individuals of all phenotypes of the shared run.
    others = [f"config/phenotypes/{name}.yaml" for name in ("demo", "severity")]
    split = {"file": str(run / "results/cohort/split.tsv")}
    causal = {"causal": str(simulated / "causal.tsv")}
    configure(tmp_path, causal, cohort=cohort, split=split, phenotypes=[*files, *others])
    shutil.copy(run / others[1], tmp_path / others[1])
    biomarker = yaml.safe_load((run / files[0]).read_text())
    biomarker |= {"panel": {"size": 99_999, "sumstats": "study.tsv"}, "gwas": {"jobs": 2}}
    biomarker |= {"calibration": {"max_forecast_auc": 0.99}}  # for so large a panel
    write_yaml(tmp_path / files[0], biomarker)
    women = {"column": "trait", "coding": "0/1", "include": "sex == 2", "covariates": ["age"]}
    write_yaml(tmp_path / files[1], women | {"panel": {"size": 40}})
    targets = [f"results/{name}/panel/genotypes.npz" for name in ("biomarker", "women")]
    finished = snakemake(tmp_path, *targets, "results/biomarker/panel/variance_explained.tsv")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert not (tmp_path / "results/cohort/kinship.tsv").exists()

    families = json.loads((tmp_path / "results/cohort/split.json").read_text())
    assert families["kinship_cut"] is None and families["largest_family"] > 1

    ours, same = (folder / "results/biomarker" / sumstats for folder in (tmp_path, run))
    assert ours.read_bytes() == same.read_bytes()
    assert set(pd.read_csv(ours, sep="\t", dtype=str).test) == {"linear"}
    split = pd.read_csv(tmp_path / "results/biomarker/split.tsv", sep="\t")
    assert (split.phenotype == (split.value >= biomarker["threshold"])).all()

    # The panel is smaller than requested, since only the variants of the study can be selected.
    panel = pd.read_csv(tmp_path / "results/biomarker/panel/selected.tsv", sep="\t", dtype=str)
    place = ["chromosome", "base_pair_location"]
    ranked = set(map(tuple, study[place].to_numpy()))
    assert set(map(tuple, panel[["chromosome", "position"]].to_numpy())) <= ranked
    assert 200 < len(panel) <= len(study)
    log = (tmp_path / "logs/select_panel/biomarker.log").read_text().replace(",", "")
    assert str(len(panel)) in log and "99999" in log
    # The study may have included the test individuals, which the log warns of.
    assert "test" in (tmp_path / "logs/harmonise_sumstats/biomarker.log").read_text()

    panel = pd.read_csv(tmp_path / "results/women/panel/selected.tsv", sep="\t")
    assert len(panel) == 40 and panel.chromosome.is_monotonic_increasing
    split = pd.read_csv(tmp_path / "results/women/split.tsv", sep="\t", dtype=str)
    table = pd.read_csv(simulated / "phenotypes.tsv", sep="\t", dtype=str).set_index("IID")
    assert set(table.sex[split.IID]) == {"2"}
