"""Time and peak memory of a table that is larger than memory may be, in the library and in other tools.

``python benchmarks/large_files.py 20 100`` makes rows in the form of CEPII's BACI (20, then 100 million, ten
years), and lets each tool do each task in a process of its own:

- *from CSV*: the trade of one country straight from the CSV files;
- *convert*: the CSV files to Parquet sorted for one country to be found (the library: twice, by exporter and by
  importer; the others once, by exporter);
- *from Parquet*: the trade of one country from what the tool has converted.

All answers to one question must be equal. Needs ``pip install polars pyarrow`` beside the library's extra
``refresh``, best in an environment of its own: statsmodels loads polars where it finds it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from musan.refresh import baci, baci_flows
from musan.refresh.large_files import CSV_BUFFER, convert, database
from musan.refresh.vintages import Vintage

YEARS = range(2012, 2022)
COUNTRIES, PRODUCTS = 230, 5000
SHARE = 2000  # one row in so many is an export of the country, and one an import: a small country, as the DPRK is
CSV_COLUMNS = ["t", "i", "j", "k", "v", "q"]
TOOLS = {
    "from CSV": ("pandas", "polars", "pyarrow", "duckdb"),
    "convert": ("polars", "pyarrow", "musan"),
    "from Parquet": ("polars", "pyarrow", "musan"),
}


def make(folder: Path, rows: int) -> None:
    """Write ten CSV files of random trade, in no order."""
    folder.mkdir()
    with database() as connection:
        for year in YEARS:
            connection.execute(
                f"""COPY (
                    SELECT {year} AS t,
                        CASE r1 % {SHARE} WHEN 0 THEN {baci_flows.DPRK} ELSE 500 + r1 % {COUNTRIES} END AS i,
                        CASE r2 % {SHARE} WHEN 0 THEN {baci_flows.DPRK} ELSE 500 + r2 % {COUNTRIES} END AS j,
                        10000 + r3 % {PRODUCTS} * 190 AS k,
                        round(1 + r4 % 10000000 / 1000.0, 3) AS v,
                        CASE WHEN r5 % 20 = 0 THEN 'NA' ELSE format('{{:.3f}}', r5 % 5000000 / 1000.0) END AS q
                    FROM (SELECT hash(n * 5 + {year}) AS r1, hash(n * 5 + 1 + {year}) AS r2, hash(n * 7 + 2) AS r3,
                        hash(n * 11 + {year}) AS r4, hash(n * 13 + {year}) AS r5
                        FROM range({rows // len(YEARS)}) AS numbers(n))
                ) TO '{folder}/{year}.csv' (HEADER, DELIMITER ',')"""
            )


Answer = tuple[int, float]  # rows, sum of the values


def pandas_from_csv(folder: Path, _: Path) -> Answer:
    """Read the files in chunks and keep the rows of the country."""
    import pandas as pd

    kept = []
    for path in sorted(folder.glob("*.csv")):
        for chunk in pd.read_csv(path, chunksize=500_000, na_values=["NA"]):
            kept.append(chunk[(chunk["i"] == baci_flows.DPRK) | (chunk["j"] == baci_flows.DPRK)])
    found = pd.concat(kept)
    return len(found), float(found["v"].sum())


def polars_from_csv(folder: Path, _: Path) -> Answer:
    """Scan the files with the streaming engine."""
    import polars as pl

    scan = pl.scan_csv(folder / "*.csv", null_values=["NA"])
    found = scan.filter((pl.col("i") == baci_flows.DPRK) | (pl.col("j") == baci_flows.DPRK)).collect(engine="streaming")
    return found.height, float(found["v"].sum())


def pyarrow_from_csv(folder: Path, _: Path) -> Answer:
    """Scan the files as a dataset."""
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    country = (ds.field("i") == baci_flows.DPRK) | (ds.field("j") == baci_flows.DPRK)
    found = _arrow_csv(sorted(folder.glob("*.csv"))).to_table(filter=country)
    return found.num_rows, float(pc.sum(found["v"]).as_py())


def _arrow_csv(paths):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    import pyarrow.dataset as ds
    from pyarrow import csv

    options = csv.ConvertOptions(null_values=["NA"])
    return ds.dataset([str(path) for path in paths], format=ds.CsvFileFormat(convert_options=options))


def duckdb_from_csv(folder: Path, _: Path) -> Answer:
    """Ask the files with SQL."""
    with database() as connection:
        query = (
            f"SELECT count(*), sum(v) FROM read_csv($files, nullstr = 'NA', buffer_size = {CSV_BUFFER}) "
            "WHERE i = $country OR j = $country"
        )
        rows, value = connection.execute(query, {"files": f"{folder}/*.csv", "country": baci_flows.DPRK}).fetchone()
    return rows, float(value)


def polars_convert(folder: Path, work: Path) -> Answer:
    """Sort each year and write it, with the streaming engine."""
    import polars as pl

    for path in sorted(folder.glob("*.csv")):
        rows = pl.scan_csv(path, null_values=["NA"]).sort("i", "j", "k")
        rows.sink_parquet(work / f"{path.stem}.parquet", row_group_size=122_880)
    return 0, 0.0


def pyarrow_convert(folder: Path, work: Path) -> Answer:
    """Read each year, sort it and write it."""
    import pyarrow.parquet as pq

    for path in sorted(folder.glob("*.csv")):
        table = _arrow_csv([path]).to_table().sort_by([(name, "ascending") for name in "ijk"])
        pq.write_table(table, work / f"{path.stem}.parquet", compression="zstd", row_group_size=122_880)
    return 0, 0.0


def musan_convert(folder: Path, work: Path) -> Answer:
    """Convert each year as a refresh does."""
    parts: dict[str, list[dict[str, object]]] = {order: [] for order in baci.LAYOUT.orders}
    with database() as connection:
        for path in sorted(folder.glob("*.csv")):
            written = convert(connection, path, work, f"year={path.stem}", baci.LAYOUT, path.name)
            for order, part in written.items():
                parts[order].append(part)
    package = {"resources": [{"name": order, "parts": each} for order, each in parts.items()]}
    (work / "datapackage.json").write_text(json.dumps(package))
    return 0, 0.0


def polars_from_parquet(_: Path, work: Path) -> Answer:
    """Scan what polars has written."""
    import polars as pl

    scan = pl.scan_parquet(work / "*.parquet")
    found = scan.filter((pl.col("i") == baci_flows.DPRK) | (pl.col("j") == baci_flows.DPRK)).collect(engine="streaming")
    return found.height, float(found["v"].sum())


def pyarrow_from_parquet(_: Path, work: Path) -> Answer:
    """Scan what pyarrow has written."""
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    country = (ds.field("i") == baci_flows.DPRK) | (ds.field("j") == baci_flows.DPRK)
    found = ds.dataset(str(work), format="parquet").to_table(filter=country)
    return found.num_rows, float(pc.sum(found["v"]).as_py())


def musan_from_parquet(_: Path, work: Path) -> Answer:
    """Ask the library; what a country trades with itself is there once as export and once as import."""
    found = baci_flows.flows(Vintage("baci", work))
    itself = (found["flow"] == "imports") & (found["partner"] == baci_flows.DPRK)
    found = found[~itself]
    return len(found), float(found["value_fob_thousand_usd"].sum())


def child(task: str, tool: str, folder: Path, work: Path) -> None:
    """Do one task with one tool and print what it took."""
    do = globals()[f"{tool}_{task.lower().replace(' ', '_')}"]
    started = time.perf_counter()
    rows, value = do(folder, work)
    print(json.dumps({"seconds": time.perf_counter() - started, "rows": rows, "value": round(value)}))


def measure(task: str, tool: str, folder: Path, work: Path) -> dict[str, float]:
    """Return seconds, megabytes at the peak, and the answer of one task in a process of its own."""
    command = [sys.executable, __file__, "--child", task, tool, str(folder), str(work)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{tool}, {task}: ended with {process.returncode}")
    return json.loads(printed) | {"peak": usage.ru_maxrss / 1024}


def compare(folder: Path, rows: int, wanted: list[str]) -> None:
    """Let each tool do each of its tasks, and print a line for each."""
    made = folder / "csv"
    make(made, rows)
    size = sum(path.stat().st_size for path in made.glob("*.csv"))
    print(f"\n{rows / 1e6:g} million rows, {size / 1e6:,.0f} MB of CSV")
    print(f"{'task':14}{'tool':10}{'seconds':>9}{'peak MB':>9}")
    answers = set()
    for task, tools in TOOLS.items():
        for tool in [tool for tool in tools if tool in wanted]:
            work = folder / tool
            work.mkdir(exist_ok=True)
            found = measure(task, tool, made, work)
            if task != "convert":
                answers.add((found["rows"], found["value"]))
            print(f"{task:14}{tool:10}{found['seconds']:9.2f}{found['peak']:9.0f}", flush=True)
    if len(answers) != 1:
        raise SystemExit(f"the answers differ: {answers}")
    shutil.rmtree(made)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("millions", nargs="*", type=float, default=[20.0], help="rows, in millions")
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder by default")
    known = sorted({tool for tools in TOOLS.values() for tool in tools})
    parser.add_argument("--tools", nargs="+", choices=known, default=known)
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        task, tool, folder, work = arguments.child
        child(task, tool, Path(folder), Path(work))
        return
    for millions in arguments.millions:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            compare(Path(folder), int(millions * 1e6), arguments.tools)


if __name__ == "__main__":
    main()
