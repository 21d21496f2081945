"""What a browser or a screen reader sees of a page."""

import html
import re
from html.parser import HTMLParser


def text_of(page: str) -> str:
    """The text of HTML, without tags and repeated white space."""
    page = re.sub(r"<(style|svg).*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


class Outline(HTMLParser):
    """Elements left open, headings, IDs, links within the page, images, and what would be fetched."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.images: list[tuple[str | None, str | None]] = []
        self.unscoped: list[dict] = []
        self.downloads: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        attributes = dict(attrs)
        self.open += [] if tag in ("meta", "link", "img", "br", "input") else [tag]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag in ("script", "link", "img", "iframe", "object"):
            self.fetched.append(tag)
        if tag == "svg":
            self.images.append((attributes.get("role"), attributes.get("aria-label")))
        self.ids += [attributes["id"]] if "id" in attributes else []
        for name in ("src", "href", "xlink:href"):
            target = attributes.get(name, "#")
            if target.startswith("#"):
                self.links += [target] if name in attributes else []
            elif not target.startswith("data:"):
                self.fetched.append(target)
        if "download" in attributes:
            self.downloads[attributes["download"]] = attributes["href"]
        self.unscoped += [attributes] if tag == "th" and "scope" not in attributes else []

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
