"""The results as text: tables in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comparison import aims
from comparison.ways import middle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

BEGIN, END = "<!-- results: written by run.py -->", "<!-- end of results -->"
CHECKS = {
    "collection": aims.of_collection,
    "sweep": aims.of_sweep,
    "sweep_figures": aims.of_sweep,
    "growth": aims.of_growth,
}
_FEW = 10  # below it numbers get a decimal


def markdown(results: Mapping[str, Any]) -> str:
    """Return all tables.

    Parameters
    ----------
    results : mapping
        By part, as ``results.json`` holds them.
    """
    about = results["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    blocks = [f"{about['cores']} cores ({about['processor']}), Python {about['python']}; {packages}."]
    if "collection" in results:
        blocks += _collection(results["collection"])
    for name in ("sweep", "sweep_figures"):
        if name in results:
            blocks += _sweep(results[name])
    if "growth" in results:
        blocks += _growth(results["growth"])
    blocks += _aims(results)
    return "\n\n".join(blocks) + "\n"


def in_readme(readme: Path, text: str) -> str:
    """Return a README with the text in its place.

    Parameters
    ----------
    readme : Path
        A file with the lines :data:`BEGIN` and :data:`END`.
    text : str
        As :func:`markdown` returns it.
    """
    before, begin, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{readme} lacks the line {BEGIN} or {END}")
    return f"{before}{BEGIN}\n\n{text}\n{END}{after}"


def _collection(part: Mapping[str, Any]) -> Iterator[str]:
    seconds = {key: middle(times) for key, times in part["times"].items()}
    first = seconds["command_lines"]
    limit = part["limit"]
    yield f"### The whole collection: {len(part['names'])} notebooks and their pages"
    lines = [
        [part["labels"][key], _number(one), f"{first / one:.1f}", str(len(part["times"][key])), _equal(part, key)]
        for key, one in seconds.items()
    ]
    for label, key in (("limit", "seconds"), ("limit, with the order of notebooks", "seconds_in_order")):
        lines.append([label, _number(limit[key]), f"{first / limit[key]:.1f}", "", ""])
    yield _table(["way", "seconds", "times as fast", "repeated", "notebooks equal to papermill's"], lines)
    warm = part["times"]["warm"]
    parts = {name: middle(warm, name) for name in ("loading", "writing")}
    longest, most = max(limit["cells"].items(), key=lambda pair: pair[1])
    yield (
        f"Of these seconds, cells' own work is {sum(limit['cells'].values()):.0f} on one core, {most:.0f} of them in "
        f"{longest}. Loading the library takes {parts['loading']:.1f}, and writing figures, pages and verdicts "
        f"{parts['writing']:.1f}."
    )


def _equal(part: Mapping[str, Any], key: str) -> str:
    if key not in part["different"]:
        return ""
    return f"{len(part['names']) - len(part['different'][key])} of {len(part['names'])}"


def _sweep(part: Mapping[str, Any]) -> Iterator[str]:
    shared = part["shared"]
    seconds = {key: middle(times, "for_all") for key, times in part["times"].items()}
    first = seconds["command_lines"]
    figures = "with figures" if part["figures"] else "without figures"
    yield f"### A sweep: {part['runs']} runs of {shared['notebook']}, {figures}"
    lines = [
        [
            part["labels"][key],
            _number(60 * part["runs"] / one),
            f"{first / one:.1f}",
            str(part["times"][key][0]["runs"]),
        ]
        for key, one in seconds.items()
    ]
    yield _table(["way", "runs a minute", "times as fast", "runs measured"], lines)
    compared = ", ".join(f"{count} of {key}" for key, count in part["compared"].items())
    yield (
        f"The parameter is `{shared['parameter']}`: {shared['of_these_once']} of {shared['code_cells']} cells with code"
        f" come before the first that reads it. Executed notebooks compared with papermill's: {compared}; "
        f"different: {sum(map(len, part['different'].values()))}."
    )


def _growth(part: Mapping[str, Any]) -> Iterator[str]:
    yield "### Time and memory by the number of runs"
    head = [
        "runs",
        "seconds",
        "ms a run",
        "ms of a processor a run",
        "seconds when known",
        "command, MB",
        "library loaded, MB",
        "first cells, MB",
        "run, most MB",
    ]
    yield _table(head, [_size(one) for one in part["sizes"]])


def _size(one: Mapping[str, Any]) -> list[str]:
    memory = one["memory_mb"]
    late = [
        f"{memory[f'{kind} late']:.0f}" if f"{kind} late" in memory else ""
        for kind in ("command", "preloaded", "first cells")
    ]
    most = f"{memory['run, most']:.0f}" if "run, most" in memory else ""
    each, used = (1000 * one[name] / one["runs"] for name in ("seconds", "processor_seconds"))
    return [
        f"{one['runs']:,}",
        _number(one["seconds"]),
        f"{each:.0f}",
        f"{used:.0f}",
        f"{one['again_seconds']:.1f}",
        *late,
        most,
    ]


def _aims(results: Mapping[str, Any]) -> Iterator[str]:
    yield "### Aims"
    lines = []
    for name, of in CHECKS.items():
        for aim in of(results[name]) if name in results else ():
            bound = f"at {'most' if aim.at_most else 'least'} {aim.bound:g}"
            lines.append(
                [name.replace("_", ", "), aim.words, bound, f"{aim.found:.3g}", "yes" if aim.met else "**no**"]
            )
    yield _table(["of", "what", "aim", "found", "met"], lines)


def _number(value: float) -> str:
    return f"{value:.1f}" if value < _FEW else f"{value:.0f}"


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *lines))
