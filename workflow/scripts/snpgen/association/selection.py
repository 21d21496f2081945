"""The panel: the variants most associated with the phenotype, clumped by linkage disequilibrium."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from snpgen.genetics.clumping import BATCH, Clumps, Reader, clump
from snpgen.genetics.ld import MAX_SAMPLES, effective_variants_of_first, outside_regions
from snpgen.genetics.loci import LOCUS_WINDOW, Loci
from snpgen.io.panel import thin
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
    "shrinkage",
    "neg_log_10_p_value",
    "locus",
    "reason",
]
MIN_SHRINKAGE = 0.1  # smallest shrinkage factor of a variant that holds signal
MAX_SHOWN = 10  # variant IDs in the funnel; the log lists all


@dataclass(frozen=True)
class PanelSettings:
    """Settings of the section `panel` of the configuration.

    `size` is None if the panel takes as many variants as hold signal, from `min_size` to `max_size`.
    `max_per_locus` is None for no limit.
    """

    size: int | None
    min_size: int
    max_size: int
    max_p: float
    clump_kb: float
    clump_r2: float
    max_per_locus: int | None

    @classmethod
    def of(cls, section: dict[str, Any]) -> "PanelSettings":
        """Take the fields from the section; the workflow reads the other keys of the section."""
        return cls(**{field.name: section[field.name] for field in fields(cls)})

    @property
    def largest(self) -> int:
        """The largest number of variants that the panel may have."""
        return self.size or self.max_size


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


def shrinkage_factor(table: pd.DataFrame) -> np.ndarray:
    """Shrinkage factor (m,) of the effects, beta_corrected / beta; 0 if beta is 0, NaN if it is missing."""
    beta = table.beta.to_numpy(np.float64)
    return np.where(beta == 0, 0.0, table.beta_corrected / np.where(beta == 0, 1, beta))


def align_ranking(table: pd.DataFrame, ranking: pd.DataFrame) -> pd.DataFrame:
    """The rows of `ranking` for the variants of `table`, in its order; NaN for a variant without a row."""
    ranking = ranking.drop_duplicates(VARIANT_COLUMNS)
    return table[VARIANT_COLUMNS].merge(ranking, how="left", on=VARIANT_COLUMNS)


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


def _effective_variants(
    read: Reader, rows: np.ndarray, components: np.ndarray | None
) -> np.ndarray:
    """`effective_variants_of_first` for the variants in `rows` (k,), which may be in any order."""
    ascending = np.sort(rows)
    parts = [
        thin(read(ascending[start : start + BATCH]), MAX_SAMPLES)
        for start in range(0, len(rows), BATCH)
    ]
    dosages = np.concatenate(parts, axis=1)[:, np.searchsorted(ascending, rows)]
    if components is None:
        components = np.empty((len(dosages), 0))
    return effective_variants_of_first(dosages, components)


def _limit_size(
    effective: np.ndarray, max_effective: float, n_included: int, settings: PanelSettings
) -> int:
    """The largest size at which the effective number of variants is at most `max_effective`.

    `effective` (k,) is the effective number of variants of panels of 1, 2, ..., k variants, the
    `n_included` of panel.include first. Raises `InputError` if it is too large for the size in
    `settings`, or if the included variants alone are too many.
    """
    size = len(effective)
    log.info(
        "the %d variants correspond to %.0f independent variants; calibration.max_forecast_auc "
        "allows %.0f",
        size,
        effective[-1],
        max_effective,
    )
    if not effective[-1] > max_effective:
        return size
    largest = int(np.flatnonzero(np.append(0, effective) <= max_effective)[-1])
    if settings.size is None and largest >= max(n_included, 1):
        return largest
    key, remedy = "panel.size", f"Reduce 'panel.size' to at most {largest}"
    if largest < n_included:
        key, remedy = "panel.include", f"Shorten the list to at most {largest} variants"
    elif largest < 2:
        key, remedy = "calibration.max_forecast_auc", "Use more training individuals"
    raise InputError(
        Code.PANEL_TOO_LARGE,
        f"the {size} variants of the panel correspond to {effective[-1]:.0f} independent variants, "
        f"but at most {max_effective:.0f} keep the forecast of membership inference within "
        "'calibration.max_forecast_auc', even without any difference between classes",
        f"{remedy}, or increase 'calibration.max_forecast_auc' if you accept the risk",
        key=key,
    )


def _describe_size(settings: PanelSettings, size: int, n_signal: int, max_effective: float) -> str:
    """How the size of the panel was determined, for the funnel."""
    if settings.size is not None and size < settings.size:
        return f"panel.size is {settings.size}, but only {size} variants remain; all are used"
    weaker = f"p-value larger than those of the {size} variants of the panel"
    if settings.size is not None:
        return weaker
    limit = ""
    if max_effective < np.inf:
        limit = (
            f", and at most {max_effective:.0f} independent variants (calibration.max_forecast_auc)"
        )
    return (
        f"{weaker}; {n_signal} variants have a shrinkage factor of at least {MIN_SHRINKAGE:g}, and "
        f"panel.min_size and panel.max_size allow {settings.min_size} to {settings.max_size} "
        f"variants{limit}"
    )


def select_panel(
    table: pd.DataFrame,
    read: Reader,
    settings: PanelSettings,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    regions: pd.DataFrame | None = None,
    ranking: pd.DataFrame | None = None,
    max_effective: float = np.inf,
    components: np.ndarray | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Select the panel (`PANEL_COLUMNS` and contrasts, genomic order); also returns the funnel.

    `table` has `sumstats.COLUMNS` and a default index; `read` returns the dosages of ascending rows
    of it. IDs in `include` are selected regardless of p-value, region and LD. IDs in `exclude` (disjoint from
    `include`) and variants in `regions` (chromosome, start, end) are never selected. With a `ranking`
    (`VARIANT_COLUMNS`, neg_log_10_p_value, beta and beta_corrected), its p-values rank the variants;
    otherwise the p-values of `table` do. If fewer variants than `settings.size` remain, all are selected.

    If `settings.size` is None, the size is the number of index variants, among the first
    `settings.max_size`, with a shrinkage factor of at least `MIN_SHRINKAGE`, but not below
    `settings.min_size`. The factors are those of `ranking` if it has effects, otherwise those of `table`.
    The size is reduced until the effective number of variants, given the principal `components` (n, p) of
    the individuals that `read` returns, is at most `max_effective`.
    Raises `InputError` if no variant remains, if `include` has more variants than the size, and if
    `settings.size` or `include` exceeds `max_effective`.
    """
    left = np.ones(len(table), dtype=bool)
    steps = [("association", len(table), _note_missing(include, table))]

    def keep(step: str, passing: np.ndarray, reason: str) -> None:
        left[~passing] = False
        steps.append((step, int(left.sum()), reason))

    included = table.variant_id.isin(include).to_numpy()
    if included.sum() > settings.largest:
        key = "panel.max_size" if settings.size is None else "panel.size"
        raise InputError(
            Code.PANEL_LISTS,
            f"the list has {included.sum()} variants, but '{key}' is {settings.largest}",
            f"Increase '{key}', or shorten the list",
            key="panel.include",
        )
    if exclude:
        listed = table.variant_id.isin(exclude).to_numpy()
        keep("exclusion", ~listed, "listed in panel.exclude")
    if regions is not None:
        outside = outside_regions(table, regions)
        keep("long-range LD", outside | included, "in a region of long-range LD")
    table = table.assign(shrinkage=shrinkage_factor(table))
    neg_log_10_p, shrinkage = table.neg_log_10_p_value.to_numpy(), table.shrinkage.to_numpy()
    if ranking is not None:
        aligned = align_ranking(table, ranking)
        neg_log_10_p = aligned.neg_log_10_p_value.to_numpy()
        if aligned.beta_corrected.notna().any():
            shrinkage = shrinkage_factor(aligned)
        matched = ~np.isnan(neg_log_10_p)
        keep("external summary statistics", matched | included, "not in panel.sumstats")
        neg_log_10_p = np.nan_to_num(neg_log_10_p)
    significant = neg_log_10_p >= -np.log10(settings.max_p)
    keep("p-value", significant | included, f"p above {settings.max_p:g}")

    allowed = np.flatnonzero(left)
    candidates = table.iloc[allowed].reset_index(drop=True)
    neg_log_10_p, included = neg_log_10_p[allowed], included[allowed]

    def read_candidates(rows: np.ndarray) -> np.ndarray:
        return read(allowed[rows])

    def clump_until(size: int) -> tuple[Clumps, int, Loci]:
        loci = Loci(
            candidates.chromosome.to_numpy(),
            candidates.position.to_numpy(),
            settings.max_per_locus,
            np.flatnonzero(included),
        )
        clumps, crowded = clump(
            candidates.assign(neg_log_10_p_value=neg_log_10_p),
            read_candidates,
            size,
            settings.clump_kb,
            settings.clump_r2,
            included,
            loci,
        )
        return clumps, crowded, loci

    clumps, crowded, loci = clump_until(settings.largest)
    selected = clumps.index_variants
    if not len(selected):
        raise InputError(
            Code.EMPTY_PANEL,
            "No variant is left for the panel",
            "Increase 'panel.max_p', or relax the filters in 'gwas'; funnel/variants.tsv lists "
            "how many variants each filter removed",
        )
    found = len(selected)
    first = selected[np.argsort(~included[selected], kind="stable")]  # included variants first
    n_included = int(included.sum())
    n_signal = int((shrinkage[allowed][selected] >= MIN_SHRINKAGE).sum())
    if settings.size is None:
        log.info("%d variants have a shrinkage factor of at least %g", n_signal, MIN_SHRINKAGE)
        first = first[: max(n_signal, settings.min_size, n_included)]
    if max_effective < np.inf:
        effective = _effective_variants(read_candidates, first, components)
        first = first[: _limit_size(effective, max_effective, n_included, settings)]
    if len(first) < found:
        clumps, crowded, loci = clump_until(len(first))
        selected = clumps.index_variants
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
    reason = _describe_size(settings, len(panel), n_signal, max_effective)
    log.info("%d variants on the panel: %s", len(panel), reason)
    steps.append(("panel size", len(panel), reason))
    contrasts = contrast_columns(panel)
    panel[contrasts] = panel[contrasts].fillna(0)  # monomorphic in the two classes: no difference
    return panel[[*PANEL_COLUMNS, *contrasts]].reset_index(drop=True), make_funnel(steps)
