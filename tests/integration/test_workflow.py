"""The workflow as a whole: plans, profiles, several phenotypes, one fileset a chromosome."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from small_demo import REPOSITORY, configure, snakemake

from snpgen.io.plink import open_fileset, write_fileset


def rules() -> set[str]:
    text = "".join(path.read_text() for path in (REPOSITORY / "workflow/rules").glob("*.smk"))
    return set(re.findall(r"^rule (\w+):", text, flags=re.MULTILINE))


def test_a_fresh_clone_can_be_planned(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "config", tmp_path / "config")
    planned = snakemake(tmp_path, "--dry-run")
    assert planned.returncode == 0, planned.stdout + planned.stderr
    planned_rules = set(re.findall(r"^(\w+) +\d+$", planned.stdout, flags=re.MULTILINE))
    asked_for = {"fit_loco", "harmonise_sumstats", "train_shadow"}
    asked_for |= {"match_external", "align_external"}  # for a cohort made elsewhere
    asked_for |= {"check_inputs"}  # by snakemake check
    asked_for |= {"compare_phenotypes"}  # for more than one
    asked_for |= {"convert_genotypes"}  # of PLINK 2
    assert rules() - planned_rules == asked_for


def test_a_folder_of_ones_own_takes_the_defaults_of_the_checkout(tmp_path: Path) -> None:
    demo = REPOSITORY / "config/phenotypes/demo.yaml"
    mine = tmp_path / "mine.yaml"
    mine.write_text(f"phenotypes: [{demo}]\n")
    planned = snakemake(tmp_path, "--dry-run", "--configfile", str(mine))
    assert planned.returncode == 0, planned.stdout + planned.stderr
    assert {path.name for path in tmp_path.iterdir()} <= {"mine.yaml", ".snakemake"}


def test_every_rule_has_a_script_of_its_name() -> None:
    scripts = {path.stem for path in (REPOSITORY / "workflow/scripts").glob("*.py")}
    assert scripts == rules()


def test_the_slurm_profile_names_only_rules_that_exist() -> None:
    profile = yaml.safe_load((REPOSITORY / "workflow/profiles/slurm/config.yaml").read_text())
    assert {*profile["set-resources"], *profile["set-threads"], *profile["groups"]} <= rules()
    text = "".join(path.read_text() for path in (REPOSITORY / "workflow/rules").glob("*.smk"))
    on_gpu = {part.split(":")[0] for part in text.split("rule ")[1:] if "gpu=1" in part}
    assert on_gpu == set(profile["set-resources"])


def test_the_slurm_profile_can_be_planned(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "config", tmp_path / "config")
    planned = snakemake(tmp_path, "--dry-run", "--workflow-profile", "slurm")
    assert planned.returncode == 0, planned.stdout + planned.stderr


def test_two_phenotypes_on_one_fileset_a_chromosome(run: Path, tmp_path: Path) -> None:
    simulated = run / "results" / "cohort" / "simulated"
    fileset = open_fileset(str(simulated / "cohort"), ["1", "2", "3"])
    all_samples = np.arange(len(fileset.samples))
    (tmp_path / "data").mkdir()
    for chromosome, variants in fileset.variants.groupby("chromosome"):
        dosages = fileset.read(variants.index.to_numpy(), all_samples)
        write_fileset(f"{tmp_path}/data/chr{chromosome}", dosages, fileset.samples, variants)
    shutil.copy(simulated / "phenotypes.tsv", tmp_path / "data")
    kinship = run / "results" / "cohort" / "kinship.tsv"
    cohort = {
        "genotypes": "data/chr{chromosome}",
        "table": "data/phenotypes.tsv",
        "kinship": str(kinship),
    }
    configure(tmp_path, cohort=cohort)
    demo = yaml.safe_load((tmp_path / "config/phenotypes/demo.yaml").read_text())
    women = demo | {"include": "sex == 2", "covariates": ["age"], "categorical": []}
    women["panel"] = {"size": 40}
    for name, phenotype in (("everybody", demo), ("women", women)):
        phenotype.pop("causal", None)
        (tmp_path / f"config/phenotypes/{name}.yaml").write_text(yaml.safe_dump(phenotype))
    config = yaml.safe_load((tmp_path / "config/config.yaml").read_text())
    config["phenotypes"] = [f"config/phenotypes/{name}.yaml" for name in ("everybody", "women")]
    (tmp_path / "config/config.yaml").write_text(yaml.safe_dump(config))

    targets = [f"results/{name}/panel/genotypes.npz" for name in ("everybody", "women")]
    finished = snakemake(tmp_path, *targets)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert not (tmp_path / "results/cohort/kinship.tsv").exists()
    same = "results/{}/gwas/sumstats.tsv.gz"
    assert (tmp_path / same.format("everybody")).read_bytes() == (
        run / same.format("demo")
    ).read_bytes()
    panel = pd.read_csv(tmp_path / "results/women/panel/variants.tsv", sep="\t")
    assert len(panel) == 40 and panel.chromosome.is_monotonic_increasing
    individuals = pd.read_csv(tmp_path / "results/women/split.tsv", sep="\t", dtype=str)
    table = pd.read_csv(simulated / "phenotypes.tsv", sep="\t", dtype=str).set_index("IID")
    assert set(table.sex[individuals.IID]) == {"2"}


def test_a_quantitative_trait_ranked_by_another_study(run: Path, tmp_path: Path) -> None:
    simulated = run / "results" / "cohort" / "simulated"
    table = pd.read_csv(simulated / "phenotypes.tsv", sep="\t", dtype=str)
    noise = np.random.default_rng(1).normal(size=len(table))
    table["height"] = 170 + 3 * table.trait.astype(float) + noise
    table.to_csv(tmp_path / "phenotypes.tsv", sep="\t", index=False)
    study = pd.read_csv(run / "results/demo/gwas/sumstats.tsv.gz", sep="\t", dtype=str)
    study = study.iloc[::2].drop(columns="variant_id")
    study.to_csv(tmp_path / "study.tsv", sep="\t", index=False)
    cohort = {
        "genotypes": str(simulated / "cohort"),
        "table": "phenotypes.tsv",
        "kinship": str(run / "results" / "cohort" / "kinship.tsv"),
    }
    trait = {"column": "height", "coding": "quantitative", "threshold": 172}
    configure(tmp_path, trait, cohort=cohort, gwas={"jobs": 2}, panel={"sumstats": "study.tsv"})
    demo = yaml.safe_load((tmp_path / "config/phenotypes/demo.yaml").read_text())
    demo.pop("causal")
    (tmp_path / "config/phenotypes/demo.yaml").write_text(yaml.safe_dump(demo))

    finished = snakemake(
        tmp_path, "results/demo/panel/genotypes.npz", "results/demo/panel/variance_explained.tsv"
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    sumstats = pd.read_csv(tmp_path / "results/demo/gwas/sumstats.tsv.gz", sep="\t", dtype=str)
    assert set(sumstats.test) == {"linear"}
    panel = pd.read_csv(tmp_path / "results/demo/panel/variants.tsv", sep="\t", dtype=str)
    ranked = set(map(tuple, study[["chromosome", "base_pair_location"]].to_numpy()))
    assert len(panel) == 100
    assert set(map(tuple, panel[["chromosome", "position"]].to_numpy())) <= ranked
    split = pd.read_csv(tmp_path / "results/demo/split.tsv", sep="\t")
    assert (split.phenotype == (split.value >= 172)).all()
    log = (tmp_path / "logs/harmonise_sumstats/demo.log").read_text()
    assert "test people" in log
