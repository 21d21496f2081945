"""Figures of the genome-wide association study: Manhattan and quantile-quantile."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import beta

from snpgen.io.plink_tables import VARIANT_COLUMNS
from snpgen.io.sumstats import GENOME_WIDE
from snpgen.report.style import BLUE, GREY, INK, VERMILLION, make_figure, say_empty

GAP = 0.01  # between chromosomes, as a share of the genome
LOCI_SHOWN = 20
LOCUS_LINK = "#locus-"  # with the number of the locus: its row in the report
VARIANTS_TOLD = 5_000  # in the table behind the figure, besides the panel
RANKS_TOLD = 1_000


def top_loci(loci: pd.DataFrame) -> pd.DataFrame:
    """The loci of `panel/loci.tsv`, or their leads, of the smallest p of the lead, in genomic order."""
    return loci.nlargest(LOCI_SHOWN, "neg_log_10_p_value").sort_values("locus")


def find_rows(sumstats: pd.DataFrame, panel: pd.DataFrame) -> np.ndarray:
    """Row in `sumstats` of each variant of `panel` (both `VARIANT_COLUMNS`), -1 where it has none.

    A variant is all its columns, as ids may repeat; of repeated rows the first counts.
    """
    named = np.flatnonzero(sumstats.variant_id.isin(panel.variant_id))  # a few of millions
    rows = sumstats.iloc[named][VARIANT_COLUMNS]
    first = ~rows.duplicated().to_numpy()
    keys = pd.MultiIndex.from_frame(rows[first])
    found = keys.get_indexer(pd.MultiIndex.from_frame(panel[VARIANT_COLUMNS]))
    return np.append(named[first], -1)[found]


def manhattan_rows(sumstats: pd.DataFrame, panel: pd.DataFrame) -> pd.DataFrame:
    """What a table can hold of a Manhattan plot: the panel, and the variants with the smallest p."""
    on_panel = np.isin(np.arange(len(sumstats)), find_rows(sumstats, panel))
    smallest = sumstats.neg_log_10_p_value.nlargest(VARIANTS_TOLD).index
    columns = ["chromosome", "position", "variant_id", "neg_log_10_p_value"]
    rows = sumstats[columns].assign(on_panel=on_panel.astype(int))
    return rows[on_panel | sumstats.index.isin(smallest)]


def plot_manhattan(sumstats: pd.DataFrame, panel: pd.DataFrame) -> Figure:
    """-log10 p along the genome; the variants of `panel` stand out.

    Both have `VARIANT_COLUMNS` and neg_log_10_p_value, `panel` rank and locus as well; rows of
    `sumstats` without a p-value are left out. The leads of the top loci, their members of the
    smallest rank, are circled, and each circle links to `LOCUS_LINK`.
    """
    figure, (axes,) = make_figure(9, 3.2)
    tested = sumstats.dropna(subset="neg_log_10_p_value")
    if tested.empty:
        say_empty(axes, "No variant was tested")
        return figure
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
    axes.axhline(
        -np.log10(GENOME_WIDE), color=VERMILLION, linestyle="--", linewidth=1, label="p = 5e-8"
    )
    axes.set_xticks((starts + ends / 2).to_numpy(), names)
    axes.grid(visible=False, axis="x")
    axes.set_xlim(-GAP * ends.sum(), x.max() + GAP * ends.sum())
    axes.set_ylim(bottom=0)
    axes.set_xlabel("Chromosome")
    axes.set_ylabel("−log10 p")
    axes.legend(loc="upper right", ncols=3, bbox_to_anchor=(1, 1.12), markerscale=2)
    return figure


def qq_rows(neg_log_10_p: pd.Series) -> pd.DataFrame:
    """Observed and expected -log10 p with the band of the null, at up to `RANKS_TOLD` ranks."""
    observed = np.sort(neg_log_10_p.dropna().to_numpy())[::-1]
    n = len(observed)
    ranks = np.unique(np.geomspace(1, max(n, 1), RANKS_TOLD).round().astype(int))[: n or 0]
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


def plot_qq(neg_log_10_p: pd.Series, inflation: float | None) -> Figure:
    """Observed against expected -log10 p, with the 95 % band of the null and the inflation."""
    figure, (axes,) = make_figure(3.8, 3.6)
    observed = np.sort(neg_log_10_p.dropna().to_numpy())[::-1]
    if not len(observed):
        say_empty(axes, "No variant was tested")
        return figure
    expected = -np.log10((np.arange(len(observed)) + 0.5) / len(observed))
    _draw_null_band(axes, len(observed))
    axes.scatter(expected, observed, s=6, color=BLUE, linewidth=0, rasterized=True)
    axes.set_xlim(0, expected[0] * 1.03)
    axes.set_ylim(0, max(observed[0], expected[0]) * 1.05)
    axes.set_xlabel("Expected −log10 p")
    axes.set_ylabel("Observed −log10 p")
    shown = "NA" if inflation is None or np.isnan(inflation) else f"{inflation:.3f}"
    axes.text(0.04, 0.94, f"λ = {shown}", transform=axes.transAxes, va="top", fontsize=10)
    return figure


def null_band(ranks: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """95 % of -log10 p at `ranks` (k,) of `n` independent tests without effect: beta quantiles."""
    low, high = (-np.log10(beta.ppf(q, ranks, n + 1 - ranks)) for q in (0.975, 0.025))
    return low, high


def _draw_null_band(axes: Axes, n: int) -> None:
    ranks = np.unique(np.geomspace(1, n, 200).round())
    at = -np.log10((ranks - 0.5) / n)
    axes.fill_between(at, *null_band(ranks, n), color=GREY, alpha=0.3, linewidth=0)
    axes.plot(at, at, color=INK, linewidth=1)
