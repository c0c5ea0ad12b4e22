"""The fixed parts of every page: template, style, scripts, and the policy that lets these in and no others."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from musan.locations import templates_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

STYLE, SCRIPT = "style.css", "page.js"  # what every page carries
INDEX = ("index.css", "index.js")
EXPLORERS = "explorers"  # the folder of what a page carries when an output asks for it
EXPLORERS_STYLE = f"{EXPLORERS}/explorers.css"
_COMMENT = re.compile(r"//.*|/\*[^*]*\*/")
# Nothing may be fetched, sent or framed; pictures are part of the page.
_CLOSED = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'"


@cache
def environment() -> jinja2.Environment:
    """Return the Jinja environment of the pages; every value is escaped unless it is markup already."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_folder() / "site"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, files: Iterable[str] = (), **context: Any) -> str:
    """Return a page.

    Parameters
    ----------
    template : str
        A file of ``templates/site``.
    files : iterable of str
        Styles and scripts of ``templates/site`` that the page carries besides those that all have.
    **context
        What the template shows.

    Returns
    -------
    str
        HTML with the policy, the style and the scripts inside.
    """
    carried = [STYLE, SCRIPT, *files]
    style = "".join(_inside(name) for name in carried if name.endswith(".css"))
    first, *others = (_inside(name) for name in carried if name.endswith(".js"))
    policy = f"{_CLOSED}; style-src {_allowed(style)}; script-src {' '.join(map(_allowed, [first, *others]))}"
    fixed = {"policy": policy, "style": Markup(style), "script": Markup(first), "scripts": [*map(Markup, others)]}
    return environment().get_template(template).render(**fixed, **context)


def explorer_script(name: str) -> str | None:
    """Return the script that shows outputs of the type ``application/vnd.musan.NAME+json``; None when there is none.

    Parameters
    ----------
    name : str
        NAME.
    """
    path = f"{EXPLORERS}/{name}.js"
    return path if path in environment().list_templates(extensions=["js"]) else None


@cache
def _inside(name: str) -> str:
    """Return the text of a style or script between its tags; indents and lines that are comments stay behind."""
    loader = environment().loader
    assert loader is not None
    lines = map(str.strip, loader.get_source(environment(), name)[0].splitlines())
    return "\n" + "".join(f"{line}\n" for line in lines if line and not _COMMENT.fullmatch(line))


def _allowed(text: str) -> str:
    """Return the source expression of the policy for one style or script (Content Security Policy 3, 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
