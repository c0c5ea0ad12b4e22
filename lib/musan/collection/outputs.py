"""Read executed notebooks, and write files whole or not at all."""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from musan import mime, reads
from musan.errors import CollectionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbformat import NotebookNode

_NAME = re.compile(r"[a-z0-9_]+")  # it becomes a file's name
_PICTURE = re.compile(r'src="data:image/webp;base64,([A-Za-z0-9+/=]+)"')
_LONGEST_ERROR = 300
_AT_A_TIME = 2  # pictures that are converted; Pillow lets other threads run meanwhile


@dataclass(frozen=True)
class SavedFigure:
    """A figure as an executed notebook keeps it."""

    name: str
    caption: str
    alt: str
    webp: bytes
    csv: str
    sources: tuple[str, ...]
    html: str


def read(path: Path) -> NotebookNode:
    """Return an executed notebook, or say why it can't be used.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    NotebookNode
        A valid notebook of which every code cell ran without an error. A cell tagged
        ``raises-exception`` may end in one. The list of what it read, which is for
        :mod:`musan.collection.keys`, is left out.

    Raises
    ------
    CollectionError
        The file is missing, is not a notebook, or was not run to its end; the cell is named.
    """
    where = str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise CollectionError("there is no such notebook", where, "run it with `musan run`") from error
    except UnicodeDecodeError as error:
        raise CollectionError("is not UTF-8 text", where, "run the notebook again") from error
    notebook = _parse(text, where)
    ran = 0
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "code":
            continue
        _check_cell(cell, f"{where}, cell {number}")
        cell.outputs = [output for output in cell.outputs if reads.MIME not in output.get("data", {})]
        ran += cell.execution_count is not None
        if cell.execution_count is None and cell.source.strip():
            missing = f"{where}, cell {number}" if ran else where
            what = "has not been run" if ran else "the notebook has not been run"
            raise CollectionError(what, missing, "run the notebook with `musan run`")
    return notebook


def _parse(text: str, where: str) -> NotebookNode:
    """Return the text as a valid notebook of the current format."""
    import nbformat  # slow to import, and writing needs none of it

    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        what = f"is not valid JSON ({error.msg}, line {error.lineno})"
        raise CollectionError(what, where, "run the notebook again") from error
    if not isinstance(content, dict) or not {"cells", "nbformat"} <= set(content):
        raise CollectionError("is JSON, but not a Jupyter notebook", where, "give the path of an .ipynb file")
    if content["nbformat"] != 4:
        what = f"has the notebook format {content['nbformat']}, not 4"
        raise CollectionError(what, where, "open and save it in JupyterLab")
    try:
        notebook = nbformat.v4.reads(text)
        nbformat.validate(notebook)
    except (nbformat.ValidationError, AttributeError, KeyError, TypeError) as error:
        what = f"is not a valid notebook ({str(error).splitlines()[0][:_LONGEST_ERROR]})"
        raise CollectionError(what, where, "run the notebook again") from error
    language = notebook.metadata.get("kernelspec", {}).get("language", "python")
    if str(language).lower() != "python":
        raise CollectionError(f"is a notebook in {language}, not in Python", where, "leave it out")
    return cast("NotebookNode", notebook)


def _check_cell(cell: NotebookNode, where: str) -> None:
    """Refuse a cell that failed, unless it is meant to."""
    if "raises-exception" in cell.metadata.get("tags", []):
        return
    for output in cell.outputs:
        if output.output_type == "error":
            message = " ".join(f"{output.ename}: {output.evalue}".split())[:_LONGEST_ERROR]
            raise CollectionError(f"failed with {message}", where, "mend the notebook and run it again")


def bundles(notebook: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the MIME bundle of each rich output, in order.

    Parameters
    ----------
    notebook : NotebookNode or mapping
        An executed notebook, also as plain JSON.
    """
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if "data" in output:
                yield output["data"]


def shown(notebook: Mapping[str, Any], kind: str) -> Iterator[Any]:
    """Yield what a notebook shows of one kind, in order.

    Parameters
    ----------
    notebook : NotebookNode or mapping
        An executed notebook, also as plain JSON.
    kind : str
        A MIME type.
    """
    return (data[kind] for data in bundles(notebook) if kind in data)


def figures(notebook: NotebookNode | Path) -> list[SavedFigure]:
    """Return the figures of an executed notebook.

    Parameters
    ----------
    notebook : NotebookNode or Path
        The notebook.

    Returns
    -------
    list of SavedFigure
        In order of appearance.

    Raises
    ------
    CollectionError
        Two figures share a name, or a figure has lost its picture.
    """
    node, where = _opened(notebook)
    found: dict[str, SavedFigure] = {}
    for data in bundles(node):
        if mime.FIGURE not in data:
            continue
        about = data[mime.FIGURE]
        name, html = str(about["name"]), str(data.get("text/html", ""))
        if not _NAME.fullmatch(name):
            raise CollectionError(f"figure {name!r} has an unfit name", where, "publish it with musan.figures")
        if name in found:
            raise CollectionError(f"two figures are named {name!r}", where, "give each figure its own name")
        found[name] = SavedFigure(
            name=name,
            caption=str(about["caption"]),
            alt=str(about["alt"]),
            webp=_picture(html, f"{where}, figure {name!r}"),
            csv=str(about["csv"]),
            sources=tuple(map(str, about["sources"])),
            html=html,
        )
    return list(found.values())


def _opened(notebook: NotebookNode | Path) -> tuple[NotebookNode, str]:
    return (read(notebook), str(notebook)) if isinstance(notebook, Path) else (notebook, "notebook")


def _picture(html: str, where: str) -> bytes:
    found = _PICTURE.search(html)
    if not found:
        raise CollectionError("has lost its picture", where, "run the notebook again")
    try:
        return base64.b64decode(found[1], validate=True)
    except binascii.Error as error:
        raise CollectionError("the picture is damaged", where, "run the notebook again") from error


def answer(notebook: NotebookNode | Path) -> str:
    """Return the one-sentence answer of an executed notebook; empty when it gives none.

    Parameters
    ----------
    notebook : NotebookNode or Path
        The notebook.
    """
    node, _ = _opened(notebook)
    return next((str(said["text"]) for said in shown(node, mime.ANSWER) if said.get("final")), "")


def title(notebook: NotebookNode, default: str) -> str:
    """Return a notebook's title: its metadata's, else its first heading, else ``default``.

    Parameters
    ----------
    notebook : NotebookNode
        The notebook.
    default : str
        Its name.
    """
    given = notebook.metadata.get("musan", {}).get("title")
    if given:
        return str(given)
    for cell in notebook.cells:
        heading = re.search(r"^#\s+(.+?)\s*#*$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None
        if heading:
            return str(heading[1])
    return default


def write_figures(notebook: NotebookNode | Path, folder: Path) -> list[Path]:
    """Write each figure of a notebook as ``NAME.png`` and ``NAME.csv``; remove those it no longer has.

    Parameters
    ----------
    notebook : NotebookNode or Path
        The executed notebook.
    folder : Path
        Made when it is missing.

    Returns
    -------
    list of Path
        The files.
    """
    written: list[Path] = []
    drawn = figures(notebook)
    with ThreadPoolExecutor(_AT_A_TIME) as threads:
        pictures = threads.map(_as_png, [figure.webp for figure in drawn])
        for figure, picture in zip(drawn, pictures, strict=True):
            for kind, content in (("png", picture), ("csv", figure.csv.encode())):
                path = folder / f"{figure.name}.{kind}"
                write_bytes(path, content)
                written.append(path)
    for old in [*folder.glob("*.png"), *folder.glob("*.csv")]:
        if old not in written:
            old.unlink()
    return written


def _as_png(webp: bytes) -> bytes:
    """Return a figure's picture in the form that every program reads, with a table of its few colours."""
    import numpy as np  # only where figures are written
    from PIL import Image

    picture = Image.open(io.BytesIO(webp)).convert("RGB")
    colours = [colour for _, colour in picture.getcolors(256) or ()]
    out = io.BytesIO()
    if not colours:  # more than a table can hold
        picture.save(out, format="PNG")
        return out.getvalue()
    number = np.zeros(1 << 24, dtype=np.uint8)  # of each colour
    for place, (red, green, blue) in enumerate(colours):  # type: ignore[misc]  # a picture in RGB has three
        number[red | green << 8 | blue << 16] = place
    pixels = np.asarray(picture.convert("RGBX")).view("<u4")[..., 0] & 0xFFFFFF
    indexed = Image.fromarray(number[pixels])
    indexed.putpalette([part for colour in colours for part in colour])  # type: ignore[union-attr]
    indexed.save(out, format="PNG")
    return out.getvalue()


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file whole or not at all.

    Parameters
    ----------
    path : Path
        Its folder is made when it is missing.
    text : str
        The content, newlines as they are.
    """
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: beside its place first, then moved there.

    Parameters
    ----------
    path : Path
        Its folder is made when it is missing.
    content : bytes
        The content.
    """
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(content)
        temporary.replace(path)
    except OSError as error:
        raise _unwritten(path, error) from error
    finally:
        if path.parent.is_dir():
            temporary.unlink(missing_ok=True)


def append_line(path: Path, line: str) -> None:
    """Add a line to a file; a process that is killed, or a disk that is full, may leave a part of it.

    Parameters
    ----------
    path : Path
        Its folder is made when it is missing.
    line : str
        ASCII without its end.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="ascii", newline="\n") as file:
            file.write(f"{line}\n")
    except OSError as error:
        raise _unwritten(path, error) from error


def _unwritten(path: Path, error: OSError) -> CollectionError:
    what = f"can't be written ({error.strerror or error})"
    return CollectionError(what, str(path), "free space, or choose a folder that you may write to")
