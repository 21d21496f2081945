"""Content embedded in the pages: figures as SVG, tooltips, and tables for download."""

import base64
import gzip
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass

from snpgen.baselines.registry import INK
from snpgen.report.association import LOCUS_LINK
from snpgen.report.style import GRID

LARGEST_DOWNLOAD = 300_000  # characters; keeps the page below 5 MB with a large panel
LARGEST_PLAIN = 40_000  # longer tables are gzipped


@dataclass(frozen=True)
class Download:
    """A table embedded in a page: its file name, the data URI, and the number of rows."""

    name: str
    href: str
    rows: int


def inline_svg(svg: str, name: str, alt: str, tips: Mapping[str, tuple[str, str]] = {}) -> str:
    """The <svg> element of a figure, to be embedded in HTML beside others.

    IDs are prefixed with `name`, so that they are unique in the page. `alt` is the text alternative. Text,
    axes and grid take their colours from the page, so that figures are readable on a dark background. `tips`
    has two lines of text for each locus; `add_tips` adds them to the links of the figure.
    """
    body = svg[svg.index("<svg ") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r' xmlns(:\w+)?="[^"]*"', "", body)
    body = shorten(body)
    body = re.sub(rf'(\bid="|url\(#|href="#(?!{LOCUS_LINK[1:]}))', rf"\g<1>{name}-", body)
    body = body.replace(INK, "currentColor").replace(GRID, "var(--grid)")
    body = re.sub(r'^<svg width="[^"]*" height="[^"]*"', "<svg", body)
    width = float(re.search(r'viewBox="0 0 ([\d.]+)', body)[1])  # type: ignore[index]
    body = add_tips(body, tips, width)
    role = "group" if tips else "img"  # screen readers skip the content of an image
    label = html.escape(alt)
    return body.replace(
        "<svg", f'<svg role="{role}" aria-label="{label}" style="max-width:{width * 1.45:.0f}px"', 1
    )


def shorten(svg: str) -> str:
    """Shorten an SVG to about two thirds of its bytes, without a visible change.

    Comments, names of groups and line breaks are removed. Positions of glyphs, which take half of the bytes
    of a figure with many labels, are rounded to hundredths of the glyph size. Coordinates are rounded to
    hundredths of a point.
    """
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r"\s*\n\s*", " ", svg).replace("> <", "><")
    svg = svg.replace("#DejaVuSans-", "#").replace('id="DejaVuSans-', 'id="')
    svg = re.sub(
        r'(<use xlink:href="#[\w-]+") transform="translate\((\d+)[\d.]* 0\)"', r'\1 x="\2"', svg
    )
    return re.sub(r"(\d\d\.\d\d)\d+", r"\1", svg)


def add_tips(svg: str, tips: Mapping[str, tuple[str, str]], width: float) -> str:
    """Add a tooltip to each link to a locus; it appears on hover or focus.

    The tooltip uses only SVG and CSS. It needs no script, and works with the keyboard and screen readers.
    A link to a locus without `tips` is removed.
    """

    def add(link: re.Match) -> str:
        if link["locus"] not in tips:
            return link["inside"]
        x, y = (float(re.search(rf' {domain}="([-\d.]+)"', link["inside"])[1]) for domain in "xy")  # type: ignore[index]
        anchor, step = ("end", -8) if x > width / 2 else ("start", 8)
        first, second = (html.escape(line) for line in tips[link["locus"]])
        return (
            f'<a href="{LOCUS_LINK}{link["locus"]}" aria-label="{first}, {second}">{link["inside"]}'
            f'<text class="tip" aria-hidden="true" text-anchor="{anchor}">'
            f'<tspan x="{x + step:.1f}" y="{y:.1f}">{first}</tspan>'
            f'<tspan x="{x + step:.1f}" y="{y + 11:.1f}">{second}</tspan></text></a>'
        )

    pattern = rf'<a xlink:href="{LOCUS_LINK}(?P<locus>[^"]*)"[^>]*>(?P<inside>.*?)</a>'
    return re.sub(pattern, add, svg, flags=re.DOTALL)


def make_download(name: str, table: str) -> Download | None:
    """A TSV text as a data URI, gzipped if it is long; None if it exceeds `LARGEST_DOWNLOAD`."""
    kind, content = "text/tab-separated-values", table.encode()
    if len(content) > LARGEST_PLAIN:
        kind, content, name = "application/gzip", gzip.compress(content, 9, mtime=0), f"{name}.gz"
    href = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    rows = max(0, table.count("\n") - 1)
    return Download(name, href, rows) if len(href) <= LARGEST_DOWNLOAD else None
