"""Lists of variants to include in the panel, and to exclude from it."""

import pandas as pd

from snpgen.io.files import GZIP, ZSTANDARD, check_text, open_text
from snpgen.io.matching import refuse_other_notation
from snpgen.io.plink_tables import allele_keys, parse_keys
from snpgen.job import log
from snpgen.messages import Code, InputError


def read_ids(path: str, variants: pd.DataFrame) -> list[str]:
    """Read variant IDs from a file with one ID per line; the result has the IDs of `variants`.

    A variant can also be named chromosome:position:allele:allele, with the alleles in either order. IDs
    that several variants have are logged. Raises `InputError` on a name that is not in `variants`, the variants
    of the genotype files.
    """
    check_text(path, "Give variant IDs, one per line", (GZIP, ZSTANDARD))
    with open_text(path) as text:
        lines = [line.strip() for line in text]
    known = set(variants.variant_id)
    others = pd.Series(
        [name for name in dict.fromkeys(lines) if name and name not in known], dtype=str
    )
    by_alleles: dict[str, str] = {}
    if len(others):
        ids = variants.variant_id.set_axis(allele_keys(variants))
        found = parse_keys(others).map(ids[~ids.index.duplicated()])
        by_alleles = dict(zip(others[found.notna()], found.dropna(), strict=True))
    listed = pd.Series(lines, index=range(1, len(lines) + 1), dtype=str)
    listed = listed[listed != ""].drop_duplicates()
    unknown = listed[~listed.isin(known | by_alleles.keys())]
    if len(unknown):
        unlisted = variants.variant_id[~variants.variant_id.isin(listed)].drop_duplicates()
        refuse_other_notation(path, "list", listed, unknown, unlisted, listed.index.to_series())
        raise InputError(
            Code.UNKNOWN_VARIANT,
            f"variant {unknown.iloc[0]} is not in the genotype files ({len(unknown):,} of the {len(listed):,} "
            "IDs in the list are not)",
            "Correct the ID (one per line, as in the .bim), or delete the line. Variants without an ID "
            "are named chromosome:position:allele:allele",
            file=path,
            line=unknown.index[0],
            variant=unknown.iloc[0],
        )
    ids = listed.map(lambda name: by_alleles.get(name, name))
    copies = variants.variant_id[variants.variant_id.isin(ids)].value_counts()
    shared = copies.index[copies > 1]
    if len(shared):
        log.warning(
            "warning: %s: %d IDs belong to several variants (such as %s); the list applies to all of these",
            path,
            len(shared),
            ", ".join(shared[:3]),
        )
    return ids.drop_duplicates().tolist()


def read_lists(include: str | None, exclude: str | None, variants: pd.DataFrame) -> pd.DataFrame:
    """Read the lists of variants to include and to exclude; columns variant_id and list.

    `list` is include or exclude; a path that is None gives no rows. Raises `InputError` as
    `read_ids` does, and on an ID in both lists.
    """
    paths = {"include": include, "exclude": exclude}
    ids = {name: read_ids(path, variants) if path else [] for name, path in paths.items()}
    both = sorted(set(ids["include"]) & set(ids["exclude"]))
    if both:
        raise InputError(
            Code.PANEL_LISTS,
            f"variant {both[0]} is also in 'panel.exclude'",
            "Remove it from one of the two files",
            key="panel.include",
            variant=both[0],
        )
    rows = [(variant_id, name) for name, listed in ids.items() for variant_id in listed]
    return pd.DataFrame(rows, columns=["variant_id", "list"])
