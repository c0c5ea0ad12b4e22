import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from musan import tables
from musan.errors import MusanError


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "product_name": pd.array(["Iron ore", "Coal", None], dtype="string"),
            "month": pd.PeriodIndex(["2017-09", "2017-10", None], freq="M"),
            "value_cif_usd": pd.array([74410000.0, None, -3.0], dtype="Float64"),
            "date_inferred": pd.array([True, False, None], dtype="boolean"),
            "basis": pd.Categorical(["reported", "rounded", None]),
            "source_ids": [("a", "b"), (), ("c",)],
        }
    )


def parse(table):
    return BeautifulSoup(table.to_html(), "html.parser")


def test_a_table_names_itself_its_columns_and_its_rows(frame):
    html = parse(tables.show(frame, "What was sold"))
    assert html.caption.text == "What was sold"
    region = html.find("div", class_="table")
    assert (region["role"], region["tabindex"], region["aria-label"]) == ("region", "0", "What was sold")
    assert [th.text for th in html.thead.find_all("th", scope="col")] == [
        "Product name", "Month", "Value CIF USD", "Date inferred", "Basis", "Source ids",
    ]  # fmt: skip
    assert [th.text for th in html.tbody.find_all("th", scope="row")] == ["Iron ore", "Coal", "–"]


def test_cells_are_words_and_numbers_are_aligned(frame):
    rows = [[cell.text for cell in row.find_all("td")] for row in parse(tables.show(frame, "x")).tbody.find_all("tr")]
    assert rows == [
        ["2017-09", "74,410,000", "yes", "reported", "a, b"],
        ["2017-10", "–", "no", "rounded", "–"],
        ["–", "\u22123", "–", "–", "c"],
    ]
    html = parse(tables.show(frame, "x"))
    assert {cell.text for cell in html.tbody.select("td.num")} == {"74,410,000", "–", "\u22123"}


def test_every_text_is_escaped():
    evil = "<script>alert('x')</script>"
    frame = pd.DataFrame({evil: [evil], "b": [1]})
    html = tables.show(frame, f'"{evil}', notes=evil, titles={"b": evil}).to_html()
    assert "<script" not in html
    assert html.count("&lt;script") == 6
    assert BeautifulSoup(html, "html.parser").div["aria-label"] == f'"{evil}'


def test_formats_are_applied_to_present_values_only():
    frame = pd.DataFrame({"share": [0.123, np.nan, -0.5], "word": ["a", None, "c"]})
    table = tables.show(frame, "x", formats={"share": "{:.1%}", "word": str.upper})
    assert table.rows == (("12.3%", "A"), ("–", "–"), ("\u221250.0%", "C"))


def test_what_rounds_to_zero_has_no_sign():
    table = tables.show(pd.DataFrame({"share": [-0.0001, -0.004]}), "x", formats={"share": "{:.1%}"})
    assert table.rows == (("0.0%",), ("\u22120.4%",))


@pytest.mark.parametrize(
    ("values", "printed"),
    [
        ([1, 20, 300], ("1", "20", "300")),
        ([74.41, 219.9], ("74.4", "219.9")),
        ([1234567.8, 2.0], ("1,234,568", "2")),
        ([float("inf"), 1.5], ("inf", "1.5")),
        ([0.05, 0.0004], ("0.050", "0.000")),
        ([0.005, 0.0004], ("0.0050", "0.0004")),
        ([2.345, 7.1], ("2.35", "7.10")),
        ([0.5, 0.25], ("0.50", "0.25")),
        ([0.0, None], ("0", "–")),
    ],
)
def test_the_decimals_suit_the_column(values, printed):
    table = tables.show(pd.DataFrame({"x": values}), "x")
    assert tuple(row[0] for row in table.rows) == printed


def test_a_year_has_no_separator():
    assert tables.show(pd.DataFrame({"year": [2016]}), "x").rows == (("2016",),)


def test_a_named_index_becomes_the_first_column_and_an_unnamed_one_is_dropped():
    frame = pd.DataFrame({"x": [1]}, index=pd.Index(["row"], name="item"))
    assert tables.show(frame, "x").header == ("Item", "x")
    assert tables.show(frame.rename_axis(None), "x").header == ("x",)


def test_what_can_not_be_shown_is_refused():
    with pytest.raises(MusanError, match="401 rows"):
        tables.show(pd.DataFrame({"x": range(401)}), "too long")
    with pytest.raises(MusanError, match="no caption"):
        tables.show(pd.DataFrame({"x": [1]}), " ")
    with pytest.raises(MusanError, match="no columns"):
        tables.show(pd.DataFrame(), "empty")
    with pytest.raises(MusanError, match="did you mean 'share'"):
        tables.show(pd.DataFrame({"share": [1]}), "x", formats={"shar": "{}"})


def test_an_empty_table_keeps_its_header():
    table = tables.show(pd.DataFrame({"x": [], "y": []}), "Nothing was found")
    assert (table.header, table.rows) == (("x", "y"), ())
    assert "<tbody>" in table.to_html()


def test_plain_text_is_aligned():
    table = tables.show(pd.DataFrame({"item": ["coal", "ore"], "n": [10, 5]}), "Sold")
    assert table.to_text().splitlines() == ["Sold", "Item   n", "coal  10", "ore    5"]
    assert table._repr_mimebundle_()["text/plain"] == table.to_text()
