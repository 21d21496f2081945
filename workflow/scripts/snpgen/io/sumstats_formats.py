"""Formats of summary statistics, recognised by their header.

Column names are those documented for GWAS-SSF 1.1 (GWAS Catalog), PLINK 2 --glm, REGENIE step 2 and SAIGE
step 2.
"""

from snpgen.io.files import GZIP, ZSTANDARD, check_file, check_uncompressed
from snpgen.io.headers import Header, read_header
from snpgen.messages import Code, InputError

# For each format: SNPgen's column name, and possible names in the file. If a file has several of them, the
# first one in the list is used.
HARMONISED = (
    "GWAS Catalog, harmonised"  # files before GWAS-SSF, with the author's columns beside hm_
)
HARMONISED_BUILD = "GRCh38"
FORMATS: dict[str, dict[str, list[str]]] = {
    HARMONISED: {
        "chromosome": ["hm_chrom"],
        "position": ["hm_pos"],
        "effect_allele": ["hm_effect_allele"],
        "other_allele": ["hm_other_allele"],
        "frequency": ["hm_effect_allele_frequency"],
        "beta": ["hm_beta"],
        "ratio": ["hm_odds_ratio"],
        "standard_error": ["standard_error"],
        "neg_log_10_p_value": ["neg_log_10_p_value"],
        "p": ["p_value"],
        "variant_id": ["hm_rsid"],
    },
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
        # Without OMITTED, the other allele is REF, or ALT in rows in which A1 is REF.
        "other_allele": ["OMITTED", "REF"],
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
NEEDED = (
    "GWAS-SSF (chromosome, base_pair_location, effect_allele, other_allele and p_value or "
    "neg_log_10_p_value), PLINK 2 (#CHROM, POS, REF, ALT, A1 and P or LOG10_P), REGENIE (CHROM, "
    "GENPOS, ALLELE0, ALLELE1 and LOG10P) or SAIGE (CHR, POS, Allele1, Allele2 and p.value)"
)


def find_columns(
    path: str, header: list[str], build: str = HARMONISED_BUILD
) -> tuple[str, dict[str, str]]:
    """Return the format of `header`, and a mapping from SNPgen's column names to the names in `header`.

    If the GWAS Catalog harmonised the file to `HARMONISED_BUILD`, and this is the declared `build`, the
    harmonised columns are used; otherwise the author's columns. Raises `InputError` if the header fits no
    known format.
    """
    for name, columns in FORMATS.items():
        if name == HARMONISED and build != HARMONISED_BUILD:
            continue
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
    raise InputError(
        Code.SUMSTATS_FORMAT,
        f"the columns {shown} match no supported format",
        f"Give a file in one of these formats: {NEEDED}",
        file=path,
    )


def read_sumstats_header(path: str) -> Header:
    """Read the header of a file, which may be compressed."""
    check_file(path, "Correct 'panel.sumstats'")
    check_uncompressed(path, (GZIP, ZSTANDARD))
    header = read_header(path)
    if not header.names:
        raise InputError(
            Code.EMPTY_FILE,
            "the file has no header",
            "Give summary statistics with a header",
            file=path,
        )
    return header
