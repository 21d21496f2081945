"""Warnings about small classes, relatedness and inflation in a GWAS."""

from typing import Any

FEW_CASES = 200
RELATED_SHARE = 0.3  # of training individuals with a relative in the training set
INFLATION = 1.1  # lambda_1000; polygenicity also inflates lambda in large samples


def gwas_warnings(summary: dict[str, Any], split: dict[str, Any], loco: bool) -> list[str]:
    """Sentences that warn of few cases, relatives and inflation.

    `summary` is the result of `sumstats.summarise` (n_cases and n_controls are None for a
    quantitative trait, lambda_gc and lambda_1000 if nothing was tested), `split` the content of
    `split.json`; `loco` is true if the null models have LOCO offsets.
    """
    warnings = []
    for count, who in ((summary["n_cases"], "cases"), (summary["n_controls"], "controls")):
        if count is not None and count < FEW_CASES:
            warnings.append(
                f"The training set has {count} {who}, fewer than {FEW_CASES}. Power is low, and "
                "estimates for uncommon variants depend on a few individuals. Increase gwas.firth_mac "
                "to use Firth regression for more of them, or gwas.min_mac to exclude them."
            )
    related = split["training_related"]
    if related is not None and related > RELATED_SHARE and not loco:
        warnings.append(
            f"{100 * related:.0f} % of the training individuals have a relative of third degree or "
            "closer in the training set. Relatedness makes p-values too small. Set gwas.loco to true."
        )
    inflation = summary["lambda_1000"]
    if inflation is not None and inflation > INFLATION:
        linear = summary["n_cases"] is None
        size = "1,000 individuals" if linear else "1,000 cases and 1,000 controls"
        remedy = (
            "Increase pcs.count, and check the genotypes for batch effects"
            if loco
            else "Set gwas.loco to true, or increase pcs.count if there are no relatives"
        )
        warnings.append(
            f"Genomic inflation (lambda) is {summary['lambda_gc']:.2f}, or {inflation:.2f} scaled to "
            f"{size}. Unless the trait is highly polygenic, p-values are too small. {remedy}."
        )
    return warnings
