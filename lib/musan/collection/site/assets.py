"""The fixed parts of every page: template, style, scripts, and the policy that lets these in and no others."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from musan.locations import templates_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE_SCRIPT, INDEX_SCRIPT = "page.js", "index.js"
EXPLORERS = "explorers"  # the folder of scripts that a page carries when an output asks for them
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


def render(template: str, scripts: Iterable[str] = (), **context: Any) -> str:
    """Return a page.

    Parameters
    ----------
    template : str
        A file of ``templates/site``.
    scripts : iterable of str
        Files of ``templates/site`` that the page carries besides the script that all have.
    **context
        What the template shows.

    Returns
    -------
    str
        HTML with the policy, the style and the scripts inside.
    """
    style, first, *others = (_inside(name) for name in ("style.css", PAGE_SCRIPT, *scripts))
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
    """Return the text of a style or script between its tags."""
    loader = environment().loader
    assert loader is not None
    return f"\n{loader.get_source(environment(), name)[0].strip()}\n"


def _allowed(text: str) -> str:
    """Return the source expression of the policy for one style or script (Content Security Policy 3, 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
