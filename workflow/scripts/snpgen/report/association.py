"""Figures of the genome-wide association study: Manhattan and quantile-quantile."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.special import betaincinv

from snpgen.baselines.registry import BLUE, GREY, INK, VERMILLION
from snpgen.io.plink_tables import VARIANT_COLUMNS
from snpgen.io.sumstats import GENOME_WIDE
from snpgen.report.style import make_axes, show_message

GAP = 0.01  # between chromosomes, as a share of the genome
LOCI_SHOWN = 20
LOCUS_LINK = "#locus-"  # followed by the number of the locus; links to its row in the report
MAX_VARIANTS = 5_000  # in the table behind the Manhattan plot, besides the panel
MAX_RANKS = 1_000  # in the table behind the QQ plot


def top_loci(loci: pd.DataFrame) -> pd.DataFrame:
    """The `LOCI_SHOWN` rows with the smallest p-value of the index variant, in genomic order."""
    return loci.nlargest(LOCI_SHOWN, "neg_log_10_p_value").sort_values("locus")


def find_rows(sumstats: pd.DataFrame, panel: pd.DataFrame) -> np.ndarray:
    """Row in `sumstats` of each variant of `panel`, -1 if it is not in `sumstats`.

    Variants are compared by all `VARIANT_COLUMNS`, because IDs may be repeated. If rows are identical, the
    first row is used.
    """
    # Only rows with an ID of the panel are compared further; these are few.
    named = np.flatnonzero(sumstats.variant_id.isin(panel.variant_id))
    rows = sumstats.iloc[named][VARIANT_COLUMNS]
    first = ~rows.duplicated().to_numpy()
    keys = pd.MultiIndex.from_frame(rows[first])
    found = keys.get_indexer(pd.MultiIndex.from_frame(panel[VARIANT_COLUMNS]))
    return np.append(named[first], -1)[found]


def manhattan_rows(sumstats: pd.DataFrame, panel: pd.DataFrame) -> pd.DataFrame:
    """The table behind a Manhattan plot: the panel, and the variants with the smallest p-values."""
    on_panel = np.isin(np.arange(len(sumstats)), find_rows(sumstats, panel))
    smallest = sumstats.neg_log_10_p_value.nlargest(MAX_VARIANTS).index
    columns = ["chromosome", "position", "variant_id", "neg_log_10_p_value"]
    rows = sumstats[columns].assign(on_panel=on_panel.astype(int))
    return rows[on_panel | sumstats.index.isin(smallest)]


def plot_manhattan(sumstats: pd.DataFrame, panel: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """-log10 p along the genome, with the variants of `panel` highlighted; also returns `manhattan_rows`.

    Both tables have `VARIANT_COLUMNS` and neg_log_10_p_value; `panel` has rank and locus as well. Rows
    of `sumstats` without a p-value are omitted. The index variants of the top loci (smallest rank) are
    circled, and each circle links to `LOCUS_LINK`.
    """
    table = manhattan_rows(sumstats, panel)
    figure, (axes,) = make_axes(9, 3.2)
    tested = sumstats.dropna(subset="neg_log_10_p_value")
    if tested.empty:
        show_message(axes, "No variant was tested")
        return figure, table
    names = sorted(tested.chromosome.unique(), key=lambda name: (len(name), name))
    ends = tested.groupby("chromosome").position.max()[names]
    starts = ends.cumsum().shift(fill_value=0) + GAP * ends.sum() * np.arange(len(names))
    x = (tested.position + tested.chromosome.map(starts)).to_numpy()
    y = tested.neg_log_10_p_value.to_numpy()
    odd = tested.chromosome.map({name: i % 2 == 1 for i, name in enumerate(names)}).to_numpy()
    on_panel = np.isin(np.arange(len(tested)), find_rows(tested, panel))
    for rows, colour, size, label in (
        (~on_panel & ~odd, GREY, 3, "Not on the panel"),
        (~on_panel & odd, "#66707b", 3, None),
        (on_panel, BLUE, 7, "On the panel"),
    ):
        axes.scatter(
            x[rows], y[rows], s=size, color=colour, linewidth=0, label=label, rasterized=True
        )
    index_variants = top_loci(panel.sort_values(["locus", "rank"]).drop_duplicates("locus"))
    for locus, row in zip(index_variants.locus, find_rows(tested, index_variants), strict=True):
        if row >= 0:
            (circle,) = axes.plot(x[row], y[row], "o", markersize=7, color=INK, fillstyle="none")
            circle.set(markeredgewidth=0.8, url=f"{LOCUS_LINK}{locus}")
    threshold = -np.log10(GENOME_WIDE)
    axes.axhline(threshold, color=VERMILLION, linestyle="--", linewidth=1, label="p = 5e-8")
    axes.set_xticks((starts + ends / 2).to_numpy(), names)
    axes.grid(visible=False, axis="x")
    axes.set_xlim(-GAP * ends.sum(), x.max() + GAP * ends.sum())
    axes.set_ylim(bottom=0)
    axes.set_xlabel("Chromosome")
    axes.set_ylabel("−log10 p")
    axes.legend(loc="upper right", ncols=3, bbox_to_anchor=(1, 1.12), markerscale=2)
    return figure, table


def qq_rows(neg_log_10_p: pd.Series) -> pd.DataFrame:
    """Observed and expected -log10 p and the 95 % band under the null, at most `MAX_RANKS` rows."""
    observed = np.sort(neg_log_10_p.dropna().to_numpy())[::-1]
    n = len(observed)
    ranks = np.unique(np.geomspace(1, max(n, 1), MAX_RANKS).round().astype(int))[:n]
    low, high = null_band(ranks, n)
    return pd.DataFrame(
        {
            "rank": ranks,
            "expected": -np.log10((ranks - 0.5) / n) if n else [],
            "observed": observed[ranks - 1],
            "null_low": low,
            "null_high": high,
        }
    )


def plot_qq(sumstats: pd.DataFrame, summary: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Observed against expected -log10 p, with the 95 % band under the null; also returns `qq_rows`.

    `summary` is the summary of the GWAS, with `lambda_gc` (None if no variant was tested).
    """
    table = qq_rows(sumstats.neg_log_10_p_value)
    figure, (axes,) = make_axes(3.8, 3.6)
    observed = np.sort(sumstats.neg_log_10_p_value.dropna().to_numpy())[::-1]
    if not len(observed):
        show_message(axes, "No variant was tested")
        return figure, table
    expected = -np.log10((np.arange(len(observed)) + 0.5) / len(observed))
    ranks = np.unique(np.geomspace(1, len(observed), 200).round())
    diagonal = -np.log10((ranks - 0.5) / len(observed))
    band = null_band(ranks, len(observed))
    axes.fill_between(diagonal, *band, color=GREY, alpha=0.3, linewidth=0)
    axes.plot(diagonal, diagonal, color=INK, linewidth=1)
    axes.scatter(expected, observed, s=6, color=BLUE, linewidth=0, rasterized=True)
    axes.set_xlim(0, expected[0] * 1.03)
    axes.set_ylim(0, max(observed[0], expected[0]) * 1.05)
    axes.set_xlabel("Expected −log10 p")
    axes.set_ylabel("Observed −log10 p")
    inflation = summary["lambda_gc"]
    shown = "NA" if inflation is None or np.isnan(inflation) else f"{inflation:.3f}"
    axes.text(0.04, 0.94, f"λ = {shown}", transform=axes.transAxes, va="top", fontsize=10)
    return figure, table


def null_band(ranks: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """2.5 % and 97.5 % quantiles of -log10 p at `ranks` (k,) of `n` independent tests under the null.

    The p-value of rank r follows a beta distribution with parameters r and n + 1 - r.
    """
    low, high = (-np.log10(betaincinv(ranks, n + 1 - ranks, q)) for q in (0.975, 0.025))
    return low, high
