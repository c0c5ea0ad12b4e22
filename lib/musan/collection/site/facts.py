"""What a page tells of a run: the parameters, the tables that were read, the day."""

from __future__ import annotations

import ast
import io
import tokenize
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from musan import evidence, reads
from musan.parameters import MODELS, assignments
from musan.refresh import vintages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Setting:
    """One parameter of a run, in the words of its cell: value, default, and what it means."""

    name: str
    value: str
    default: str
    meaning: str

    @property
    def changed(self) -> bool:
        """Return whether the value is another than the default."""
        return _literal(self.value) != _literal(self.default)


@dataclass(frozen=True)
class TableRead:
    """A table that a run has read; what the catalogue says of it, when it is still the same table.

    ``live`` is the vintage that it is of, empty for a table of the usual folder.
    """

    name: str
    title: str
    rows: str
    vintage: str
    sha256: str
    live: str = ""


def settings(notebook: Mapping[str, Any], name: str) -> list[Setting]:
    """Return the parameters that an executed notebook ran with.

    Parameters
    ----------
    notebook : mapping
        The notebook.
    name : str
        Its name, under which the library knows what its parameters mean.

    Returns
    -------
    list of Setting
        In the order of its cell; then those that its cell does not have.
    """
    cell, injected = _tagged(notebook, "parameters"), _tagged(notebook, "injected-parameters")
    defaults, given = _texts(cell), _texts(injected)
    model = MODELS.get(name)
    described = {each.name: each for each in model.described()} if model else {}
    for extra in given:
        defaults.setdefault(extra, repr(described[extra].default) if extra in described else given[extra])
    comments = _comments(cell)
    meanings = {key: comments.get(key) or (described[key].description if key in described else "") for key in defaults}
    return [Setting(key, given.get(key, default), default, meanings[key]) for key, default in defaults.items()]


def _tagged(notebook: Mapping[str, Any], tag: str) -> str:
    found = (cell for cell in notebook["cells"] if tag in cell.get("metadata", {}).get("tags", []))
    return next((str(cell["source"]) for cell in found), "")


def _texts(source: str) -> dict[str, str]:
    """Return what a cell assigns, as it is written there."""
    found = assignments(source).items()
    return {name: (ast.get_source_segment(source, value) or "") if value else "" for name, value in found}


def _literal(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):  # an expression is compared as it is written
        return text


def _comments(source: str) -> dict[str, str]:
    """Return the comment behind each assignment of a cell."""
    lines: dict[int, str] = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                lines[token.start[0]] = token.string.lstrip("# ").strip()
        statements = ast.parse(source).body
    except (SyntaxError, tokenize.TokenError):  # not plain Python: no comment can be told from code
        return {}
    found = {}
    for statement in statements:
        target = statement.target if isinstance(statement, ast.AnnAssign) else getattr(statement, "targets", [None])[0]
        if isinstance(target, ast.Name):
            found[target.id] = lines.get(statement.end_lineno or 0, "")
    return found


def digests(notebook: Mapping[str, Any]) -> dict[str, str]:
    """Return the tables that a notebook notes as read, each with its digest.

    Parameters
    ----------
    notebook : mapping
        An executed notebook as JSON.
    """
    noted: dict[str, str] = {}
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            noted |= output.get("data", {}).get(reads.MIME, {}).get("tables", {})
    return noted


def tables_read(noted: Mapping[str, str]) -> list[TableRead]:
    """Return the tables behind a run.

    Parameters
    ----------
    noted : mapping of str to str
        As :func:`digests` gives them.

    Returns
    -------
    list of TableRead
        Vintage and hash are those of the catalogue when its entry is the one that was read; else the
        vintage is said to be another. Tables of the usual folder come first.
    """
    known = {vintage.full_name: vintage for vintage in vintages.all_of(vintages.store_folder())}
    return [_table(*table, known) for table in sorted(noted.items(), key=lambda item: ("/" in item[0], item))]


def _table(noted: str, digest: str, known: Mapping[str, vintages.Vintage]) -> TableRead:
    place, _, name = noted.rpartition("/")
    if place and place not in known:
        return TableRead(name, "", "", f"{place}, which is not at hand", "")
    package = known[place].package() if place else evidence.package()
    entry = next((entry for entry in package["resources"] if entry["name"] == name), None)
    if entry is None or reads.digest(entry) != digest:
        return TableRead(name, "", "", "not the tables that these pages were made with", "")
    # A table of many files has no hash of its own.
    files = entry["hash"].removeprefix("sha256:") if "hash" in entry else reads.digest(entry["parts"])
    return TableRead(name, entry["title"], f"{entry['rows']:,}", place or package["version"], files[:12], place)


def vintages_read(tables: Sequence[TableRead]) -> dict[str, str]:
    """Return the vintages that tables are of, each with when it was retrieved and its terms, in words.

    Parameters
    ----------
    tables : sequence of TableRead
        From :func:`tables_read`.
    """
    return {name: vintages.named(name)[0].about() for name in dict.fromkeys(table.live for table in tables) if name}


def day(notebook: Mapping[str, Any]) -> date | None:
    """Return the day on which a notebook was run; None when it does not say.

    Parameters
    ----------
    notebook : mapping
        The executed notebook.
    """
    papermill = notebook["metadata"].get("papermill") or {}
    ends = [papermill.get("end_time") or ""]
    for cell in notebook["cells"]:
        ends.append(cell.get("metadata", {}).get("execution", {}).get("shell.execute_reply") or "")
    last = next(filter(None, [ends[0], *sorted(ends[1:], reverse=True)]), "")
    return date.fromisoformat(last[:10]) if last else None


def in_words(when: date | None) -> str:
    """Return a day as "25 November 2026"; empty when it is not known.

    Parameters
    ----------
    when : date or None
        The day.
    """
    return f"{when.day} {when:%B %Y}" if when else ""
