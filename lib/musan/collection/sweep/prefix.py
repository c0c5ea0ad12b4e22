"""Which cells of a notebook come before the first that a set of parameters can reach: they need to run only once.

Found in the code, without running it, and in doubt a cell counts as reached: one that hands all parameters on,
looks names up at run time, is not plain Python, or binds a name that it would have to share with a parameter.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from musan.collection import source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from musan.collection.source import Notebook

# What finds names that its own code does not spell out.
_SEES_ALL = {"globals", "locals", "vars", "exec", "eval", "get_ipython"}
_IN_QUERY = re.compile(r"@(\w+)")  # a name of the notebook in a text for DataFrame.query
_IN_TEXT = "from_notebook"


@dataclass(frozen=True)
class Prefix:
    """The first cells of a notebook, which some parameters don't reach.

    Parameters
    ----------
    cells : int
        How many, with cells of text.
    renew : str
        What has to be executed again with other values: the statement that checks the parameters, if it is
        among the cells.
    why : str
        What the next cell does.
    code : int
        How many of the cells have code, without the one tagged ``parameters``.
    """

    cells: int
    renew: str
    why: str
    code: int = 0


def find(notebook: Notebook, swept: Collection[str], others: Collection[str]) -> Prefix:
    """Return the cells above the first that reads a swept parameter.

    Parameters
    ----------
    notebook : dict
        The source notebook.
    swept : collection of str
        Parameters whose values differ.
    others : collection of str
        The other parameters.

    Returns
    -------
    Prefix
        No cells when none are safe to share.
    """
    tagged = source.tagged(notebook, "parameters")
    if len(tagged) != 1:
        return Prefix(0, "", f"has {len(tagged)} cells tagged parameters")
    checked, renew, code = "", "", 0
    for position, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] != "code" or position == tagged[0]:
            continue
        try:
            statements = ast.parse("".join(cell["source"])).body
        except SyntaxError:
            return Prefix(position, renew, "is not plain Python", code)
        found = [] if checked else [each for each in statements if _checks_parameters(each)]
        name = ast.unparse(found[0].targets[0]) if found else checked  # type: ignore[attr-defined]
        reader = _Reader(set(swept), set(others), name)
        reasons = (why for each in statements if each not in found[:1] for why in reader.reasons(each))
        if why := next(reasons, ""):
            return Prefix(position, renew, why, code)
        code += 1
        if found:
            checked, renew = name, ast.unparse(found[0])
    return Prefix(len(notebook["cells"]), renew, "there is none that reads them", code)


def _checks_parameters(statement: ast.stmt) -> bool:
    """Return whether a statement is like ``p = parameters.LabourControl.from_notebook(globals())``."""
    return (
        isinstance(statement, ast.Assign)
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], ast.Name)
        and isinstance(statement.value, ast.Call)
        and ast.unparse(statement.value).endswith(f".{_IN_TEXT}(globals())")
        and all(isinstance(part, ast.Name | ast.Attribute | ast.Load) for part in ast.walk(statement.value.func))
    )


@dataclass(frozen=True)
class _Reader:
    """Looks in code for swept parameters: as names, or as attributes of the object that holds all."""

    swept: set[str]
    others: set[str]
    holder: str

    def reasons(self, statement: ast.stmt) -> Iterator[str]:
        """Yield what the statement does that a swept parameter could change."""
        harmless: set[ast.AST] = set()
        for node in ast.walk(statement):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == self.holder:
                if node.attr in self.swept:
                    yield f"reads {self.holder}.{node.attr}"
                elif node.attr in {*self.others, "notebook"} and isinstance(node.ctx, ast.Load):
                    harmless.add(node.value)
            for name in _names(node):
                if name == self.holder and node not in harmless:
                    yield f"hands {name} on"
                elif name in self.swept:
                    yield f"uses {name}"
                elif name in _SEES_ALL:
                    yield f"calls {name}"
                elif name == "*":
                    yield "imports *"


def _names(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node reads or binds, but not those of attributes and keywords."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield from _IN_QUERY.findall(node.value)
    elif isinstance(node, ast.alias):
        yield node.asname or node.name.partition(".")[0]
    elif not isinstance(node, ast.Attribute | ast.keyword):
        for _, value in ast.iter_fields(node):
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, str):
                    yield each
