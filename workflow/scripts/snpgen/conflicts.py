"""Contradictions between settings, which the schemas cannot detect."""

from collections.abc import Iterator, Mapping
from typing import Any

MIN_SECRET_SEED = 10**12  # a smaller seed could be found by trying all values
RESERVED_COLUMNS = {"FID", "IID", "phenotype", "split", "value", "class", "sex_code", "group"}


def find_conflicts(
    settings: Mapping[str, Any], own: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """Yield the key, the fault and the remedy of each contradiction in the settings of a phenotype.

    `settings` are the shared settings with the overrides of the phenotype; `own` is the content of the
    phenotype's file.
    """
    split = settings["split"]
    total = split["train"] + split["validation"] + split["test"]
    if abs(total - 1) > 1e-6:
        yield "split", f"train, validation and test sum to {total:g}", "Make them sum to 1"

    covariates = set(own.get("covariates", []))
    include = own.get("include") or ""
    categorical = set(own.get("categorical", [])) - covariates
    unlisted = sorted(name for name in categorical if name not in include)
    if unlisted:
        yield (
            "categorical",
            f"{', '.join(unlisted)} is neither in 'covariates' nor in 'include'",
            "Add it to 'covariates', or remove it from 'categorical'",
        )
    if own["column"] in covariates:
        yield "covariates", f"{own['column']} is the phenotype", "Remove it from the list"
    reserved = ", ".join(sorted(RESERVED_COLUMNS & covariates))
    if reserved:
        what = f"{reserved} is a column name reserved by SNPgen"
        yield "covariates", what, "Rename the column"
    count = settings["pcs"]["count"]
    computed = sorted({f"PC{number}" for number in range(1, count + 1)} & covariates)
    if computed:
        what = (
            f"{', '.join(computed)} is also the name of a computed principal component, "
            f"because 'pcs.count' is {count}"
        )
        yield "covariates", what, "Set 'pcs.count' to 0, or rename the column"

    coding = own["coding"]
    if coding == "quantitative" and "threshold" not in own:
        remedy = "Add 'threshold', the lowest value that counts as a case"
        yield "coding", "coding \"quantitative\" requires 'threshold'", remedy
    if coding != "quantitative" and "threshold" in own:
        remedy = "Remove 'threshold', or correct 'coding'"
        yield "threshold", "'threshold' can only be used with coding \"quantitative\"", remedy
    if coding == "classes" and "classes" not in own:
        remedy = "Add 'classes', a list of the classes with the reference class first"
        yield "coding", "coding \"classes\" requires 'classes'", remedy
    if coding != "classes" and "classes" in own:
        remedy = "Remove 'classes', or correct 'coding'"
        yield "classes", "'classes' can only be used with coding \"classes\"", remedy

    panel, build = settings["panel"], settings["cohort"]["build"]
    if panel["min_size"] > panel["max_size"]:
        what = (
            f"'panel.min_size' is {panel['min_size']}, but 'panel.max_size' is {panel['max_size']}"
        )
        yield "panel.min_size", what, "Reduce 'panel.min_size', or increase 'panel.max_size'"
    if panel["sumstats"] and panel["sumstats_build"] != build:
        what = (
            f"the summary statistics are on {panel['sumstats_build']}, but the cohort is on {build}"
        )
        yield "panel.sumstats_build", what, "Lift the file over to the build of the cohort"
    if settings["differential_privacy"]["epsilon"] is not None:
        if settings["calibration"]["effects"] == "shrunken":
            what = (
                "'calibration.effects: shrunken' cannot be combined with 'differential_privacy', "
                "which calibrates to allele frequencies with its own noise"
            )
            yield "calibration.effects", what, "Set it to training"
        if settings["seed"] < MIN_SECRET_SEED:
            remedy = (
                "Use the number printed by python -c 'import secrets; print(secrets.randbits(62))'"
            )
            yield "seed", "differential privacy needs a seed that cannot be guessed", remedy
        if "mixture" in settings["baselines"]:
            what = (
                "the baseline mixture is fitted to the latents of the training individuals, which "
                "'differential_privacy' does not cover"
            )
            yield "baselines", what, "Remove mixture from the list"
