"""Summary statistics in the GWAS-SSF 1.0 standard (Hayhurst et al. 2022), and a summary of the GWAS.

The position of a variant is called `position` in memory, as in all modules, and `base_pair_location` in the
file. A new statistic needs an entry in `COLUMNS`, its value in `gwas._add_statistics`, its description in
`workflow/docs/reading_the_report.md`, and a test.
"""

import gzip
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy.special import chdtri

# Columns of the variant, and columns added by `gwas._add_statistics`.
# workflow/docs/reading_the_report.md describes them.
COLUMNS = [
    "chromosome",
    "position",
    "effect_allele",
    "other_allele",
    "beta",
    "standard_error",
    "effect_allele_frequency",
    "neg_log_10_p_value",
    "variant_id",
    "n",
    "n_cases",
    "n_effective",
    "frequency_cases",
    "frequency_controls",
    "hwe_p",
    "test",
    "beta_corrected",
]
CONTRAST = "z_"  # prefix of the column with the z-scores of a class against the first class
GENOME_WIDE = 5e-8
SUGGESTIVE = 1e-5
MIN_INDEPENDENT = (
    500  # independent variants for an estimate of lambda; its standard error is then 0.1
)

_TEXT = ["chromosome", "effect_allele", "other_allele", "variant_id", "test"]


def contrast_columns(table: pd.DataFrame) -> list[str]:
    """Names of the columns with the z-scores of one class against the first class."""
    return [name for name in table.columns.astype(str) if name.startswith(CONTRAST)]


def write_sumstats(path: str, table: pd.DataFrame) -> None:
    """Write `COLUMNS` and contrasts of `table`, gzipped; equal tables give identical files."""
    table = table[[*COLUMNS, *contrast_columns(table)]].rename(
        columns={"position": "base_pair_location"}
    )
    with Path(path).open("wb") as file, gzip.GzipFile("", "wb", 6, file, 0) as zipped:
        table.to_csv(zipped, sep="\t", index=False, na_rep="#NA", float_format="%.9g")


def read_sumstats(path: str) -> pd.DataFrame:
    """Read a file of `write_sumstats`; IDs, chromosomes, alleles and tests are strings.

    All other columns are numbers, even if the table has no rows.
    """
    table = pd.read_csv(
        path, sep="\t", dtype=dict.fromkeys(_TEXT, str), na_values=["#NA"], keep_default_na=False
    )
    table = table.rename(columns={"base_pair_location": "position"})
    if table.empty:
        whole = {"position", "n"}
        numbers = table.columns.difference(_TEXT)
        table = table.astype({name: np.int64 if name in whole else np.float64 for name in numbers})
    return table


def write_metadata(
    path: str, sumstats: str, trait: str, build: str, n: int, n_cases: int | None
) -> None:
    """Write the GWAS-SSF metadata of `sumstats`. The date is omitted, so that runs give identical files.

    `n_cases` is None for a quantitative trait.
    """
    sample: dict[str, int | bool] = {"sample_size": n, "case_control_study": n_cases is not None}
    if n_cases is not None:
        sample |= {"case_count": n_cases, "control_count": n - n_cases}
    metadata = {
        "trait_description": [trait],
        "data_file_name": Path(sumstats).name,
        "data_file_md5sum": hashlib.md5(Path(sumstats).read_bytes()).hexdigest(),
        "file_type": "GWAS-SSF v1.0",
        "genome_assembly": build,
        "coordinate_system": "1-based",
        "is_harmonised": False,
        "is_sorted": True,
        "samples": [sample],
    }
    Path(path).write_text(yaml.safe_dump(metadata, sort_keys=False))


def merge_funnels(funnels: list[pd.DataFrame]) -> pd.DataFrame:
    """Add the funnels of several chromosomes step by step."""
    together = pd.concat(funnels)
    steps = together.groupby("step", sort=False)
    return steps.agg(
        {"unit": "first", "kept": "sum", "dropped": "sum", "reason": "first"}
    ).reset_index()


def lambda_gc(neg_log_10_p: np.ndarray) -> float:
    """Genomic inflation (Devlin & Roeder 1999): the median chi-square (1 df) over its expectation."""
    return float(chdtri(1, 10 ** -np.median(neg_log_10_p)) / chdtri(1, 0.5))


def lambda_error(n_independent: int) -> float:
    """Standard error of `lambda_gc` at `n_independent` independent variants without associations.

    It is the standard error of a median, 1 / (2 f sqrt(n)), where f is the density of chi-square (1 df) at its
    median, divided by the median.
    """
    median = chdtri(1, 0.5)
    density = np.exp(-median / 2) / np.sqrt(2 * np.pi * median)
    return float(1 / (2 * density * median * np.sqrt(max(n_independent, 1))))


def summarise(
    table: pd.DataFrame, n: int, n_cases: int | None, n_independent: int
) -> dict[str, Any]:
    """Counts, genomic inflation and numbers of associated variants of a GWAS of `n` samples.

    `n_cases` is None for a quantitative trait. `lambda_1000` is `lambda_gc` rescaled to 1,000 cases
    and 1,000 controls (de Bakker et al. 2008), or to 1,000 samples for a quantitative trait, because the
    excess over 1 is proportional to n. Both are None if no variant was tested, or if the GWAS has fewer than
    `MIN_INDEPENDENT` independent variants (`n_independent`).
    """
    observed = None
    if len(table) and n_independent >= MIN_INDEPENDENT:
        observed = lambda_gc(table.neg_log_10_p_value.to_numpy())
    n_controls = None if n_cases is None else n - n_cases
    scale = 500 * (1 / n_cases + 1 / n_controls) if n_cases and n_controls else 1000 / n
    return {
        "n": n,
        "n_cases": n_cases,
        "n_controls": n_controls,
        "n_variants": len(table),
        "tests": table.test.value_counts().to_dict(),
        "n_independent": n_independent,
        "lambda_gc": observed,
        "lambda_1000": None if observed is None else 1 + (observed - 1) * scale,
        "n_genome_wide": int((table.neg_log_10_p_value > -np.log10(GENOME_WIDE)).sum()),
        "n_suggestive": int((table.neg_log_10_p_value > -np.log10(SUGGESTIVE)).sum()),
    }
