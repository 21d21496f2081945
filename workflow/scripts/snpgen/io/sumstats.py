"""Summary statistics in the GWAS-SSF 1.0 standard (Hayhurst et al. 2022), and their summary.

In memory the position is called `position`, as everywhere; in the file `base_pair_location`.
"""

import gzip
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy.special import chdtri

from snpgen.io.tables import read_header, read_strings, to_numbers
from snpgen.messages import InputError

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
MAX_INFO = 1.1  # 1, and what an estimate of it may be above
GENOME_WIDE = 5e-8
SUGGESTIVE = 1e-5

_TEXT = ["chromosome", "effect_allele", "other_allele", "variant_id", "test"]


def write_sumstats(path: str, table: pd.DataFrame) -> None:
    """Write the `COLUMNS` of `table`, gzipped; the same table gives the same bytes."""
    table = table[COLUMNS].rename(columns={"position": "base_pair_location"})
    with Path(path).open("wb") as file, gzip.GzipFile("", "wb", 6, file, 0) as zipped:
        table.to_csv(zipped, sep="\t", index=False, na_rep="#NA", float_format="%.9g")


def read_info(path: str) -> pd.Series:
    """Imputation quality by variant id, from a column of ids and one of INFO or R2.

    NaN where it is NA, . or empty; of an id that stands twice the lower counts. Raises `InputError`
    where a column is missing, and on a quality that is not a number up to `MAX_INFO`.
    """
    header, _ = read_header(path)
    names = {name.lower(): name for name in header}
    ids = next((names[name] for name in ("variant_id", "id", "snp") if name in names), None)
    quality = next((names[name] for name in ("info", "r2", "rsq") if name in names), None)
    if ids is None or quality is None:
        raise InputError(
            f"{path} has the columns {', '.join(header)}: cohort.info needs one of variant "
            "ids (variant_id, ID or SNP) and one of INFO or R2"
        )
    table = read_strings(path, [ids, quality])
    text = table[quality]
    values = to_numbers(text)
    wrong = text[~(values <= MAX_INFO) & ~text.isin(["", "NA", "."])]
    if len(wrong):
        raise InputError(
            f"{path}, line {wrong.index[0]}: {quality} of {table[ids][wrong.index[0]]} is "
            f"{wrong.iloc[0]}, not a number from 0 to 1: correct it, or write NA"
        )
    return values.groupby(table[ids]).min()


def read_sumstats(path: str) -> pd.DataFrame:
    """Read what `write_sumstats` wrote: `COLUMNS`, ids, chromosomes and alleles as strings.

    The rest is numbers, even in a table without a row, which would be of objects otherwise.
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
    """Write the companion of `sumstats`; without a date, so that the same run gives the same bytes.

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
    """Add up the funnels of several chromosomes, step by step in their order."""
    together = pd.concat(funnels)
    steps = together.groupby("step", sort=False)
    return steps.agg(
        {"unit": "first", "kept": "sum", "dropped": "sum", "reason": "first"}
    ).reset_index()


def lambda_gc(neg_log_10_p: np.ndarray) -> float:
    """Genomic inflation (Devlin & Roeder 1999): median chi-square, 1 df, over its expectation."""
    return float(chdtri(1, 10 ** -np.median(neg_log_10_p)) / chdtri(1, 0.5))


def summarise(table: pd.DataFrame, n: int, n_cases: int | None) -> dict[str, Any]:
    """Counts, genomic inflation and hits of a whole scan of `n` people.

    `n_cases` is None for a quantitative trait. `lambda_1000` is what `lambda_gc` would be with 1,000
    cases and 1,000 controls (de Bakker et al. 2008), or of a quantitative trait with 1,000 people,
    since its excess over 1 goes with n. Both are None where no variant was tested.
    """
    observed = lambda_gc(table.neg_log_10_p_value.to_numpy()) if len(table) else None
    n_controls = None if n_cases is None else n - n_cases
    scale = 500 * (1 / n_cases + 1 / n_controls) if n_cases and n_controls else 1000 / n
    return {
        "n": n,
        "n_cases": n_cases,
        "n_controls": n_controls,
        "n_variants": len(table),
        "tests": table.test.value_counts().to_dict(),
        "lambda_gc": observed,
        "lambda_1000": None if observed is None else 1 + (observed - 1) * scale,
        "n_genome_wide": int((table.neg_log_10_p_value > -np.log10(GENOME_WIDE)).sum()),
        "n_suggestive": int((table.neg_log_10_p_value > -np.log10(SUGGESTIVE)).sum()),
    }
