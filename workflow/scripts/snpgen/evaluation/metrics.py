"""The metrics of an evaluation: how the report names, explains, formats and orders each."""

from dataclasses import dataclass

from snpgen.baselines.registry import BLUE, GREEN, ORANGE, PURPLE, VERMILLION

MODELS = {"prs": "PRS", "ridge": "ridge", "xgboost": "XGBoost"}  # of risk, in utility
SHARES = (5, 10, 20, 50, 100)  # % of the training individuals to which a cohort is added
RATES = (0.001, 0.01, 0.1)  # false-positive rates of membership inference attacks
# What pandas (as of 2.2), R and data.table read as missing, in lower case and without brackets.
_MISSING = {
    "",
    "na",
    "n/a",
    "nan",
    "null",
    "none",
    "nil",
    "1.#ind",
    "1.#qnan",
    "1.#inf",
    "ind",
    "qnan",
}


@dataclass(frozen=True)
class Attack:
    """A membership inference attack: its label, colour and marker."""

    label: str
    colour: str
    marker: str


ATTACKS = {
    "distance": Attack("Nearest distance", BLUE, "o"),
    "frequency": Attack("Frequency likelihood ratio", VERMILLION, "^"),
    "density": Attack("Density ratio", GREEN, "D"),
    "loss": Attack("Model loss", ORANGE, "s"),
    "shadow": Attack("Shadow model", PURPLE, "P"),
}


@dataclass(frozen=True)
class Metric:
    """A value of the column `metric` of metrics.tsv.

    `best` is the ideal value ("" if there is none), `digits` the number of decimals, `stratum` the
    one that is reported first. The report shows a `main` metric on its first screen.
    """

    name: str
    label: str
    meaning: str
    digits: int = 3
    best: str = ""
    stratum: str = "all"
    main: bool = False

    @property
    def explanation(self) -> str:
        """The meaning and the ideal value."""
        return "; ".join(
            [self.meaning] * bool(self.meaning) + [f"best: {self.best}"] * bool(self.best)
        )


@dataclass(frozen=True)
class Domain:
    """A value of the column `domain` of metrics.tsv: the question that its metrics answer."""

    question: str
    metrics: tuple[Metric, ...]

    @property
    def main(self) -> tuple[str, ...]:
        """Names of the main metrics."""
        return tuple(metric.name for metric in self.metrics if metric.main)


DOMAINS = {
    "fidelity": Domain(
        "Do the synthetic genotypes resemble real ones?",
        (
            Metric(
                "af_pearson",
                "Allele frequency r",
                "correlation with real frequencies",
                4,
                "1",
                main=True,
            ),
            Metric(
                "af_rmse",
                "Allele frequency RMSE",
                "typical error of a frequency",
                4,
                "0",
                main=True,
            ),
            Metric("af_slope", "Allele frequency slope", "synthetic on real frequencies", 3, "1"),
            Metric(
                "rare_af_ratio",
                "Rare allele ratio",
                "synthetic over real frequency at MAF < 0.05",
                3,
                "1",
                "maf<0.05",
            ),
            Metric(
                "n_lost",
                "Variants lost",
                "variants that are monomorphic only in the synthetic cohort",
                0,
                "0",
            ),
            Metric("inbreeding_f", "Inbreeding F", "deficit of heterozygotes", 4, "as real"),
            Metric(
                "inbreeding_pearson",
                "Inbreeding F, r",
                "correlation with F of real individuals",
                3,
                "1",
            ),
            Metric(
                "hwe_below_1e-6",
                "Off Hardy-Weinberg",
                "share of variants with p < 1e-6",
                3,
                "as real",
            ),
            Metric("ld_pearson", "LD r", "correlation with real LD, up to 1 Mb", 3, "1"),
            Metric(
                "ld_slope",
                "LD slope",
                "synthetic on real LD; below 1, LD is lost",
                3,
                "1",
                main=True,
            ),
            Metric(
                "ld_rmse", "LD RMSE", "typical error of the correlation of two variants", 4, "0"
            ),
            Metric("ld_far_rmse", "LD between chromosomes", "RMSE; spurious structure", 4, "0"),
            Metric(
                "pc_wasserstein",
                "PC distance",
                "Wasserstein distance in training SDs, mean of 4 PCs",
                3,
                "0",
            ),
            Metric(
                "pc_outside",
                "Outside the PC range",
                "share outside the real 1st to 99th percentile",
                3,
                "0.02",
            ),
            Metric(
                "precision",
                "Precision",
                "share of synthetic individuals among real ones",
                3,
                "as real",
            ),
            Metric(
                "recall", "Recall", "share of real individuals among synthetic ones", 3, "as real"
            ),
            Metric(
                "diversity",
                "Diversity",
                "mean distance of two individuals, relative to real ones",
                3,
                "1",
            ),
            Metric(
                "c2st_xgboost",
                "C2ST, XGBoost",
                "AUC of distinguishing synthetic from real individuals",
                3,
                "0.5",
                main=True,
            ),
            Metric(
                "c2st_logistic",
                "C2ST, logistic",
                "AUC of distinguishing synthetic from real individuals",
                3,
                "0.5",
            ),
        ),
    ),
    "association": Domain(
        "Do variants have the same effects as in real individuals?",
        (
            Metric(
                "effect_slope",
                "Effect slope",
                "synthetic on real log odds ratios",
                3,
                "as real",
                main=True,
            ),
            Metric(
                "effect_pearson",
                "Effect r",
                "correlation of the log odds ratios",
                3,
                "as real",
                main=True,
            ),
            Metric(
                "effect_sign",
                "Effect sign",
                "share correct among the 50 strongest real associations",
                3,
                "1",
                "top50",
            ),
            Metric(
                "hits_overlap",
                "Overlap of hits",
                "share of the 50 strongest real associations",
                3,
                "1",
                "top50",
            ),
            Metric(
                "lambda_gc",
                "Inflation on the panel",
                "median chi-square over its null value; the panel is selected for association",
                3,
                "as real",
            ),
            Metric(
                "causal_found",
                "Causal variants found",
                "share of those on the panel with p < 5e-8",
                3,
                "as real",
                "p<5e-8",
            ),
            Metric(
                "causal_slope", "Causal slope", "estimated on true effects", 3, "as real", main=True
            ),
        ),
    ),
    "utility": Domain(
        "Do models trained on the synthetic cohort predict in real individuals?",
        (
            *(
                Metric(
                    f"{metric}_{model}",
                    f"{label}, {name}",
                    meaning,
                    3,
                    best,
                    main=metric == "auc" or f"{metric}_{model}" == "retention_ridge",
                )
                for metric, label, meaning, best in (
                    (
                        "auc",
                        "AUC",
                        "trained on the cohort, evaluated in test individuals",
                        "as real",
                    ),
                    (
                        "retention",
                        "Retention",
                        "share of the AUC above 0.5 of real training data",
                        "1",
                    ),
                    ("pr_auc", "PR-AUC", "area under the precision-recall curve", "as real"),
                    ("brier", "Brier score", "mean squared error of the risk", "low"),
                    (
                        "top_decile_or",
                        "Top decile, odds ratio",
                        "top risk decile against the rest",
                        "as real",
                    ),
                )
                for model, name in MODELS.items()
            ),
            *(
                Metric(
                    f"auc_ridge_added_to_{share}",
                    f"AUC, ridge, added to {share} %",
                    f"of the training individuals; the floor is {share} % alone",
                )
                for share in SHARES
            ),
            Metric(
                "auc_gain_ridge",
                "AUC gain, ridge, added to 20 %",
                "over 20 % of the training individuals alone",
                3,
                "high",
                "added_to_20",
            ),
            Metric("n_snps", "Variants", "in the models or the score", 0),
            Metric("p_threshold", "p-value threshold", "selected in validation individuals", 8),
            Metric(
                "match_rate", "Match rate", "share of the scoring file that was matched", 3, "1"
            ),
        ),
    ),
    "privacy": Domain(
        "Can an attacker tell who was in the training set?",
        (
            Metric(
                "exact_matches",
                "Exact matches",
                "share identical to a training individual",
                4,
                "0",
                main=True,
            ),
            Metric(
                "dcr_ratio",
                "DCR ratio",
                "distance to training individuals, relative to test individuals",
                3,
                "1",
            ),
            Metric(
                "nndr_ratio",
                "NNDR ratio",
                "nearest over second nearest distance, relative to test individuals",
                3,
                "1",
            ),
            Metric(
                "nnaa_train",
                "NNAA, training",
                "nearest-neighbour adversarial accuracy; below 0.5, copying",
                3,
                "0.5",
            ),
            Metric("nnaa_test", "NNAA, test", "nearest-neighbour adversarial accuracy", 3, "0.5"),
            Metric(
                "privacy_loss", "Privacy loss", "NNAA of test minus training individuals", 3, "0"
            ),
            Metric(
                "max_kinship",
                "Largest kinship",
                "with a training individual; 0.5 is a copy",
                3,
                "as real",
            ),
            Metric(
                "phenotype_inference",
                "Phenotype inference",
                "AUC in training minus test individuals",
                3,
                "0",
            ),
            *(
                Metric(
                    f"mia_{attack}_auc",
                    f"{shown.label} attack, AUC",
                    "",
                    3,
                    "0.5 (chance)",
                    main=attack in ("distance", "frequency", "loss"),
                )
                for attack, shown in ATTACKS.items()
            ),
            *(
                Metric(
                    f"mia_{attack}_tpr_{rate}",
                    f"{shown.label} attack, TPR at FPR {100 * rate:g} %",
                    "",
                    4,
                    f"{rate:g} (chance)",
                )
                for attack, shown in ATTACKS.items()
                for rate in RATES
            ),
            Metric(
                "forecast_auc",
                "Forecast AUC",
                "of the frequency attack, from the numbers of variants and individuals",
                3,
                "0.5",
            ),
        ),
    ),
    "cost": Domain(
        "What are the computational costs?",
        (
            Metric("wall_seconds", "Wall time, s", "of GWAS and generator", 0, "low", main=True),
            Metric("cpu_seconds", "CPU time, s", "of GWAS and generator", 0, "low"),
            Metric("peak_rss_mb", "Peak memory, MB", "of the largest step", 0, "low", main=True),
            Metric(
                "genotypes_per_second",
                "Genotypes per second",
                "generated by the sampler",
                0,
                "high",
                main=True,
            ),
        ),
    ),
}
METRICS = {metric.name: metric for domain in DOMAINS.values() for metric in domain.metrics}


def describe(metric: str) -> Metric:
    """The entry of a metric; one without label or meaning if it is not registered."""
    return METRICS.get(metric, Metric(metric, metric, ""))


def is_missing_word(name: str) -> bool:
    """Whether pandas or R may read this name in a table as a missing value."""
    return name.strip("<>#-").lower().replace(" ", "") in _MISSING
