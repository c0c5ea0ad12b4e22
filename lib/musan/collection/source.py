"""Source notebooks as files: which there are, which one a reader means, what their cells set."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musan.errors import CollectionError, nearest
from musan.parameters import assignments

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Notebook = dict[str, Any]


def names(folder: Path) -> list[str]:
    """Return the names of the notebooks in a folder, in reading order.

    Parameters
    ----------
    folder : Path
        The folder of source notebooks.

    Returns
    -------
    list of str
        File names without ``.ipynb``.

    Raises
    ------
    CollectionError
        When there is none.
    """
    found = sorted(path.stem for path in folder.glob("*.ipynb") if not path.name.startswith("."))
    if not found:
        raise CollectionError("has no notebook", str(folder), "set MUSAN_NOTEBOOKS to a folder that has")
    return found


def resolve(selection: Sequence[str], known: Iterable[str]) -> list[str]:
    """Return the notebooks that a reader means, each once and in reading order.

    Parameters
    ----------
    selection : sequence of str
        Names, unique beginnings of names, or paths of ``.ipynb`` files; empty means all.
    known : iterable of str
        The names that exist.

    Returns
    -------
    list of str
        Names.

    Raises
    ------
    CollectionError
        When one of them is unknown or ambiguous.
    """
    known = sorted(known)
    if not selection:
        return known
    return sorted({_resolve_one(wanted, known) for wanted in selection})


def _resolve_one(wanted: str, known: Sequence[str]) -> str:
    name = Path(wanted).stem if wanted.endswith(".ipynb") else wanted
    if name in known:
        return name
    matches = [each for each in known if name and each.startswith(name)]
    if len(matches) > 1:
        raise CollectionError(f"{wanted!r} could be {' or '.join(matches)}", remedy="give more of the name")
    if not matches:
        raise CollectionError(f"no notebook {wanted!r}", remedy=nearest(name, known))
    return matches[0]


def read(path: Path) -> Notebook:
    """Return a notebook as plain JSON.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        Its content.

    Raises
    ------
    CollectionError
        When the file cannot be read or is not a notebook.
    """
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CollectionError(f"cannot be read as a notebook ({error})", str(path)) from error
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise CollectionError("is not a notebook: it has no cells", str(path))
    return notebook


def tagged(notebook: Notebook, tag: str) -> list[int]:
    """Return the positions of the cells with a tag.

    Parameters
    ----------
    notebook : dict
        As :func:`read` gives it.
    tag : str
        Such as ``parameters``.

    Returns
    -------
    list of int
        Positions, from 0.
    """
    return [n for n, cell in enumerate(notebook["cells"]) if tag in cell.get("metadata", {}).get("tags", [])]


def parameter_values(notebook: Notebook) -> dict[str, object]:
    """Return what the cell tagged ``parameters`` sets; what is not a literal is left out.

    Parameters
    ----------
    notebook : dict
        As :func:`read` gives it.

    Returns
    -------
    dict of str to object
        Values by name.
    """
    values: dict[str, object] = {}
    for position in tagged(notebook, "parameters"):
        for name, expression in assignments("".join(notebook["cells"][position]["source"])).items():
            try:
                values[name] = ast.literal_eval(expression) if expression else None
            except ValueError:
                continue
    return values


def about(notebook: Notebook) -> dict[str, Any]:
    """Return what a notebook's metadata say of it to this library, under ``musan``.

    Parameters
    ----------
    notebook : dict
        As :func:`read` gives it.
    """
    said: dict[str, Any] = notebook.get("metadata", {}).get("musan", {})
    return said


def reads_findings(notebook: Notebook) -> bool:
    """Return whether a notebook reads what the others found, and so must run after them.

    Parameters
    ----------
    notebook : dict
        As :func:`read` gives it.

    Returns
    -------
    bool
        Its metadata ``musan.reads_findings``.
    """
    return bool(about(notebook).get("reads_findings"))


def is_long(notebook: Notebook) -> bool:
    """Return whether a notebook takes much longer than the others, and so should start first.

    Parameters
    ----------
    notebook : dict
        As :func:`read` gives it.

    Returns
    -------
    bool
        Its metadata ``musan.long``.
    """
    return bool(about(notebook).get("long"))
