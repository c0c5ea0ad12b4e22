"""A planted fall of sales to China is found, and none where none was planted."""

import pandas as pd
import pytest

from musan import synthetic_controls
from musan.refresh import baci_flows
from refresh.planted import NUMBERS, suppliers
from refresh.services import Reply

YEARS = tuple(range(2005, 2021))


@pytest.fixture
def planted(server, fetch, monkeypatch):
    """Return the name of a vintage of BACI with planted sales."""

    def made(years=YEARS, **how):
        server.replies = {"/release": [Reply(suppliers(years, **how))]}
        vintage = fetch("baci", since="1995-01", path="/release.zip")
        monkeypatch.setenv("MUSAN_VINTAGES", str(fetch.store))
        return vintage.full_name

    return made


def test_a_planted_fall_ranks_first_for_every_good(planted):
    found = synthetic_controls.compared(planted(kept=0.05))
    assert [one.good for one in found.found] == list(synthetic_controls.GOODS)
    assert found.problems == ()
    for one in found.found:
        assert one.rank == 1
        assert one.ratios.index[0] == "North Korea"
        assert one.count == 1 + 3 * len(one.good.donors)
        assert one.p_value == 1 / one.count
        assert one.control.relative_pct == pytest.approx(-95, abs=4)
        weights = one.control.weights.set_index("donor")["weight"]
        of_the_mix = [f"{synthetic_controls.COUNTRIES[donor]} to China" for donor in one.good.donors[-2:]]
        assert weights[of_the_mix].sum() > 0.85
        assert one.control.frame["period"].tolist() == list(range(2005, 2020))  # the border shut in 2020


def test_nothing_is_found_where_nothing_was_planted(planted):
    found = synthetic_controls.compared(planted())
    assert all(one.rank > 1 and one.p_value > 0.1 for one in found.found)
    assert all(abs(one.control.relative_pct) < 10 for one in found.found)


def test_a_supplier_that_is_not_there_is_left_out_and_named(planted):
    found = synthetic_controls.compared(planted(kept=0.05, lacks=("MNG",)))
    ore, coal = found.found[:2]
    assert ore.without == coal.without == ("Mongolia",)
    assert (ore.rank, ore.count) == (1, 1 + 3 * (len(ore.good.donors) - 1))
    assert not any("Mongolia" in unit for unit in ore.ratios.index)


def test_too_few_suppliers_are_said(planted):
    found = synthetic_controls.compared(planted(lacks=("RUS", "VNM")))
    assert [one.good.name for one in found.found] == ["Iron ore", "Coal", "Clothing"]
    assert found.problems == ("Fish: only 2 of 4 other suppliers sold any; 3 are needed.",)


@pytest.mark.parametrize(
    ("years", "problem"),
    [
        (range(2013, 2020), "The vintage has 4 years up to 2016; at least 5 are needed."),
        (range(2005, 2017), "The vintage has no year after 2016."),
        ([2008, *range(2010, 2020)], "The vintage lacks years between 2008 and 2019."),
    ],
)
def test_years_that_do_not_allow_a_comparison_are_said(planted, years, problem):
    found = synthetic_controls.compared(planted(tuple(years)))
    assert (found.found, found.problems) == ((), (problem,))


def test_without_a_vintage_of_baci_there_is_nothing(planted):
    assert synthetic_controls.compared("") is None


def test_the_figures_behind_it_are_all_there(planted):
    found = synthetic_controls.compared(planted(kept=0.05))
    data = found.data()
    own = data[data["unit"] == "North Korea"]
    assert len(own) == 4 * 15
    assert own[["observed", "synthetic", "gap"]].notna().all().all()
    pd.testing.assert_series_equal(own["gap"], own["observed"] - own["synthetic"], check_names=False)


def test_imports_are_summed_over_products_and_years_are_known(planted):
    name = planted((2015, 2016))
    vintage = synthetic_controls.vintages.of_source(name, "baci")
    assert baci_flows.years(vintage) == [2015, 2016]
    sold = baci_flows.yearly_imports(vintage, [156], [408], ["2601", "2701"], (2015, 2016))
    apart = [baci_flows.yearly_imports(vintage, [156], [408], [product], (2015, 2016)) for product in ("2601", "2701")]
    sums = [part.set_index("year")["value_fob_thousand_usd"] for part in (sold, *apart)]
    assert sums[0].to_numpy() == pytest.approx((sums[1] + sums[2]).to_numpy())
    whole = baci_flows.flows(vintage, 156, product="2601")
    assert set(whole["partner"]) >= {408, NUMBERS["MNG"]}
