"""What a reader of the GWAS must know before trusting its p-values, in whole sentences."""

from typing import Any

FEW_CASES = 200
RELATED_SHARE = 0.3  # of training people with a relative in training
INFLATION = 1.1  # lambda of 1,000 cases and controls: many true effects raise the other, too


def gwas_warnings(summary: dict[str, Any], split: dict[str, Any], loco: bool) -> list[str]:
    """Sentences on few cases, on relatives and on inflation; none where all is well.

    `summary` is what `summarise` counted (n_cases and n_controls, None for a quantitative trait;
    lambda_gc and lambda_1000, None where nothing was tested), `split` the content of `split.json`,
    and `loco` whether the null models had the offsets of `fit_loco`.
    """
    warnings = []
    for count, who in ((summary["n_cases"], "cases"), (summary["n_controls"], "controls")):
        if count is not None and count < FEW_CASES:
            warnings.append(
                f"Training has {count} {who}, fewer than {FEW_CASES}: few true effects reach a small "
                "p-value, and those of uncommon variants rest on a handful of people, so raise "
                "gwas.firth_mac to have Firth's likelihood for more of them, or gwas.min_mac to "
                "leave them out."
            )
    related = split["training_related"]
    if related is not None and related > RELATED_SHARE and not loco:
        warnings.append(
            f"{100 * related:.0f} % of the training people have a relative of third degree or closer in "
            "training: relatives share genotypes and phenotypes beside any effect, which makes "
            "p-values too small, so set gwas.loco to true."
        )
    inflation = summary["lambda_1000"]
    if inflation is not None and inflation > INFLATION:
        linear = summary["n_cases"] is None
        size = "1,000 people" if linear else "1,000 cases and 1,000 controls"
        remedy = (
            "raise pcs.count and look for batches among the genotypes"
            if loco
            else "set gwas.loco to true, or raise pcs.count if there are no relatives"
        )
        warnings.append(
            f"Genomic inflation (lambda) is {summary['lambda_gc']:.2f}, and {inflation:.2f} if scaled to "
            f"{size}: the median chi-square is that many times what chance "
            "gives, so p-values are too small throughout unless very many variants have an effect; "
            f"{remedy}."
        )
    return warnings
