"""Ways to run the collection, compared: ``python benchmarks/run.py``, or with ``--quick``.

It takes papermill and nbconvert from the command line and tuned, nbmake, ploomber-engine, and ``musan``; lets each
run the whole collection and a sweep; checks that ours gives the same outputs as papermill, cell by cell; and
measures how time and memory grow with the number of runs. Everything is measured in an environment of the
benchmark's own, kept in a cache folder. Results go into ``benchmarks/``: a JSON file with all times, a picture, and
the tables of the README. It ends with 1 when outputs differ. Needs ``pip install -e .`` and the network once.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comparison import chart, equality, report, sweeps, whole
from comparison.environment import Environment, cores, machine, prepare
from comparison.measure import run as run_command
from comparison.measure import timed
from comparison.ways import compare

from musan.collection import source

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "musan-benchmarks"
PARTS = ("collection", "sweep", "sweep_figures", "growth")
STARTED = time.perf_counter()


def say(words: str) -> None:
    """Print how far it is, with the minutes since the start."""
    print(f"[{(time.perf_counter() - STARTED) / 60:5.1f} min] {words}", flush=True)


def collection(environment: Environment, options: argparse.Namespace) -> dict[str, Any]:
    """Compare ways to run the whole collection."""
    folder = options.folder / "collection"
    names = source.resolve(options.notebooks, source.names(environment.notebooks))
    asked = whole.Collection(environment, tuple(names), options.jobs)
    ways = asked.ways()
    times = compare(ways, folder, (options.repeats, max(options.repeats, 3)), say)
    executed = {way.key: {name: folder / way.key / "notebooks" / f"{name}.ipynb" for name in names} for way in ways}
    different = {
        key: equality.differences(executed[key], executed[whole.REFERENCE], (folder / key, folder / whole.REFERENCE))
        for key in executed
        if key != whole.REFERENCE
    }
    return {
        "names": names,
        "labels": {way.key: way.label for way in ways},
        "times": times,
        "limit": whole.limits(asked, folder, times),
        "interpreter_seconds": interpreter_start(environment, folder),
        "different": different,
    }


def interpreter_start(environment: Environment, folder: Path) -> float:
    """Return the seconds that an interpreter takes which has nothing to do."""
    command = [environment.program("python"), "-c", "pass"]

    def start() -> None:
        run_command(command, environment.variables(folder))

    return min(float(timed(start)["seconds"]) for _ in range(3))


def sweep(environment: Environment, options: argparse.Namespace, *, figures: bool) -> dict[str, Any]:
    """Compare ways to run one notebook with many values of a parameter."""
    folder = options.folder / ("sweep_figures" if figures else "sweep")
    runs = options.runs_with_figures if figures else options.runs
    asked = sweeps.Sweep(environment, runs, options.samples, options.jobs, figures)
    ways = asked.ways()
    times = compare(ways, folder, (options.repeats, options.repeats), say)
    for each in (one for several in times.values() for one in several):
        each["for_all"] = round(asked.for_all(each), 2)
    reference = asked.executed(folder / sweeps.REFERENCE)
    different, compared = {}, {}
    for key in sweeps.OURS:
        own = {value: path for value, path in asked.executed(folder / key).items() if value in reference}
        different[key] = equality.differences(own, reference, (folder / key, folder / sweeps.REFERENCE))
        compared[key] = len(own)
    return {
        "runs": runs,
        "figures": figures,
        "labels": {way.key: way.label for way in ways},
        "shared": asked.shared(),
        "times": times,
        "compared": compared,
        "different": different,
    }


def growth(environment: Environment, options: argparse.Namespace) -> dict[str, Any]:
    """Measure sweeps of several sizes."""
    return {"sizes": sweeps.growth(environment, options.sizes, options.jobs, options.folder / "growth", say)}


def write(results: Mapping[str, Any], folder: Path) -> None:
    """Write the JSON file, the picture and the tables."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if {"collection", "sweep"} <= set(results):
        chart.draw(results, folder / "results.png")
    readme = folder / "README.md"
    if readme.is_file():
        readme.write_text(report.in_readme(readme, report.markdown(results)), encoding="utf-8")


def wrong(results: Mapping[str, Any]) -> list[str]:
    """Return where our outputs are not papermill's."""
    found = []
    for name, part in results.items():
        ours = whole.OURS if name == "collection" else sweeps.OURS
        for way in ours if "different" in part else ():
            for notebook, words in part["different"][way].items():
                found += [f"{name}, {part['labels'][way]}, {notebook}, {each}" for each in words]
    return found


def asked() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="each way once, and smaller samples")
    parser.add_argument("--repeats", type=int, help="how often each way is done (2; quick: 1)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure; others are kept")
    parser.add_argument("--notebooks", nargs="+", default=[], metavar="NAME", help="some notebooks only, to try it")
    parser.add_argument("--jobs", type=int, default=cores(), help="runs at a time (cores)")
    parser.add_argument("--runs", type=int, default=100, help="runs of the sweep (100)")
    parser.add_argument("--runs-with-figures", type=int, help="runs of the sweep with figures (100; quick: 40)")
    parser.add_argument(
        "--samples", type=int, nargs=2, metavar=("LINES", "OTHERS"), help="runs by slow ways (10 24; quick: 6 12)"
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 1000], help="runs of growing sweeps")
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"folder of the environment ({CACHE})")
    parser.add_argument("--folder", type=Path, help="folder of the outputs (in the cache)")
    parser.add_argument("--results", type=Path, default=HERE, help="folder of the results (benchmarks/)")
    options = parser.parse_args()
    options.repeats = options.repeats or (1 if options.quick else 2)
    options.runs_with_figures = options.runs_with_figures or (40 if options.quick else 100)
    options.samples = tuple(options.samples or ((6, 12) if options.quick else (10, 24)))
    options.cache, options.results = options.cache.resolve(), options.results.resolve()
    options.folder = (options.folder or options.cache / "outputs").resolve()
    return options


def main() -> int:
    """Measure, write, print, and return the exit code."""
    options = asked()
    say("the environment")
    environment = prepare(options.cache)
    file = options.results / "results.json"
    results: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    results["machine"] = machine(environment)
    measured = {
        "collection": collection,
        "sweep": lambda *given: sweep(*given, figures=False),
        "sweep_figures": lambda *given: sweep(*given, figures=True),
        "growth": growth,
    }
    for name in options.parts:
        say(name.replace("_", ", "))
        when = datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes")
        results[name] = {"when": when, "jobs": options.jobs, **measured[name](environment, options)}
        write(results, options.results)
    print(f"\n{report.markdown(results)}")
    different = wrong(results)
    for line in different:
        print(f"different: {line}", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
