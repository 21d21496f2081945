"""Warnings about small classes, relatedness and inflation in a GWAS."""

from typing import Any

from snpgen.io.sumstats import lambda_error
from snpgen.job import log

FEW_CASES = 200
RELATED_SHARE = 0.3  # share of training individuals with a relative in the training set
INFLATION = 1.1  # lambda_1000; polygenicity also inflates lambda in large samples
_ERRORS = 2  # standard errors by which lambda must exceed 1


def gwas_warnings(
    summary: dict[str, Any], split: dict[str, Any], loco: bool
) -> list[dict[str, Any]]:
    """Warnings about few cases, relatives and inflation, with `kind` and `facts`; they are also logged.

    `summary` is the result of `sumstats.summarise` (n_cases and n_controls are None for a
    quantitative trait, lambda_gc and lambda_1000 if they were not estimated), `split` the content of
    `split.json`; `loco` is true if the null models have LOCO offsets.
    """
    warnings = []
    for name in ("cases", "controls"):
        count = summary[f"n_{name}"]
        if count is not None and count < FEW_CASES:
            log.warning("only %d %s in the training set", count, name)
            facts = {"count": count, "class": name, "minimum": FEW_CASES}
            warnings.append({"kind": "small_class", "facts": facts})
    related = split["training_related"]
    if related is not None and related > RELATED_SHARE and not loco:
        log.warning(
            "%.0f %% of training individuals have a relative in the training set", 100 * related
        )
        warnings.append({"kind": "relatives", "facts": {"share": related}})
    inflation = summary["lambda_1000"]
    beyond_chance = 1 + _ERRORS * lambda_error(summary["n_independent"])
    if inflation is not None and inflation > INFLATION and summary["lambda_gc"] > beyond_chance:
        log.warning("genomic inflation: lambda_1000 is %.2f", inflation)
        facts = {"lambda_gc": summary["lambda_gc"], "lambda_1000": inflation}
        facts |= {"quantitative": summary["n_cases"] is None, "loco": loco}
        warnings.append({"kind": "inflation", "facts": facts})
    return warnings
