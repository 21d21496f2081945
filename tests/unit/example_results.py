"""A small results directory as the workflow writes it, for the tests of report and release."""

import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy.stats import norm

from snpgen.evaluation.metrics_table import COLUMNS, VARIANT
from snpgen.io.plink import write_fileset
from snpgen.report.privacy import describe_contents, describe_privacy, read_release_texts
from snpgen.report.results import Results, read_results
from snpgen.report.templates import read_texts

ROOT = Path(__file__).parents[2]
TEMPLATES = read_texts(map(str, (ROOT / "workflow/report").glob("*.jinja")), suffix=True)
STYLE = (ROOT / "workflow/report/page.css").read_text()
SETTINGS = yaml.safe_load((ROOT / "config/config.yaml").read_text()) | {
    "phenotype": yaml.safe_load((ROOT / "config/phenotypes/demo.yaml").read_text())
}
SUBJECTS = ["snpgen", "snpgen_balanced", "reconstruction", "independent"]
BINS = ["0-10kb", "10-50kb", "50-250kb", "250-1000kb"]
REAL_IDS = [f"REAL{i:05d}" for i in range(400)]
# metric: (value of snpgen, of reconstruction, of independent, half width, ceiling, floor)
FIDELITY = {
    "af_pearson": (0.99961, 0.99985, 0.9999, 0.0001, 0.99972, 0.41),
    "af_rmse": (0.0062, 0.0031, 0.0034, 0.0004, 0.0055, 0.21),
    "af_slope": (0.998, 1.001, 1.0, 0.003, 0.999, 0.0),
    "n_lost": (0, 0, 0, 0, 0, 3),
    "inbreeding_f": (0.004, 0.002, 0.0, 0.002, 0.001, 0.0),
    "c2st_xgboost": (0.742, 0.641, 0.998, 0.012, 0.497, 1.0),
}
ASSOCIATION = {
    "heldout_slope": (0.953, 0.7, 0.987, 0.02, 0.31, 0.0),
    "heldout_pearson": (0.961, 0.988, 0.991, 0.006, 0.71, 0.0),
    "effect_sign": (0.91, 0.95, 0.96, 0.01, 0.82, 0.5),
    "true_slope": (0.98, 0.73, 0.94, 0.05, 0.33, 0.0),
    "true_pearson": (0.88, 0.7, 0.8, 0.05, 0.6, 0.0),
}
UTILITY = {
    "auc_prs": (0.689, 0.701, 0.688, 0.014, 0.702, 0.5),
    "auc_prs_given_pcs": (0.691, 0.7, 0.69, 0.014, 0.7, 0.5),
    "auc_ridge": (0.757, 0.772, 0.7, 0.013, 0.784, 0.501),
    "auc_xgboost": (0.735, 0.748, 0.681, 0.013, 0.761, 0.499),
    "retention_ridge": (0.905, 0.958, 0.704, 0.03, 1.0, 0.0),
}
PRIVACY = {
    "exact_matches": (0, 0, 0, 0, 0, 0),
    "dcr_ratio": (1.04, 0.93, 1.05, 0.01, 1.0, 0.0),
    "mia_distance_auc": (0.503, 0.561, 0.508, 0.011, 0.5, 0.5),
    "mia_distance_tpr_0.01": (0.011, 0.031, 0.012, 0.004, 0.01, 0.01),
    "mia_frequency_auc": (0.571, 0.602, 0.604, 0.011, 0.5, 0.5),
    "mia_frequency_tpr_0.01": (0.021, 0.029, 0.031, 0.005, 0.01, 0.01),
}

TRAINING = {"batch_size": 256, "learning_rate": 0.01, "weight_decay": 0.45}
MODELS = {
    "vae": {
        "architecture": {"hidden": 64, "positions": [1, 5_000]},
        "settings": {"hidden": 64, "steps": 333, "block_size": 16, "latents": 8} | TRAINING,
        "nats_per_individual": {"kl": 3.21, "log_likelihood_gain": 2.1, "reconstruction": 51.24},
        "posterior_collapse": False,
        "differential_privacy": None,
        "parameters": 712345,
        "training_seconds": 61.2,
    },
    "diffusion": {
        "architecture": {"width": 32},
        "settings": {"width": 32, "steps": 1250, "layers": 3, "label_dropout": 0.1} | TRAINING,
        "parameters": 341234,
        "training_seconds": 48.7,
    },
    "guidance": {
        "guidance_scale": 1.5,
        "effect_slope_before_matching": 0.97,
        "effects": "shrunken",
        "epsilon": None,
        "delta": None,
    },
}


def make_metrics() -> pd.DataFrame:
    """A table like metrics.tsv, with a missing value and the controls of the privacy audit."""
    rows = []

    def add(domain, metric, subject, stratum, value, half, ceiling, floor, n=800):
        low, high = (value - half, value + half) if half else (np.nan, np.nan)
        rows.append(("demo", domain, metric, subject, stratum, value, low, high, ceiling, floor, n))

    tables = zip(
        ["fidelity", "association", "utility", "privacy"],
        [FIDELITY, ASSOCIATION, UTILITY, PRIVACY],
        strict=True,
    )
    for domain, table in tables:
        for metric, (own, reconstruction, independent, half, ceiling, floor) in table.items():
            values = dict(zip(SUBJECTS, [own, own, reconstruction, independent], strict=True))
            for subject, value in values.items():
                add(domain, metric, subject, "all", value, half, ceiling, floor)
            if domain == "utility":
                add(domain, metric, "real", "all", ceiling, half, ceiling, floor)
    for subject, slope in zip(SUBJECTS, [0.92, 0.91, 0.97, 0.02], strict=True):
        add("fidelity", "ld_slope", subject, "all", slope, 0.01, 0.99, 0.0)
        add("fidelity", "ld_far_rmse", subject, "all", 0.014, 0.0004, 0.013, 0.014)
        for i, distance in enumerate(BINS):
            add("fidelity", "ld_pearson", subject, distance, slope - 0.05 * i, 0.02, 0.99, 0.0)
            add("fidelity", "ld_slope", subject, distance, slope - 0.06 * i, 0.02, 0.98, 0.0)
            add("fidelity", "ld_rmse", subject, distance, 0.03 + 0.004 * i, 0.002, 0.02, 0.1)
            add("fidelity", "ld_r2", subject, distance, 0.3 / (i + 1), 0.01, 0.31 / (i + 1), 0.001)
    for share, own, alone in ((5, 0.74, 0.7), (20, 0.75, 0.73), (100, 0.76, 0.784)):
        for subject, value in (("snpgen", own), ("independent", own - 0.02), ("real", 0.784)):
            name = f"added_to_{share}"
            add("utility", f"auc_ridge_{name}", subject, "all", value, 0.01, 0.784, alone)
            gains = value - alone, 0.01, 0.784 - alone, 0
            add("utility", "auc_gain_ridge", subject, name, *gains)
    for subject in SUBJECTS:
        add("utility", "n_snps", subject, "all", 120, 0, np.nan, np.nan)
    for metric, value in {"auc_prs": 0.771, "n_snps": 62, "p_threshold": 0.001}.items():
        add("utility", metric, "clumping_thresholding", "all", value, 0, np.nan, np.nan)
    controls = {
        "positive_control": (0.528, 0.058, 0.008),
        "negative_control": (0.501, 0.009, 0.004),
    }
    for attack in ("distance", "frequency"):
        for subject, (auc, tpr, half) in controls.items():
            add("privacy", f"mia_{attack}_auc", subject, "all", auc, 0.012, 0.5, 0.5)
            add("privacy", f"mia_{attack}_tpr_0.01", subject, "all", tpr, half, 0.01, 0.01)
    add("association", "causal_found", "snpgen", "p<5e-8", np.nan, 0, np.nan, np.nan)
    times = {"train_vae": 61.2, "train_diffusion": 48.7, "sample_cohort": 9.4}
    for stage, seconds in times.items():
        add("cost", "wall_seconds", "snpgen", stage, seconds, 0, np.nan, np.nan, 1)
        add("cost", "peak_rss_mb", "snpgen", stage, 10 * seconds, 0, np.nan, np.nan, 1)
    return pd.DataFrame(rows, columns=COLUMNS)


def add_groups(metrics: pd.DataFrame) -> pd.DataFrame:
    """metrics.tsv with two groups that are judged, and one that has too few test individuals.

    SNPgen lost some of the second group and most of the third. Fewer than 10 individuals are in a cell.
    """
    rows = []

    def add(domain, metric, subject, stratum, value, n, ceiling=np.nan, floor=np.nan):
        place = "demo", domain, metric, subject, stratum
        rows.append((*place, value, value - 0.02, value + 0.02, ceiling, floor, n))

    sizes = {"real": [200, 60, 20], "snpgen": [240, 35, 5], "independent": [200, 70, 10]}
    tests = {"real": (0.5, 0.51), "snpgen": (0.55, 0.68), "independent": (0.9, np.nan)}
    for subject, numbers in sizes.items():
        for name, n in zip(["north", "south", "east"], numbers, strict=True):
            add("fidelity", "group_share", subject, f"group:{name}", n / 280, n)
            add("fidelity", "prevalence", subject, f"group:{name}", 0.25, n)
        for name, n, value in zip(["north", "south"], numbers, tests[subject], strict=False):
            ceiling = dict(zip(["north", "south"], tests["real"], strict=True))[name]
            add("fidelity", "c2st_xgboost", subject, f"group:{name}", value, n, ceiling, 0.97)
            add("fidelity", "pc_energy", subject, f"group:{name}", 0.1, n, 0.0, 0.5)
            add("utility", "auc_ridge", subject, f"group:{name}", 0.7, 50, 0.72, 0.5)
        worst = max(np.nan_to_num(tests[subject], nan=1.0))
        add("fidelity", "c2st_xgboost", subject, "worst_group", worst, 280, 0.51, 0.97)
    add("privacy", "mia_frequency_auc", "snpgen", "group:south", 0.53, 95, 0.52)
    return pd.concat([metrics, pd.DataFrame(rows, columns=COLUMNS)], ignore_index=True)


def make_frequencies(variants: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Allele frequencies of every cohort in every stratum."""
    tables = []
    for stratum in ("all", "case", "control"):
        for subject in ["real", "test", *SUBJECTS]:
            noise = 0.0 if subject == "real" else 0.006
            frequency = variants.effect_allele_frequency + rng.normal(0, noise, len(variants))
            place = variants[VARIANT]
            tables.append(
                place.assign(stratum=stratum, subject=subject, frequency=frequency.clip(0, 1))
            )
    return pd.concat(tables)


def make_region(variants: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Correlations of the first six variants in three cohorts."""
    i, j = np.triu_indices(6, k=1)
    ids = variants.variant_id.to_numpy()
    places = pd.DataFrame({"i": i, "j": j, "first": ids[i], "second": ids[j]})
    tables = [
        places.assign(subject=name, r=rng.uniform(-1, 1, 15)) for name in ("real", "test", "snpgen")
    ]
    return pd.concat(tables, ignore_index=True)


def make_components() -> pd.DataFrame:
    """Counts of individuals in a few cells; the test individuals are too few to be shown."""
    cells = [
        (name, "", x, y, more + x + y)
        for name, more in (("real", 5), ("snpgen", 6))
        for x, y in product(range(3), repeat=2)
    ]
    return pd.DataFrame(cells, columns=["subject", "group", "x", "y", "samples"])


def make_curves() -> pd.DataFrame:
    """ROC curves of two attacks on a cohort and on the controls; planted copies are detected."""
    fpr = 10.0 ** np.linspace(-3, 0, 13)
    tprs = {"snpgen": fpr, "negative_control": fpr, "positive_control": 0.05 + 0.95 * fpr}
    tables = [
        pd.DataFrame({"subject": subject, "attack": attack, "fpr": fpr, "tpr": tpr})
        for subject, tpr in tprs.items()
        for attack in ("distance", "frequency")
    ]
    return pd.concat(tables, ignore_index=True)


def make_effects(variants: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Log odds ratios of every cohort, one missing."""
    tables = []
    for subject in ["real", "test", *SUBJECTS]:
        noise = 0.0 if subject == "real" else 0.04
        place = variants[VARIANT]
        beta = variants.beta + rng.normal(0, noise, len(variants))
        tables.append(place.assign(subject=subject, beta=beta, standard_error=0.04))
    table = pd.concat(tables, ignore_index=True)
    table.loc[len(variants) + 2, ["beta", "standard_error"]] = np.nan
    return table


def make_sumstats(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """GWAS-SSF rows in genomic order with two loci, and a variant without a result."""
    z = rng.normal(size=n) * 1.02
    z[n // 10 : n // 10 + 12] += 7.5
    z[n // 2 : n // 2 + 8] -= 6.2
    table = pd.DataFrame(
        {
            "chromosome": np.sort(rng.integers(1, 9, n)).astype(str),
            "base_pair_location": 0,
            "effect_allele": "A",
            "other_allele": "G",
            "beta": z * 0.04,
            "standard_error": 0.04,
            "effect_allele_frequency": rng.uniform(0.02, 0.98, n),
            "neg_log_10_p_value": -(norm.logsf(abs(z)) + np.log(2)) / np.log(10),
            "variant_id": [f"rs{1000 + i}" for i in range(n)],
            "n": 280,
            "n_cases": 70,
            "test": "logistic",
        }
    )
    positions = table.groupby("chromosome").cumcount() + 1
    table["base_pair_location"] = positions * 12_345
    table.loc[5, ["beta", "standard_error", "neg_log_10_p_value"]] = np.nan
    return table


def make_loci(variants: pd.DataFrame) -> pd.DataFrame:
    """Thirty loci with one variant each."""
    index_variants = variants.nlargest(30, "neg_log_10_p_value").sort_index()
    columns = ["chromosome", "variant_id", "effect_allele", "neg_log_10_p_value", "beta"]
    place = index_variants[columns]
    loci = place.assign(start=index_variants.position, end=index_variants.position, n_variants=1)
    return loci.assign(locus=range(1, 31), beta_corrected=0.8 * loci.beta)


def make_variance_explained() -> pd.DataFrame:
    """R2 that is inflated in training individuals, and one close to 0."""
    rows = [("train", "marginal", 0.31, 0.4), ("train", "corrected", 0.2, 0.3)]
    rows += [("validation", "marginal", 0.004, 0.11), ("validation", "corrected", 0.098, 0.12)]
    table = pd.DataFrame(
        rows, columns=["split", "effects", "panel_liability_r2", "genome_wide_liability_r2"]
    )
    table["panel_standard_error"] = [0.02, 0.02, 0.004, 0.02]
    return table.assign(
        n=280,
        n_cases=70,
        prevalence=0.25,
        panel_variants=120,
        genome_wide_variants=1500,
        genome_wide_standard_error=0.02,
        liability_r2_ratio=table.panel_liability_r2 / table.genome_wide_liability_r2,
    )


def make_training(parts: dict[str, tuple[float, float]]) -> pd.DataFrame:
    """Loss curves from start + height to start, higher in validation."""
    steps = np.arange(60, 1501, 60)
    tables = []
    for part, (start, height) in parts.items():
        for split, factor in (("train", 1.0), ("validation", 1.06)):
            value = factor * start + height * np.exp(-steps / 300)
            tables.append(
                pd.DataFrame({"step": steps, "split": split, "part": part, "value": value})
            )
    return pd.concat(tables)


def make_results(root: Path, variants_scanned: int = 3000, panel_size: int = 120) -> Path:
    """Write results/demo below `root` and return its path."""
    rng = np.random.default_rng(1)
    folder = root / "results" / "demo"
    for name in ("gwas", "panel", "model", "evaluation", "synthetic", "funnel", "restricted"):
        (folder / name).mkdir(parents=True)
    (root / "results" / "cohort").mkdir()

    def write(table, path, na="NA"):
        table.to_csv(path, sep="\t", index=False, na_rep=na)

    sumstats = make_sumstats(variants_scanned, rng)
    write(sumstats, folder / "gwas/sumstats.tsv.gz", na="#NA")
    chosen = sumstats.dropna().sort_values("neg_log_10_p_value", ascending=False)
    chosen = chosen.head(panel_size).sort_index()
    columns = ["chromosome", "position", "variant_id", "effect_allele", "other_allele"]
    columns += ["effect_allele_frequency", "beta", "standard_error", "neg_log_10_p_value"]
    variants = chosen.rename(columns={"base_pair_location": "position"})[columns]
    variants = variants.reset_index(drop=True)
    variants["beta_corrected"] = 0.8 * variants.beta
    rank = variants.neg_log_10_p_value.rank(ascending=False).astype(int)
    variants.insert(0, "rank", rank)
    loci = make_loci(variants)
    locus = np.maximum(loci.index.searchsorted(variants.index, side="right"), 1)
    panel = variants.assign(locus=locus, reason="top p after clumping")
    panel["shrinkage"] = np.linspace(0.9, 0.02, panel_size).round(6)
    panel["kept"] = (panel.shrinkage > 0.3).astype(int)
    write(panel, folder / "panel/variants.tsv")
    forecast = pd.DataFrame({"stratum": ["all", "case", "control"] * 2, "attack": "naive"})
    forecast.loc[3:, "attack"] = "adaptive"
    forecast["auc"] = [0.53, 0.612, np.nan, 0.58, 0.69, 0.61]
    write(forecast, folder / "panel/forecast.tsv")
    write(loci, folder / "panel/loci.tsv")
    write(make_variance_explained(), folder / "panel/variance_explained.tsv")
    write(make_metrics(), folder / "metrics.tsv")
    write(make_frequencies(variants, rng), folder / "evaluation/frequencies.tsv")
    write(make_effects(variants, rng), folder / "evaluation/effects.tsv")
    write(make_region(variants, rng), folder / "evaluation/ld_region.tsv")
    write(make_components(), folder / "evaluation/components.tsv")
    write(make_curves(), folder / "evaluation/curves.tsv")

    funnel = pd.DataFrame(
        [
            ("in the .fam", "samples", 412, 0, ""),
            ("call rate", "samples", 400, 12, "fewer than 0.95 of genotypes called"),
            ("in the .bim", "variants", 3100, 0, ""),
            ("frequency", "variants", 3000, 100, "minor allele frequency below 0.01"),
        ],
        columns=["step", "unit", "kept", "dropped", "reason"],
    )
    write(funnel, root / "results/cohort/funnel.tsv")
    for name in ("samples", "split", "variants", "panel"):
        write(funnel.iloc[[1]], folder / f"funnel/{name}.tsv")

    def write_json(content, path):
        (folder / path).write_text(json.dumps(content, indent=2))

    splits = {"train": (280, 70), "validation": (40, 10), "test": (80, 20)}
    write_json(
        {
            "max_kinship_asked": 0.0442,
            "kinship_cut": 0.0442,
            "largest_family": 4,
            "related_pairs_across": 0,
            "max_kinship_across": 0.021,
            "training_related": 0.045,
            "kinship_estimate": None,
            "splits": {
                name: {"samples": individuals, "cases": cases, "controls": individuals - cases}
                for name, (individuals, cases) in splits.items()
            },
        },
        "split.json",
    )
    write_json(
        {
            "n": 280,
            "n_cases": 70,
            "n_controls": 210,
            "n_variants": variants_scanned,
            "n_independent": 1_500,
            "components": 10,
            "lambda_gc": 1.037,
            "lambda_1000": 1.09,
            "n_genome_wide": 14,
            "warnings": [],
        },
        "gwas/summary.json",
    )
    for name, card in MODELS.items():
        write_json(card, f"model/{name}.json")

    write(
        make_training({"reconstruction": (150, 90), "kl": (20, -20)}),
        folder / "model/vae.training.tsv",
    )
    write(make_training({"denoising": (0.6, 0.5)}), folder / "model/diffusion.training.tsv")
    guidance = pd.DataFrame({"scale": [1.0, 1.5], "effect_slope": [0.84, 0.97]})
    write(guidance, folder / "model/guidance.tsv")

    for cohort in SUBJECTS:
        write_cohort(folder / "synthetic" / cohort, variants, rng)
    scores = pd.DataFrame({"IID": REAL_IDS, "score": rng.normal(size=len(REAL_IDS))})
    write(scores, folder / "restricted/test_scores.tsv")
    return folder


def write_cohort(prefix: Path, variants: pd.DataFrame, rng: np.random.Generator) -> None:
    """A synthetic fileset of 40 individuals with its phenotype table."""
    iid = [f"SNPGEN{i:03d}" for i in range(40)]
    phenotype = np.arange(40) % 4 == 0
    dosages = rng.binomial(2, variants.effect_allele_frequency, (40, len(variants))).astype(np.int8)
    samples = pd.DataFrame(
        {"FID": iid, "IID": iid, "father": "0", "mother": "0", "sex": 0, "phenotype": 1 + phenotype}
    )
    write_fileset(str(prefix), dosages, samples, variants)
    table = pd.DataFrame({"FID": iid, "IID": iid, "phenotype": phenotype.astype(int)})
    table.to_csv(f"{prefix}.pheno.tsv", sep="\t", index=False)


def read_example(folder: Path, other: dict[str, str] | None = None, **changes: Any) -> Results:
    """The results of `make_results`, from `other` paths where given, with `changes`."""
    paths = {
        "metrics": str(folder / "metrics.tsv"),
        "split": str(folder / "split.json"),
        "gwas": str(folder / "gwas/summary.json"),
        "panel": str(folder / "panel/variants.tsv"),
        "models": [str(folder / f"model/{name}.json") for name in MODELS],
        "forecast": str(folder / "panel/forecast.tsv"),
    }
    results = read_results("demo", SETTINGS, "snpgen", paths | (other or {}))
    return replace(results, **changes)


def describe_example(results: Results, folder: Path, **changes: Any) -> dict[str, Any]:
    """privacy.json of the results of `make_results`. The training set are the first 280 `REAL_IDS`, 70 of them cases."""
    files = [folder / "synthetic/snpgen.bed", folder / "synthetic/snpgen.pheno.tsv"]
    train = pd.DataFrame({"IID": REAL_IDS[:280], "phenotype": np.repeat(["1", "0"], [70, 210])})
    arguments = {"train": train, "counted": train.IID, "earlier": [], "version": "0.1.0"} | changes
    return describe_privacy(
        results,
        read_release_texts(TEMPLATES),
        describe_contents(files, {"metrics.tsv": "text"}),
        pd.read_csv(files[1], sep="\t", dtype=str),
        **arguments,
    )


def change_metrics(metrics: pd.DataFrame, metric: str, subject: str = "snpgen", **values: float):
    """A copy of metrics.tsv in which a metric of a cohort (stratum all) has other values."""
    changed = metrics.copy()
    rows = (changed.metric == metric) & (changed.subject == subject) & (changed.stratum == "all")
    assert rows.any()
    changed.loc[rows, list(values)] = list(values.values())
    return changed
