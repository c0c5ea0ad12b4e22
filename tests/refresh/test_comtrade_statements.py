"""Monthly customs figures take the place of what the press printed of them."""

import numpy as np
import pandas as pd
import pytest

from musan import mirror
from musan.errors import MethodError
from musan.methods import reconcile
from musan.refresh import comtrade_statements
from refresh.services import comtrade, record

MONTHS = [str(month) for month in pd.period_range("2016-01", "2017-12", freq="M")]
IMPORTS = {month: 150e6 + 1e6 * number for number, month in enumerate(MONTHS)}
EXPORTS = {month: 250e6 + 2e6 * number for number, month in enumerate(MONTHS)}


@pytest.fixture
def vintage(server, fetch):
    """Return two years of months, of which one lacks December, and their totals."""
    records = []
    for month in MONTHS:
        code = month.replace("-", "")
        records += [record(code, "M", "TOTAL", IMPORTS[month]), record(code, "X", "TOTAL", EXPORTS[month])]
        if month < "2017-10":
            records.append(record(code, "M", "2601", 6e6))
    records = [each for each in records if (each["period"], each["flowCode"]) != ("201712", "X")]
    for year in ("2016", "2017"):
        for flow, values in (("M", IMPORTS), ("X", EXPORTS)):
            records.append(record(year, flow, "TOTAL", sum(v for m, v in values.items() if m.startswith(year))))
    records += [record("2016", "M", "2601", 72e6), record("2016", "M", "TOTAL", 9e6, reporterCode=643)]
    server.replies = {"/public": comtrade(records)}
    return fetch("comtrade", since="2016-01").folder


def test_every_month_is_a_statement_and_a_year_only_where_months_lack(vintage):
    total = comtrade_statements.of(vintage, "total")
    months = total[total["start"] == total["end"]]
    assert len(months[months["series"] == "china_imports"]) == 24
    assert len(months[months["series"] == "china_exports"]) == 23
    years = total[total["start"] != total["end"]]
    assert years[["series", "value"]].to_numpy().tolist() == [
        ["china_exports", pytest.approx(sum(v for m, v in EXPORTS.items() if m >= "2017") / 1e6)]
    ]
    assert set(total["half_width"]) == {0.0005}
    assert total["note"].str.contains("as of 2").all()


def test_a_month_with_a_total_but_no_ore_is_a_zero(vintage):
    ore = comtrade_statements.of(vintage, "iron_ore")
    assert ore["value"].tolist() == [6.0] * 21 + [0.0] * 3
    assert ore["note"].str.startswith("no record").tolist() == [False] * 21 + [True] * 3
    assert set(ore["series"]) == {"china_imports"}


def test_fragments_that_are_covered_make_way(vintage):
    monthly = comtrade_statements.of(vintage, "total")
    fragments = mirror.printed("total")
    together = comtrade_statements.in_place_of(fragments, monthly)
    kept = together.iloc[len(monthly) :]
    assert 0 < len(kept) < len(fragments)
    levels = kept[(kept["kind"] == "level") & (kept["series"] == "china_imports")]
    assert not ((levels["start"] >= pd.Period("2016-01")) & (levels["end"] <= pd.Period("2017-12"))).any()
    rates = kept[(kept["kind"] == "rate") & (kept["series"] == "china_imports")]
    assert (rates["start"].map(str).str[:4] == "2016").any()  # they speak of 2015 too


def test_the_rebuilt_series_is_then_the_recorded_one(vintage):
    monthly = comtrade_statements.of(vintage, "total")
    months = pd.period_range("2016-01", "2017-12", freq="M")
    rebuilt = reconcile.fit(monthly, months=months, series=["china_imports", "china_exports"], events=[])
    table = rebuilt.frame
    imports = table[table["series"] == "china_imports"].set_index("month")["mean"]
    assert np.allclose(imports.to_numpy(), [value / 1e6 for value in IMPORTS.values()], rtol=0.002)
    december = table[(table["series"] == "china_exports") & (table["month"] == pd.Period("2017-12"))]
    assert december["mean"].item() == pytest.approx(EXPORTS["2017-12"] / 1e6, rel=0.01)  # from the year


def test_an_unknown_product(vintage):
    with pytest.raises(MethodError, match="did you mean 'coal'"):
        comtrade_statements.of(vintage, "coals")
