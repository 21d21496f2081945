"""Conversion of Markdown to a self-contained HTML page."""

import html
import re

import mistune
from mistune.renderers.html import HTMLRenderer

from snpgen.report.templates import make_environment


class PageRenderer(HTMLRenderer):
    """Renderer of headings with anchors, and of tables in boxes that scroll."""

    def __init__(self) -> None:
        super().__init__(escape=True)
        self.sections: list[tuple[str, str]] = []  # id and text of the headings of level 2
        self.last = ""  # text of the last heading

    def heading(self, text: str, level: int, **attrs: object) -> str:
        """A heading with an id made of its text."""
        self.last = html.unescape(text)
        name = "-".join(re.findall(r"\w+", self.last.lower()))
        if level == 2:
            self.sections.append((name, self.last))
        return f'<h{level} id="{name}">{text}</h{level}>\n'

    def table(self, text: str) -> str:
        """A table in a box that is labelled with the last heading."""
        label = html.escape(f"{self.last}, table")
        box = f'<div class="wide" tabindex="0" role="region" aria-label="{label}">'
        return f"{box}\n<table>\n{text}</table></div>\n"

    def table_cell(self, text: str, align: str | None = None, head: bool = False) -> str:
        """A cell; a header cell has the scope of its column."""
        kind = ' class="number"' if align == "right" else ""
        return f'<th scope="col"{kind}>{text}</th>' if head else f"<td{kind}>{text}</td>"


def render_markdown(markdown: str, title: str, template: str, style: str) -> str:
    """Convert Markdown with tables to HTML; `style` is the text of a style sheet.

    HTML in the Markdown is escaped. `template` is a Jinja template with the variables `title`, `style`,
    `body` and `sections` (id and text of the headings of level 2).
    """
    renderer = PageRenderer()
    body = mistune.create_markdown(renderer=renderer, plugins=["table"])(markdown)
    environment = make_environment({"page": template})
    return environment.get_template("page").render(
        title=title, style=style, body=body, sections=renderer.sections
    )
