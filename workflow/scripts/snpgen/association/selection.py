"""The panel: the variants most associated with the phenotype, clumped by linkage disequilibrium."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from snpgen.genetics.clumping import Reader, clump
from snpgen.genetics.ld import outside_regions
from snpgen.genetics.loci import LOCUS_WINDOW, Loci
from snpgen.io.files import check_text
from snpgen.io.plink_tables import VARIANT_COLUMNS
from snpgen.io.sumstats import GENOME_WIDE, SUGGESTIVE, contrast_columns
from snpgen.io.tables import make_funnel
from snpgen.job import log
from snpgen.messages import Code, InputError

PANEL_COLUMNS = [
    "rank",
    "chromosome",
    "position",
    "variant_id",
    "effect_allele",
    "other_allele",
    "effect_allele_frequency",
    "beta",
    "standard_error",
    "beta_corrected",
    "neg_log_10_p_value",
    "locus",
    "reason",
]
MAX_SHOWN = 10  # variant IDs in the funnel; the log lists all


@dataclass(frozen=True)
class PanelSettings:
    """Settings of the section `panel` of the configuration; `max_per_locus` None for no limit."""

    size: int
    max_p: float
    clump_kb: float
    clump_r2: float
    max_per_locus: int | None

    @classmethod
    def of(cls, section: dict[str, Any]) -> "PanelSettings":
        """Take the fields from the section; the workflow reads the other keys of the section."""
        return cls(**{field.name: section[field.name] for field in fields(cls)})


def locate_variants(variants: pd.DataFrame, queries: pd.DataFrame) -> np.ndarray:
    """Row in `variants` of each variant in `queries`, int (n_queries,).

    Variants are the same if all `VARIANT_COLUMNS` agree; of duplicates, the first row is returned.
    Raises `InputError` if a variant is not in `variants`.
    """
    first = variants[~variants.duplicated(VARIANT_COLUMNS)]
    keys = pd.MultiIndex.from_frame(first[VARIANT_COLUMNS])
    rows = keys.get_indexer(pd.MultiIndex.from_frame(queries[VARIANT_COLUMNS]))
    if (rows < 0).any():
        missing = queries.variant_id.iloc[int(np.argmin(rows))]
        raise InputError(
            Code.OUTDATED_RESULT,
            f"Variant {missing} is not in the genotype files, which have changed since the GWAS",
            "Delete the results folder and run again",
            variant=missing,
        )
    return first.index.to_numpy()[rows]


def read_ids(path: str, variants: pd.DataFrame) -> list[str]:
    """Read variant IDs from a file with one ID per line.

    Raises `InputError` on an ID that is not in `variants`, the variants of the genotype files.
    """
    check_text(path, "Give variant IDs, one per line")
    known = set(variants.variant_id)
    text = Path(path).read_text(encoding="utf-8-sig")
    lines = [line.strip() for line in text.splitlines()]
    for number, name in enumerate(lines, start=1):
        if name and name not in known:
            raise InputError(
                Code.UNKNOWN_VARIANT,
                f"variant {name} is not in the genotype files",
                "Correct the ID (one per line, as in the .bim), or delete the line",
                file=path,
                line=number,
                variant=name,
            )
    return [name for name in lines if name]


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


def external_neg_log_10_p(table: pd.DataFrame, ranking: pd.DataFrame) -> np.ndarray:
    """-log10 p (m,) in `ranking` for the variants of `table`; NaN if a variant is not in `ranking`."""
    ranking = ranking.drop_duplicates(VARIANT_COLUMNS)[[*VARIANT_COLUMNS, "neg_log_10_p_value"]]
    matched = table[VARIANT_COLUMNS].merge(ranking, how="left", on=VARIANT_COLUMNS)
    return matched.neg_log_10_p_value.to_numpy()


def _note_missing(include: Sequence[str], table: pd.DataFrame) -> str:
    """A note on variants of `include` without summary statistics; it is also logged."""
    dropped = sorted(set(include) - set(table.variant_id))
    if not dropped:
        return ""
    what = (
        f"{len(dropped)} of {len(set(include))} variants of panel.include were removed by the "
        "filters of the GWAS and cannot be on the panel: "
    )
    log.warning(what + ", ".join(dropped))
    more = f" and {len(dropped) - MAX_SHOWN} more" if len(dropped) > MAX_SHOWN else ""
    return what + ", ".join(dropped[:MAX_SHOWN]) + more


def _reasons(neg_log_10_p: np.ndarray, included: np.ndarray, is_external: bool) -> np.ndarray:
    """Why each variant (k,) was selected."""
    levels = [neg_log_10_p > -np.log10(p) for p in (GENOME_WIDE, SUGGESTIVE)]
    by_p = np.select(levels, ["genome_wide", "suggestive"], "top_k")
    return np.where(included, "included", "external" if is_external else by_p)


def select_panel(
    table: pd.DataFrame,
    read: Reader,
    settings: PanelSettings,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    regions: pd.DataFrame | None = None,
    ranking: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Select the panel (`PANEL_COLUMNS` and contrasts, genomic order); also returns the funnel.

    `table` has `sumstats.COLUMNS` and a default index; `read` returns the dosages of ascending rows
    of it. IDs in `include` are selected regardless of p-value, region and LD. IDs in `exclude` (disjoint from
    `include`) and variants in `regions` (chromosome, start, end) are never selected. With a `ranking`
    (`VARIANT_COLUMNS` and neg_log_10_p_value), its p-values rank the variants; otherwise the p-values of
    `table` do. If fewer variants than `settings.size` remain, all are selected.
    Raises `InputError` if no variant remains, and if `include` has more variants than the size.
    """
    left = np.ones(len(table), dtype=bool)
    steps = [("association", len(table), _note_missing(include, table))]

    def keep(step: str, passing: np.ndarray, reason: str) -> None:
        left[~passing] = False
        steps.append((step, int(left.sum()), reason))

    included = table.variant_id.isin(include).to_numpy()
    if included.sum() > settings.size:
        raise InputError(
            Code.PANEL_LISTS,
            f"the list has {included.sum()} variants, but 'panel.size' is {settings.size}",
            "Increase 'panel.size', or shorten the list",
            key="panel.include",
        )
    if exclude:
        listed = table.variant_id.isin(exclude).to_numpy()
        keep("exclusion", ~listed, "listed in panel.exclude")
    if regions is not None:
        outside = outside_regions(table, regions)
        keep("long-range LD", outside | included, "in a region of long-range LD")
    neg_log_10_p = table.neg_log_10_p_value.to_numpy()
    if ranking is not None:
        neg_log_10_p = external_neg_log_10_p(table, ranking)
        matched = ~np.isnan(neg_log_10_p)
        keep("external summary statistics", matched | included, "not in panel.sumstats")
        neg_log_10_p = np.nan_to_num(neg_log_10_p)
    significant = neg_log_10_p >= -np.log10(settings.max_p)
    keep("p-value", significant | included, f"p above {settings.max_p:g}")

    allowed = np.flatnonzero(left)
    candidates = table.iloc[allowed].reset_index(drop=True)
    neg_log_10_p, included = neg_log_10_p[allowed], included[allowed]
    loci = Loci(
        candidates.chromosome.to_numpy(),
        candidates.position.to_numpy(),
        settings.max_per_locus,
        np.flatnonzero(included),
    )
    clumps, crowded = clump(
        candidates.assign(neg_log_10_p_value=neg_log_10_p),
        lambda rows: read(allowed[rows]),
        settings.size,
        settings.clump_kb,
        settings.clump_r2,
        included,
        loci,
    )
    selected = clumps.index_variants
    if not len(selected):
        raise InputError(
            Code.EMPTY_PANEL,
            "No variant is left for the panel",
            "Increase 'panel.max_p', or relax the filters in 'gwas'; funnel/variants.tsv lists "
            "how many variants each filter removed",
        )
    panel = candidates.iloc[selected].assign(
        rank=np.arange(1, len(selected) + 1),
        index_variant=[loci.index_variant[row] for row in selected.tolist()],
        reason=_reasons(neg_log_10_p[selected], included[selected], ranking is not None),
    )
    panel = panel.sort_values(["position", "variant_id"])
    panel = panel.sort_values("chromosome", key=lambda names: names.astype(int), kind="stable")
    panel["locus"] = 1 + pd.factorize(panel.index_variant)[0]

    unlinked = len(candidates) - int((clumps.clumped_by >= 0).sum())
    clumped = (
        f"r2 >= {settings.clump_r2:g} with a stronger index variant within {settings.clump_kb:g} kb"
    )
    steps.append(("clumping", unlinked, clumped))
    if settings.max_per_locus is not None:
        full = (
            f"the locus ({LOCUS_WINDOW // 1000} kb around its index variant) already has "
            f"{settings.max_per_locus} variants with smaller p-values"
        )
        steps.append(("locus", unlinked - crowded, full))
    weaker = f"p-value larger than those of the {settings.size} variants of the panel"
    if len(panel) < settings.size:
        weaker = (
            f"panel.size is {settings.size}, but only {len(panel)} variants remain; all are used"
        )
        log.info(weaker)
    steps.append(("panel size", len(panel), weaker))
    contrasts = contrast_columns(panel)
    panel[contrasts] = panel[contrasts].fillna(0)  # monomorphic in the two classes: no difference
    return panel[[*PANEL_COLUMNS, *contrasts]].reset_index(drop=True), make_funnel(steps)
