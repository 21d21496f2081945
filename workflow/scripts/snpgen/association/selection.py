"""The panel: the variants most associated with the phenotype, thinned by linkage disequilibrium."""

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
from snpgen.io.sumstats import GENOME_WIDE, SUGGESTIVE
from snpgen.io.tables import FUNNEL_COLUMNS
from snpgen.job import log
from snpgen.messages import InputError

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
SHOWN = 10  # ids that the funnel names; the log has all


@dataclass(frozen=True)
class PanelSettings:
    """Numbers of the section `panel` of the configuration; `max_per_locus` None for no limit."""

    size: int
    max_p: float
    clump_kb: float
    clump_r2: float
    max_per_locus: int | None

    @classmethod
    def of(cls, section: dict[str, Any]) -> "PanelSettings":
        """Those of a whole section `panel`."""
        return cls(**{field.name: section[field.name] for field in fields(cls)})


def locate_variants(variants: pd.DataFrame, wanted: pd.DataFrame) -> np.ndarray:
    """Rows of `variants` that hold the `wanted` ones, int (n_wanted,).

    Both have `VARIANT_COLUMNS`, and a variant is all of them; of repeated rows the first counts.
    Raises `InputError` on one that is not there.
    """
    first = variants[~variants.duplicated(VARIANT_COLUMNS)]
    keys = pd.MultiIndex.from_frame(first[VARIANT_COLUMNS])
    rows = keys.get_indexer(pd.MultiIndex.from_frame(wanted[VARIANT_COLUMNS]))
    if (rows < 0).any():
        raise InputError(
            f"variant {wanted.variant_id.iloc[int(np.argmin(rows))]} is not in the genotype files: "
            "they have changed since the GWAS, so delete results and run again"
        )
    return first.index.to_numpy()[rows]


def read_ids(path: str, variants: pd.DataFrame) -> list[str]:
    """The variant ids of a file, one a line.

    Raises `InputError` on an id that none of `variants`, those of the genotype files, has.
    """
    check_text(path, "Give variant IDs, one per line")
    known = set(variants.variant_id)
    text = Path(path).read_text(encoding="utf-8-sig")
    lines = [line.strip() for line in text.splitlines()]
    for number, name in enumerate(lines, start=1):
        if name and name not in known:
            raise InputError(
                f"{path}, line {number}: variant {name} is not in the genotype files: correct the "
                "id, one a line and as in the .bim, or take it out"
            )
    return [name for name in lines if name]


def read_lists(include: str | None, exclude: str | None, variants: pd.DataFrame) -> pd.DataFrame:
    """The ids of both files, where given, as variant_id and list ("include" or "exclude").

    Raises `InputError` as `read_ids` does, and on an id in both.
    """
    paths = {"include": include, "exclude": exclude}
    ids = {name: read_ids(path, variants) if path else [] for name, path in paths.items()}
    _check_both(ids["include"], ids["exclude"])
    rows = [(variant_id, name) for name, listed in ids.items() for variant_id in listed]
    return pd.DataFrame(rows, columns=["variant_id", "list"])


def external_strength(table: pd.DataFrame, ranking: pd.DataFrame) -> np.ndarray:
    """-log10 p (m,) that `ranking` gives the variants of `table`; NaN for those it does not have."""
    ranking = ranking.drop_duplicates(VARIANT_COLUMNS)[[*VARIANT_COLUMNS, "neg_log_10_p_value"]]
    matched = table[VARIANT_COLUMNS].merge(ranking, how="left", on=VARIANT_COLUMNS)
    return matched.neg_log_10_p_value.to_numpy()


class _Funnel:
    """Which of m variants are left, and what each step left and why."""

    def __init__(self, n_variants: int, note: str) -> None:
        self.left = np.ones(n_variants, dtype=bool)
        self._steps = [("association", n_variants, note)]

    def keep(self, step: str, passing: np.ndarray, reason: str) -> None:
        self.left &= passing
        self.count(step, int(self.left.sum()), reason)

    def count(self, step: str, kept: int, reason: str) -> None:
        self._steps.append((step, kept, reason))

    def table(self) -> pd.DataFrame:
        table = pd.DataFrame(self._steps, columns=["step", "kept", "reason"])
        dropped = -table.kept.diff().fillna(0).astype(int)
        return table.assign(unit="variants", dropped=dropped)[FUNNEL_COLUMNS]


def _check_both(include: Sequence[str], exclude: Sequence[str]) -> None:
    """Raise `InputError` on an id in both lists."""
    both = sorted(set(include) & set(exclude))
    if both:
        raise InputError(
            f"variant {both[0]} stands in the files of both panel.include and panel.exclude: take "
            "it out of one"
        )


def _name_dropped(include: Sequence[str], table: pd.DataFrame) -> str:
    """What is to be said of ids to include that the GWAS has no effect of."""
    dropped = sorted(set(include) - set(table.variant_id))
    if not dropped:
        return ""
    what = (
        f"{len(dropped)} of {len(set(include))} variants of panel.include cannot be on the panel, "
        "as the GWAS dropped them: "
    )
    log.warning(what + ", ".join(dropped))
    more = f" and {len(dropped) - SHOWN} more" if len(dropped) > SHOWN else ""
    return what + ", ".join(dropped[:SHOWN]) + more


def _reasons(strength: np.ndarray, included: np.ndarray, is_external: bool) -> np.ndarray:
    """Why each member (k,) was taken; `strength` is -log10 p."""
    return np.select(
        [
            included,
            np.full(len(strength), is_external),
            strength > -np.log10(GENOME_WIDE),
            strength > -np.log10(SUGGESTIVE),
        ],
        ["included", "outside", "genome_wide", "suggestive"],
        "top_k",
    )


def select_panel(
    table: pd.DataFrame,
    read: Reader,
    settings: PanelSettings,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    regions: pd.DataFrame | None = None,
    ranking: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The panel (`PANEL_COLUMNS`, genomic order) and its funnel, from summary statistics.

    `table` has `sumstats.COLUMNS` and a plain index; `read` gives the dosages of ascending rows of
    it. Ids of `include` are on the panel whatever their p, region and LD; ids of `exclude` and
    variants in `regions` (chromosome, start, end) are not. With a `ranking` (`VARIANT_COLUMNS` and
    neg_log_10_p_value) its p ranks the variants in the place of ours. A size larger than the
    variants left takes them all.
    Raises `InputError` where none is left, on an id in both lists, and on more ids than the size.
    """
    _check_both(include, exclude)
    funnel = _Funnel(len(table), _name_dropped(include, table))
    included = table.variant_id.isin(include).to_numpy()
    if included.sum() > settings.size:
        raise InputError(
            f"panel.include forces {included.sum()} variants onto a panel of {settings.size}: "
            "raise panel.size or shorten the list"
        )
    if exclude:
        listed = table.variant_id.isin(exclude).to_numpy()
        funnel.keep("exclusion", ~listed, "in the file of panel.exclude")
    if regions is not None:
        external = outside_regions(table, regions)
        funnel.keep("long-range LD", external | included, "in a region of long-range LD")
    strength = table.neg_log_10_p_value.to_numpy()
    if ranking is not None:
        strength = external_strength(table, ranking)
        matched = ~np.isnan(strength)
        funnel.keep("outside study", matched | included, "not in the study of panel.sumstats")
        strength = np.nan_to_num(strength)
    strong = strength >= -np.log10(settings.max_p)
    funnel.keep("p-value", strong | included, f"p above {settings.max_p:g}")

    allowed = np.flatnonzero(funnel.left)
    candidates = table.iloc[allowed].reset_index(drop=True)
    strength, included = strength[allowed], included[allowed]
    loci = Loci(
        candidates.chromosome.to_numpy(),
        candidates.position.to_numpy(),
        settings.max_per_locus,
        np.flatnonzero(included),
    )
    clumps, crowded = clump(
        candidates.assign(neg_log_10_p_value=strength),
        lambda rows: read(allowed[rows]),
        settings.size,
        settings.clump_kb,
        settings.clump_r2,
        included,
        loci,
    )
    members = clumps.index_variants
    if not len(members):
        raise InputError(
            "no variant is left for the panel: relax panel.max_p or the filters under gwas, and see "
            "funnel/variants.tsv for what they dropped"
        )
    panel = candidates.iloc[members].assign(
        rank=np.arange(1, len(members) + 1),
        index_variant=[loci.index_variant[row] for row in members.tolist()],
        reason=_reasons(strength[members], included[members], ranking is not None),
    )
    panel = panel.sort_values(["position", "variant_id"])
    panel = panel.sort_values("chromosome", key=lambda names: names.astype(int), kind="stable")
    panel["locus"] = 1 + pd.factorize(panel.index_variant)[0]

    unlinked = len(candidates) - int((clumps.clumped_by >= 0).sum())
    funnel.count(
        "clumping",
        unlinked,
        f"r2 >= {settings.clump_r2:g} with a stronger member within {settings.clump_kb:g} kb",
    )
    if settings.max_per_locus is not None:
        full = (
            f"{settings.max_per_locus} members already within {LOCUS_WINDOW // 1000} kb of the lead"
        )
        funnel.count("locus", unlinked - crowded, full)
    weaker = f"less associated than the {settings.size} members"
    if len(panel) < settings.size:
        weaker = f"panel.size asks for {settings.size}, but only {len(panel)} variants are left: all are used"
        log.info(weaker)
    funnel.count("panel size", len(panel), weaker)
    return panel[PANEL_COLUMNS].reset_index(drop=True), funnel.table()
