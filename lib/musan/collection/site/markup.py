"""Markdown, code and HTML from elsewhere as HTML without style attributes, scripts or addresses to load from."""

from __future__ import annotations

import keyword
import re
import unicodedata
from dataclasses import dataclass
from html import escape, unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bs4 import BeautifulSoup, Tag
from markupsafe import Markup
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TABLE = '<div class="table">'  # what a table on a page stands in, so that it can scroll by itself
TAGS = frozenset(
    """a abbr b blockquote br c-c c-k c-m c-s caption cite code col colgroup dd del details dfn div dl dt em figcaption
    figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp section small span strong sub summary sup table
    tbody td tfoot th thead time tr u ul var wbr""".split()  # noqa: SIM905  # as words they can be read
)
_DROPPED_WHOLE = frozenset(("script", "style", "template", "iframe", "object", "embed", "head", "svg", "math", "form"))
_ATTRIBUTES = frozenset(
    """alt aria-label aria-labelledby class colspan data-verdict datetime height id lang role rowspan scope start
    title width""".split()  # noqa: SIM905
)
_LINK = re.compile(r"(?:https?://|mailto:|#)[^\"<>]*|[\w.-]+(?:#[^\"<>]*)?", re.ASCII)
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+")
# Most outputs are our own tables and cards, which need no parser: each of their tags is of this form.
_INERT = re.compile(rf'<(?:/(?:{"|".join(TAGS)})|(?:{"|".join(TAGS)})(?: (?:{"|".join(_ATTRIBUTES)})="[^"<>]*")*)>')
# What the style sheet colours in code; a lexer that tells more takes three quarters of the time that a site takes.
# It stands in elements named after the group, c-s for a string: in spans with a class pages would be 80 KB larger.
_QUOTED = "|".join(
    rf"{quote}(?:\\.|[^\\{stop}])*?{quote}" for quote, stop in (('"""', ""), ("'''", ""), ('"', '"\\n'), ("'", "'\\n"))
)
_CODE = re.compile(
    rf"(?P<c>#[^\n]*)|(?P<s>(?:\b[bBfFrRuU]{{1,2}})?(?:{_QUOTED}))|(?P<k>\b(?:{'|'.join(keyword.kwlist)})\b)|(?P<m>\b\d[\w.]*)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Heading:
    """A heading of a page: its level, the anchor it has and its words."""

    level: int
    anchor: str
    text: str


class Headings:
    """The headings of one page, each with an anchor of its own.

    Parameters
    ----------
    taken : iterable of str
        Anchors that the page has for other things.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.found: list[Heading] = []
        self._taken = set(taken)

    def add(self, level: int, words: str) -> Heading:
        """Add a heading.

        Parameters
        ----------
        level : int
            1 to 6.
        words : str
            Its text, without marks.

        Returns
        -------
        Heading
            With an anchor of ASCII letters, digits and hyphens, which no browser has to encode.
        """
        plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
        wanted = re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "section"
        anchor, number = wanted, 1
        while anchor in self._taken:
            number += 1
            anchor = f"{wanted}-{number}"
        self._taken.add(anchor)
        self.found.append(Heading(level, anchor, words))
        return self.found[-1]


class _Renderer(IPythonRenderer):
    """nbconvert's renderer, with anchors of ours and without style attributes."""

    def __init__(self, headings: Headings, attachments: Mapping[str, Any]) -> None:
        super().__init__(escape=False, exclude_anchor_links=True, attachments=dict(attachments))
        self._headings = headings

    def heading(self, text: str, level: int, **_: Any) -> str:
        found = self._headings.add(level, unescape(re.sub(r"<[^>]*>", "", text)).strip())
        return f'<h{level} id="{found.anchor}">{text}</h{level}>\n'

    def block_code(self, code: str, info: str | None = None) -> str:
        language = (info or "").partition(" ")[0]
        return f"<pre><code>{coloured(code) if language in ('python', 'py') else escape(code)}</code></pre>\n"

    def table(self, text: str) -> str:
        return f"{TABLE}<table>\n{text}</table></div>\n"

    def table_cell(self, text: str, align: str | None = None, head: bool = False) -> str:
        kind = ' class="num"' if align == "right" else ""
        return f'<th scope="col"{kind}>{text}</th>' if head else f"<td{kind}>{text}</td>"


def from_markdown(text: str, headings: Headings, attachments: Mapping[str, Any] | None = None) -> Markup:
    """Return Markdown as HTML.

    Parameters
    ----------
    text : str
        Markdown; of the HTML in it only what is inert is kept.
    headings : Headings
        Takes the headings that the text has.
    attachments : mapping, optional
        The attachments of the cell.
    """
    html = MarkdownWithMath(renderer=_Renderer(headings, attachments or {})).render(text)
    return inert(html)


def inert(html: str) -> Markup:
    """Return HTML in which nothing runs, is loaded or brings a style of its own.

    Parameters
    ----------
    html : str
        From anywhere. Tables are put into containers that scroll, and their header cells get a scope.

    Returns
    -------
    Markup
        The same text; tags and attributes without harm are kept.
    """
    ready = "<table" not in html or html.startswith(TABLE)
    if ready and all(map(_INERT.fullmatch, set(re.findall(r"<[^>]*>?", html)))):
        return Markup(html)
    soup = BeautifulSoup(html, "html.parser")
    for tag in soup.find_all(True):
        if tag.decomposed or not isinstance(tag, Tag):
            continue
        if tag.name in _DROPPED_WHOLE:
            tag.decompose()
        elif tag.name not in TAGS:
            tag.unwrap()
        else:
            _strip(tag)
    for text in soup.find_all(string=lambda found: type(found).__name__ in ("Comment", "Declaration", "Doctype")):
        text.extract()
    for table in soup.find_all("table"):
        _scope(soup, table)
    return Markup(soup.decode(formatter="minimal"))


def _strip(tag: Tag) -> None:
    """Take away the attributes of a tag that are not known to be harmless."""
    address = str(tag.get("href") if tag.name == "a" else tag.get("src") if tag.name == "img" else "")
    tag.attrs = {name: value for name, value in tag.attrs.items() if name in _ATTRIBUTES}
    if tag.name == "a" and _LINK.fullmatch(address):
        tag["href"] = address
    elif tag.name == "img":
        if not _PICTURE.fullmatch(address):
            tag.replace_with(str(tag.get("alt", "")))
            return
        tag["src"] = address
        tag["alt"] = tag.get("alt") or "A figure without a description"


def _scope(soup: BeautifulSoup, table: Tag) -> None:
    """Give the header cells of a table a scope, and the table a container that scrolls."""
    for cell in table.find_all("th"):
        if not cell.get_text().strip():
            cell.name = "td"  # it heads nothing
        elif not cell.get("scope"):
            cell["scope"] = "col" if cell.find_parent("thead") else "row"
    around = table.find_parent("div")
    if around is None or "table" not in (around.get("class") or ""):
        table.wrap(soup.new_tag("div", attrs={"class": "table"}))


def coloured(code: str) -> Markup:
    """Return Python code as HTML with its comments, strings, numbers and keywords marked.

    Parameters
    ----------
    code : str
        The code.
    """
    parts, end = [], 0
    for found in _CODE.finditer(code):
        parts += [escape(code[end : found.start()], quote=False)]
        parts += [f"<c-{found.lastgroup}>{escape(found[0], quote=False)}</c-{found.lastgroup}>"]
        end = found.end()
    return Markup("".join([*parts, escape(code[end:], quote=False)]))


def data_address(media_type: str, text: str) -> str:
    """Return an address that holds its own content.

    Parameters
    ----------
    media_type : str
        Such as ``text/csv``.
    text : str
        The content.
    """
    return f"data:{media_type};charset=utf-8,{quote(text, safe=',;:.-_~/()=+*@!$')}"
