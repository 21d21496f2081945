"""Warnings about small classes, relatedness and inflation in a GWAS."""

from typing import Any

FEW_CASES = 200
RELATED_SHARE = 0.3  # of training individuals with a relative in the training set
INFLATION = 1.1  # lambda_1000; polygenicity also inflates lambda in large samples


def gwas_warnings(
    summary: dict[str, Any], split: dict[str, Any], loco: bool
) -> list[dict[str, Any]]:
    """Warnings of few cases, relatives and inflation; the report has a sentence for each `name`.

    `summary` is the result of `sumstats.summarise` (n_cases and n_controls are None for a
    quantitative trait, lambda_gc and lambda_1000 if nothing was tested), `split` the content of
    `split.json`; `loco` is true if the null models have LOCO offsets. A warning has its name and the
    numbers of its sentence.
    """
    warnings = []
    for group in ("cases", "controls"):
        number = summary[f"n_{group}"]
        if number is not None and number < FEW_CASES:
            warnings.append({"name": f"few_{group}", "number": number, "limit": FEW_CASES})
    related = split["training_related"]
    if related is not None and related > RELATED_SHARE and not loco:
        warnings.append({"name": "relatives", "share": related})
    if summary["lambda_1000"] is not None and summary["lambda_1000"] > INFLATION:
        lambdas = {name: summary[name] for name in ("lambda_gc", "lambda_1000")}
        binary = summary["n_cases"] is not None
        warnings.append({"name": "inflation"} | lambdas | {"binary": binary, "loco": loco})
    return warnings
