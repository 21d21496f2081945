"""Formats of summary statistics that are in use, told by the header.

Columns as documented for GWAS-SSF 1.1 (GWAS Catalog), PLINK 2 --glm, REGENIE step 2 and SAIGE step 2.
"""

import gzip

from snpgen.io.files import check_file, name_compression
from snpgen.messages import InputError

# Our name of a column: its names in the file, the first that is there counts.
FORMATS: dict[str, dict[str, list[str]]] = {
    "GWAS-SSF": {
        "chromosome": ["chromosome"],
        "position": ["base_pair_location"],
        "effect_allele": ["effect_allele"],
        "other_allele": ["other_allele"],
        "frequency": ["effect_allele_frequency"],
        "beta": ["beta"],
        "ratio": ["odds_ratio", "hazard_ratio"],
        "standard_error": ["standard_error"],
        "neg_log_10_p_value": ["neg_log_10_p_value"],
        "p": ["p_value"],
        "variant_id": ["rsid", "variant_id"],
    },
    "PLINK 2": {
        "chromosome": ["#CHROM", "CHROM"],
        "position": ["POS"],
        "effect_allele": ["A1"],
        "other_allele": ["OMITTED", "REF"],  # REF where it is not A1, else ALT
        "alternate": ["ALT"],
        "frequency": ["A1_FREQ"],
        "beta": ["BETA"],
        "ratio": ["OR"],
        "standard_error": ["SE", "LOG(OR)_SE"],
        "neg_log_10_p_value": ["LOG10_P", "NEG_LOG10_P"],
        "p": ["P"],
        "test": ["TEST"],
        "variant_id": ["ID"],
    },
    "REGENIE": {
        "chromosome": ["CHROM"],
        "position": ["GENPOS"],
        "effect_allele": ["ALLELE1"],
        "other_allele": ["ALLELE0"],
        "frequency": ["A1FREQ"],
        "beta": ["BETA"],
        "standard_error": ["SE"],
        "neg_log_10_p_value": ["LOG10P"],
        "test": ["TEST"],
        "variant_id": ["ID"],
    },
    "SAIGE": {
        "chromosome": ["CHR"],
        "position": ["POS"],
        "effect_allele": ["Allele2"],
        "other_allele": ["Allele1"],
        "frequency": ["AF_Allele2"],
        "beta": ["BETA"],
        "standard_error": ["SE"],
        "p": ["p.value"],
        "variant_id": ["MarkerID", "SNPID"],
    },
}
ADVICE = "correct panel.sumstats"  # where there is no such file
NEEDED = (
    "GWAS-SSF (chromosome, base_pair_location, effect_allele, other_allele and p_value or "
    "neg_log_10_p_value), PLINK 2 (#CHROM, POS, REF, ALT, A1 and P or LOG10_P), REGENIE (CHROM, "
    "GENPOS, ALLELE0, ALLELE1 and LOG10P) or SAIGE (CHR, POS, Allele1, Allele2 and p.value)"
)


def find_columns(path: str, header: list[str]) -> tuple[str, dict[str, str]]:
    """The format of a header, and its name of each of our columns that it has.

    Raises `InputError`, listing what is needed, on a header of no known format.
    """
    for name, columns in FORMATS.items():
        found = {
            ours: next(theirs for theirs in names if theirs in header)
            for ours, names in columns.items()
            if set(names) & set(header)
        }
        needed = {"chromosome", "position", "effect_allele", "other_allele"}
        if found.get("other_allele") == "REF":
            needed.add("alternate")
        else:
            found.pop("alternate", None)
        if needed <= found.keys() and {"p", "neg_log_10_p_value"} & found.keys():
            return name, found
    shown = ", ".join(header[:8]) + (", ..." if len(header) > 8 else "")
    raise InputError(f"{path} has the columns {shown}, which fit no known format: give {NEEDED}")


def is_gzipped(path: str, advice: str) -> bool:
    """Whether the file begins as gzip (and bgzip) files do; without one `InputError` with `advice`."""
    check_file(path, advice)
    packed = name_compression(path)
    if packed and not packed.startswith("gzipped"):
        raise InputError(f"{path} is {packed}")
    return packed is not None


def read_header(path: str) -> tuple[list[str], str, int]:
    """Names of the columns, what separates them, and how many lines (##) stand before them."""
    reader = gzip.open if is_gzipped(path, ADVICE) else open
    with reader(path, "rt", encoding="utf-8-sig") as lines:
        before = 0
        for line in lines:
            if not line.startswith("##"):
                break
            before += 1
        else:
            raise InputError(f"{path} is empty: give summary statistics with a header")
    mark = next((mark for mark in ("\t", ",") if mark in line), r"\s+")
    names = line.split() if mark == r"\s+" else line.rstrip("\r\n").split(mark)
    names = [name.strip().strip('"') for name in names]
    twice = [name for name in names if name and names.count(name) > 1]
    if twice:
        raise InputError(f"{path}: two columns are named {twice[0]}: rename one or take it out")
    return names, mark, before
