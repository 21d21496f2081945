"""The results of one phenotype, as input of the report, the model card and the comparison."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from snpgen.association.selection import MIN_SHRINKAGE
from snpgen.baselines.registry import MIXTURE, SUBJECTS
from snpgen.evaluation.metrics import WORST_GROUP
from snpgen.io.files import read_json
from snpgen.io.panel import read_variants
from snpgen.io.tables import read_own_table
from snpgen.report.estimates import read_metrics, rows_by_name, suppress_cells
from snpgen.report.joint import describe_joint, read_joint

MODELS = ("vae", "diffusion", "calibration")


@dataclass(frozen=True)
class Results:
    """Results of one phenotype.

    `settings` are all settings of the phenotype; `subject` is the cohort that the report describes; `metrics` is
    metrics.tsv without the rows of `suppress_cells`; `split` and `gwas` are the summaries of these steps; `panel`
    has the variants; `models` are the cards of the networks and of the calibration (`vae`, `diffusion`,
    `calibration`), empty for an external cohort; `external_sumstats` is the summary of external summary statistics,
    if the variants were ranked by them; `forecast` has the forecast AUC of attacks on the generator's target
    frequencies (stratum, attack, auc), and `by_size` the same for several sizes of the cohort; `prior` is that of
    the shrinkage, with its slopes; `joint` has the attacks on all phenotypes of the run together, if there are
    several, and `differences` the forecasts for individuals in the frequencies of only one cohort.
    """

    phenotype: str
    settings: dict[str, Any]
    subject: str
    metrics: pd.DataFrame
    split: dict[str, Any]
    gwas: dict[str, Any]
    panel: pd.DataFrame
    models: dict[str, dict[str, Any]]
    external_sumstats: dict[str, Any] | None = None
    forecast: pd.DataFrame | None = None
    by_size: pd.DataFrame | None = None
    prior: pd.DataFrame | None = None
    joint: pd.DataFrame | None = None
    differences: pd.DataFrame | None = None

    @property
    def shrunken(self) -> bool:
        """Whether class differences were corrected for winner's curse; False for an external cohort."""
        return bool(self.models) and self.models["calibration"]["effects"] == "shrunken"

    @property
    def limit(self) -> float | None:
        """The limit on the forecast AUC of the adaptive attack; None if it does not apply."""
        return self.settings["calibration"]["max_forecast_auc"] if self.shrunken else None

    @property
    def joint_release(self) -> dict[str, Any] | None:
        """The joint attacks on all phenotypes and their consequences (`describe_joint`); None for one phenotype."""
        if self.joint is None or self.differences is None:
            return None
        min_cell = self.settings["release"]["min_cell"]
        return describe_joint(self.joint, self.differences, self.limit, min_cell)

    @property
    def shrinkage(self) -> dict[str, float]:
        """Numbers on the shrinkage of the panel's class differences.

        `kept` differences are not set to zero, `signal` have a factor of at least `MIN_SHRINKAGE`, `mean`
        is the mean factor, and `largest` the largest.
        """
        factor = self.panel.shrinkage
        return {
            "kept": int((self.panel.kept == 1).sum()),
            "signal": int((factor >= MIN_SHRINKAGE).sum()),
            "mean": float(factor.mean()),
            "largest": float(factor.max()),
        }

    @property
    def external_effects(self) -> bool:
        """Whether the effects are those of an independent study."""
        return self.prior is not None and bool((self.prior.source == "external").all())

    @property
    def slopes(self) -> list[str]:
        """Slopes by which shrinkage factors were multiplied, by contrast; none if all are 1."""
        if self.prior is None:
            return []
        slopes = self.prior.groupby("contrast", sort=False).slope.first()
        return [f"{slope:.2f}" for slope in slopes] if (slopes != 1).any() else []

    @property
    def mixture(self) -> dict[str, Any] | None:
        """How a Gaussian mixture of the latents compares with the diffusion model; None if not measured.

        `pairs` hold the rows of metrics.tsv of the two-sample test in the cohort (`own`) and in the baseline
        (`mixture`), by `stratum`. The mixture is `worse` if it lies above the interval of the cohort in one.
        """
        rows, test = rows_by_name(self.metrics), "c2st_xgboost"
        pairs: list[dict[str, Any]] = [
            {"stratum": stratum, "own": rows[test, stratum, self.subject], "mixture": mixture}
            for stratum in ("all", WORST_GROUP)
            if (mixture := rows.get((test, stratum, MIXTURE))) is not None
            and (test, stratum, self.subject) in rows
        ]
        if not pairs or not self.models:
            return None
        worse = any(pair["mixture"].value > pair["own"].ci_high for pair in pairs)
        return {"label": SUBJECTS[MIXTURE].label.lower(), "pairs": pairs, "worse": worse}

    @property
    def safe_size(self) -> float | None:
        """Largest size of the cohort (`by_size`) at which the adaptive attack is within the limit.

        It is a multiple of the training set; None if there is no such size, or no forecast.
        """
        if self.by_size is None or self.limit is None:
            return None
        adaptive = self.by_size[self.by_size.attack == "adaptive"]
        worst = adaptive.groupby("size").auc.max()
        safe = worst.index[worst <= self.limit]
        return float(safe.max()) if len(safe) else None

    @property
    def n_train(self) -> int:
        """Number of training individuals."""
        return self.split["splits"]["train"]["samples"]

    @property
    def n_test(self) -> int:
        """Number of test individuals."""
        return self.split["splits"]["test"]["samples"]


def read_results(
    phenotype: str, settings: dict[str, Any], subject: str, paths: Mapping[str, Any]
) -> Results:
    """Read the results of one phenotype from the paths of their files, by name.

    `models` are the cards of `MODELS`, or empty; `external_sumstats`, `forecast`, `by_size`, `prior`, `joint` and
    `differences` may be missing.
    """
    external = paths.get("external_sumstats")
    joint, differences = (
        read_joint(str(paths[name])) if paths.get(name) else None
        for name in ("joint", "differences")
    )
    forecast, by_size, prior = (
        read_own_table(str(paths[name]), ["contrast"]) if paths.get(name) else None
        for name in ("forecast", "by_size", "prior")
    )
    return Results(
        phenotype,
        settings,
        subject,
        metrics=suppress_cells(read_metrics(paths["metrics"]), settings["release"]["min_cell"]),
        split=read_json(paths["split"]),
        gwas=read_json(paths["gwas"]),
        panel=read_variants(paths["panel"]),
        models=dict(zip(MODELS, map(read_json, paths["models"]), strict=False)),
        external_sumstats=read_json(str(external)) if external else None,
        forecast=forecast,
        by_size=by_size,
        prior=prior,
        joint=joint,
        differences=differences,
    )
