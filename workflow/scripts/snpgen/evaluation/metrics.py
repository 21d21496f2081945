"""The metrics of an evaluation, with their names, explanations, formats and order in the report."""

import re
from dataclasses import dataclass
from math import inf

from snpgen.baselines.registry import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION

MODELS = {"prs": "PRS", "ridge": "ridge", "xgboost": "XGBoost"}  # risk models of the domain utility
SHARES = (5, 10, 20, 50, 100)  # % of the training individuals to which a cohort is added
RATES = (0.001, 0.01, 0.1)  # false-positive rates of membership inference attacks
GROUP = "group:"  # prefix of the stratum of an ancestry group
# Strata of small groups together, and of the group with the worst result.
SMALLER_GROUPS, WORST_GROUP = "smaller_groups", "worst_group"
# Distance bins (Mb) of the covariance of ancestry-informative variants, with their labels.
DISTANCES = {
    "3-10mb": "3 to 10 Mb",
    "10-30mb": "10 to 30 Mb",
    "30-100mb": "30 to 100 Mb",
    "far": "between chromosomes",
}
# What pandas (as of 2.2), R and data.table read as missing, in lower case and without brackets.
_MISSING = {"", "na", "n/a", "nan", "null", "none", "nil"}
_MISSING |= {"1.#ind", "1.#qnan", "1.#inf", "ind", "qnan"}


@dataclass(frozen=True)
class Attack:
    """A membership inference attack: its label, colour and marker."""

    label: str
    colour: str
    marker: str


ATTACKS = {
    "distance": Attack("Nearest distance", BLUE, "o"),
    "frequency": Attack("Frequency likelihood ratio", VERMILLION, "^"),
    "adaptive": Attack("Adaptive", SKY, "v"),
    "density": Attack("Density ratio", GREEN, "D"),
    "loss": Attack("Model loss", ORANGE, "s"),
    "shadow": Attack("Shadow model", PURPLE, "P"),
}


@dataclass(frozen=True)
class Metric:
    """A value of the column `metric` of metrics.tsv.

    `best` is the ideal value ("" if there is none), `digits` the number of decimals, `stratum` the stratum
    that is reported first. A new metric needs an entry in its domain, its range in `_LIMITS` (unless its
    range is infinite), a function of this package that estimates it, and a test.
    """

    name: str
    label: str
    meaning: str
    best: str = ""
    digits: int = 3
    stratum: str = "all"

    @property
    def explanation(self) -> str:
        """The meaning and the ideal value."""
        return "; ".join(
            [self.meaning] * bool(self.meaning) + [f"best: {self.best}"] * bool(self.best)
        )


@dataclass(frozen=True)
class Domain:
    """A value of the column `domain` of metrics.tsv: the question that its metrics answer.

    `missing` lists the possible causes of an NA. The report shows the metrics `main` on its first
    screen.
    """

    question: str
    missing: str
    main: tuple[str, ...]
    metrics: tuple[Metric, ...]


FIDELITY = (
    Metric(
        "group_share",
        "Share of the group",
        "share of individuals with the ancestry of the group, as predicted from genotypes",
        "as in real data",
        4,
    ),
    Metric("af_pearson", "Allele frequency r", "correlation with real frequencies", "1", 4),
    Metric("af_rmse", "Allele frequency RMSE", "root mean squared error", "0", 4),
    Metric(
        "af_slope", "Allele frequency slope", "regression of synthetic on real frequencies", "1"
    ),
    Metric(
        "rare_af_ratio",
        "Rare allele ratio",
        "synthetic divided by real frequency, variants with MAF < 0.05",
        "1",
        stratum="maf<0.05",
    ),
    Metric(
        "n_lost",
        "Variants lost",
        "variants that are monomorphic only in the synthetic cohort",
        "0",
        0,
    ),
    Metric("inbreeding_f", "Inbreeding F", "deficit of heterozygotes", "as in real data", 4),
    Metric("inbreeding_pearson", "Inbreeding F, r", "correlation with F of real individuals", "1"),
    Metric(
        "hwe_below_1e-6", "Hardy-Weinberg", "share of variants with p < 1e-6", "as in real data"
    ),
    Metric("ld_pearson", "LD r", "correlation with real LD, up to 1 Mb", "1"),
    Metric(
        "ld_slope", "LD slope", "regression of synthetic on real LD; below 1 if LD is lost", "1"
    ),
    Metric("ld_rmse", "LD RMSE", "root mean squared error of pairwise correlations", "0", 4),
    Metric("ld_r2", "LD decay", "mean r² of two variants, by distance", "as in real data"),
    Metric(
        "ld_far_rmse",
        "LD between chromosomes",
        "RMSE of correlations; detects spurious structure",
        "0",
        4,
    ),
    Metric(
        "pc_wasserstein",
        "PC distance",
        "Wasserstein distance in SDs of the training individuals, mean of 4 PCs",
        "0",
    ),
    Metric(
        "pc_outside",
        "Outside the PC range",
        "share of individuals outside the 1st to 99th percentile of real individuals",
        "0.02",
    ),
    Metric(
        "pc_energy",
        "Energy distance of PCs",
        "distance between the distributions of individuals along 6 PCs, in SDs of the training individuals",
        "0",
    ),
    *(
        Metric(
            f"ancestry_covariance_{name}",
            f"Ancestry covariance, {label}",
            "covariance of pairs of ancestry-informative variants, divided by the same value for test individuals",
            "1",
        )
        for name, label in DISTANCES.items()
    ),
    Metric(
        "heterozygosity",
        "Heterozygosity",
        "mean proportion of heterozygous genotypes",
        "as in real data",
    ),
    Metric(
        "f_mean",
        "F of individuals, mean",
        "inbreeding coefficient of an individual, given the training frequencies of its group",
        "as in real data",
        4,
    ),
    Metric(
        "f_sd", "F of individuals, SD", "standard deviation among individuals", "as in real data", 4
    ),
    Metric(
        "f_q98",
        "F of individuals, 98 % quantile",
        "the most inbred individuals",
        "as in real data",
        4,
    ),
    Metric(
        "runs_mean",
        "Runs of homozygosity, mean",
        "share of the genome in runs of at least 5 Mb on the panel",
        "as in real data",
        4,
    ),
    Metric(
        "runs_sd",
        "Runs of homozygosity, SD",
        "standard deviation among individuals",
        "as in real data",
        4,
    ),
    Metric(
        "prevalence",
        "Prevalence by group",
        "share of cases among individuals with the ancestry of the group, as predicted from genotypes",
        "as in real data",
    ),
    Metric(
        "precision",
        "Precision",
        "share of synthetic individuals that are as close to real ones as real ones are to each "
        "other",
        "as in real data",
    ),
    Metric(
        "recall",
        "Recall",
        "share of real individuals that are as close to synthetic ones as these are to each other",
        "as in real data",
    ),
    Metric(
        "diversity",
        "Diversity",
        "mean distance between individuals, relative to real individuals",
        "1",
    ),
    *(
        Metric(
            f"c2st_{model.lower()}",
            f"C2ST, {model}",
            "classifier two-sample test: AUC of a classifier of synthetic vs. real individuals",
            "0.5",
        )
        for model in ("XGBoost", "logistic")
    ),
)
ASSOCIATION = (
    Metric(
        "heldout_slope",
        "Held-out slope",
        "regression of effects in test individuals on effects in the cohort; below 1 if effects are "
        "inflated, as in training individuals by sampling errors and winner's curse",
        "1",
    ),
    Metric(
        "heldout_pearson",
        "Held-out r",
        "correlation with effects in test individuals, corrected for their sampling errors",
        "1",
    ),
    Metric("true_slope", "True slope", "regression of true effects on effects in the cohort", "1"),
    Metric("true_pearson", "True r", "correlation with true effects", "1"),
    Metric(
        "false_positives",
        "False positives",
        "share of variants without effect that are significant at 0.05, Bonferroni-corrected",
        "0",
    ),
    Metric(
        "power",
        "Power",
        "share of variants with an effect that are significant at 0.05, Bonferroni-corrected",
        "as in real data",
    ),
    Metric(
        "training_slope",
        "Training slope",
        "regression of synthetic effects on effects in training individuals, which include winner's "
        "curse",
    ),
    Metric("training_pearson", "Training r", "correlation with effects in training individuals"),
    Metric(
        "effect_sign",
        "Effect sign",
        "share with the same sign among the 50 strongest real associations",
        "1",
        stratum="top50",
    ),
    Metric(
        "hits_overlap",
        "Overlap of hits",
        "share of the 50 strongest synthetic associations among the 50 strongest real ones",
        "1",
        stratum="top50",
    ),
    Metric(
        "lambda_gc",
        "Inflation on the panel",
        "lambda: median chi-square divided by its null expectation; above 1 because the panel is "
        "selected for association",
        "as in real data",
    ),
    Metric(
        "causal_found",
        "Causal variants found",
        "share of causal variants on the panel with p < 5e-8",
        "as in real data",
        stratum="p<5e-8",
    ),
)
UTILITY = (
    *(
        Metric(f"{metric}_{model}", f"{label}, {name}", meaning, best)
        for metric, label, meaning, best in (
            (
                "auc",
                "AUC",
                "trained on the cohort, evaluated in test individuals",
                "as in real data",
            ),
            (
                "retention",
                "Retention",
                "AUC - 0.5, divided by the same value for training on real data",
                "1",
            ),
            ("pr_auc", "PR-AUC", "area under the precision-recall curve", "as in real data"),
            ("brier", "Brier score", "mean squared error of the predicted risk", "low"),
            (
                "top_decile_or",
                "Top decile, odds ratio",
                "top decile of predicted risk vs. all others",
                "as in real data",
            ),
        )
        for model, name in MODELS.items()
    ),
    Metric(
        "auc_prs_given_pcs",
        "AUC, PRS given PCs",
        "weights are effects given principal components in the cohort",
        "as in real data",
    ),
    Metric(
        "auc_prs_within_group",
        "AUC, PRS given PCs, within groups",
        "cases vs. controls of the same group",
        "as in real data",
    ),
    *(
        Metric(
            f"auc_ridge_added_to_{share}",
            f"AUC, ridge, added to {share} %",
            f"trained on the cohort and {share} % of the training individuals (at most 50,000 of each); "
            f"permuted reference: trained on these {share} % alone",
        )
        for share in SHARES
    ),
    Metric(
        "auc_gain_ridge",
        "AUC gain, ridge, added to 20 %",
        "increase over training on 20 % of the training individuals (of at most 50,000) alone",
        "high",
        stratum="added_to_20",
    ),
    Metric("n_snps", "Variants", "number of variants in the models or the score", digits=0),
    Metric(
        "p_threshold",
        "p-value threshold",
        "threshold of the score, selected in validation individuals",
        digits=8,
    ),
    Metric(
        "match_rate",
        "Match rate",
        "share of the variants of the scoring file that are in the cohort",
        "1",
    ),
)
PRIVACY = (
    Metric(
        "exact_matches",
        "Exact matches",
        "share of individuals identical to a training individual",
        "0",
        4,
    ),
    Metric(
        "dcr_ratio",
        "DCR ratio",
        "distance to the closest record: median distance to the nearest training individual, "
        "divided by the same value for test individuals",
        "1",
    ),
    Metric(
        "nndr_ratio",
        "NNDR ratio",
        "distance to the nearest divided by the second nearest training individual, relative to "
        "the same value for test individuals",
        "1",
    ),
    Metric(
        "nnaa_train",
        "NNAA, training",
        "nearest-neighbour adversarial accuracy against training individuals; below 0.5 "
        "indicates copying",
        "0.5",
    ),
    Metric(
        "nnaa_test",
        "NNAA, test",
        "nearest-neighbour adversarial accuracy against test individuals",
        "0.5",
    ),
    Metric(
        "privacy_loss",
        "Privacy loss",
        "NNAA against test individuals minus NNAA against training individuals",
        "0",
    ),
    Metric(
        "max_kinship",
        "Largest kinship",
        "largest kinship coefficient with a training individual; 0.5 for a copy",
        "as in real data",
    ),
    Metric(
        "phenotype_inference",
        "Phenotype inference",
        "AUC in training individuals minus AUC in test individuals",
        "0",
    ),
    *(
        Metric(f"mia_{attack}_auc", f"{shown.label} attack, AUC", "", "0.5 (chance)")
        for attack, shown in ATTACKS.items()
    ),
    *(
        Metric(
            f"mia_{attack}_tpr_{rate}",
            f"{shown.label} attack, TPR at FPR {100 * rate:g} %",
            "",
            f"{rate:g} (chance)",
            4,
        )
        for attack, shown in ATTACKS.items()
        for rate in RATES
    ),
    Metric(
        "forecast_auc",
        "Forecast AUC",
        "expected AUC of the frequency attack, calculated before the generator is trained",
        "0.5",
    ),
    Metric(
        "forecast_adaptive_auc",
        "Forecast AUC, adaptive",
        "expected AUC of the adaptive attack, calculated before the generator is trained",
        "0.5",
    ),
)
COST = (
    Metric("wall_seconds", "Wall time, s", "of GWAS and generator", "low", 0),
    Metric("cpu_seconds", "CPU time, s", "of GWAS and generator", "low", 0),
    Metric("peak_rss_mb", "Peak memory, MB", "of the largest step", "low", 0),
    Metric("genotypes_per_second", "Genotypes per second", "generated by the sampler", "high", 0),
)
DOMAINS = {
    "fidelity": Domain(
        "Do the synthetic genotypes resemble real ones?",
        "an empty class, too few individuals or variants, or constant genotypes",
        ("af_pearson", "af_rmse", "ld_slope", "c2st_xgboost"),
        FIDELITY,
    ),
    "association": Domain(
        "Do variants have the same effects as in real individuals?",
        "fewer than 3 variants of this stratum have an estimated effect in both cohorts, or effects in test individuals are mostly sampling error",
        ("heldout_slope", "heldout_pearson", "true_slope", "true_pearson"),
        ASSOCIATION,
    ),
    "utility": Domain(
        "Do models trained on the synthetic cohort predict in real individuals?",
        "a class is empty in the training data or the test set, or the score is constant",
        ("auc_prs", "auc_ridge", "auc_xgboost", "retention_ridge"),
        UTILITY,
    ),
    "privacy": Domain(
        "Can an attacker tell who was in the training set?",
        "an empty group, a constant score, distances of zero, no reference individuals, no "
        "heterozygotes or, for top_tenth_rare, no variant with a MAF below 0.05",
        ("exact_matches", "mia_distance_auc", "mia_adaptive_auc", "mia_loss_auc"),
        PRIVACY,
    ),
    "cost": Domain(
        "What are the computational costs?",
        "the job was too short to be measured",
        ("wall_seconds", "peak_rss_mb", "genotypes_per_second"),
        COST,
    ),
}
METRICS = {metric.name: metric for domain in DOMAINS.values() for metric in domain.metrics}
_LIMITS = {  # lowest and highest possible value of metrics, by regular expression
    r"heldout_pearson": (-inf, inf),  # its correction for sampling errors may exceed 1
    r"\w+_pearson|privacy_loss|phenotype_inference": (-1.0, 1.0),
    r"(pr_)?auc_(?!gain)\w+|c2st_\w+|mia_.+|forecast_.+|nnaa_\w+": (0.0, 1.0),
    r"ld_r2|pc_outside|effect_sign|hits_overlap|causal_found|false_positives|power|prevalence|group_share|heterozygosity": (
        0.0,
        1.0,
    ),
    r"\w+_rmse|\w+_ratio|diversity|pc_wasserstein|top_decile_or_\w+|\w+_sd|runs_mean": (0.0, inf),
}


def describe(metric: str) -> Metric:
    """The entry of a metric; an entry without label and meaning if the metric is not registered."""
    return METRICS.get(metric, Metric(metric, metric, ""))


def possible_range(metric: str) -> tuple[float, float]:
    """Lowest and highest possible value of a metric, infinite if there is no limit."""
    found = [limits for names, limits in _LIMITS.items() if re.fullmatch(names, metric)]
    return found[0] if found else (-inf, inf)


def is_missing_word(name: str) -> bool:
    """Whether pandas or R may read this name in a table as a missing value."""
    return name.strip("<>#-").lower().replace(" ", "") in _MISSING
