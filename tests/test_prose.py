from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musan import mime, prose
from musan.errors import MusanError


@pytest.mark.parametrize(
    ("x", "digits", "words"),
    [
        (87.6, 0, "88\u00a0%"),
        (87.64, 1, "87.6\u00a0%"),
        (-42.3, 0, "\u221242\u00a0%"),
        (-0.2, 0, "0\u00a0%"),
        (1234.5, 1, "1,234.5\u00a0%"),
    ],
)
def test_percent(x, digits, words):
    assert prose.percent(x, digits) == words


@pytest.mark.parametrize(
    ("x", "words"), [(12.3, "+12\u00a0%"), (-87.6, "\u221288\u00a0%"), (0.3, "0\u00a0%"), (-0.3, "0\u00a0%")]
)
def test_a_change_in_percent_has_its_sign_unless_it_prints_as_zero(x, words):
    assert prose.signed_percent(x) == words


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (74.41, "74.4 million USD"),
        (2630.0, "2.6 billion USD"),
        (999.94, "999.9 million USD"),
        (999.97, "1.0 billion USD"),
        (-1200.0, "\u22121.2 billion USD"),
        (0.35, "0.3 million USD"),
    ],
)
def test_usd_million(x, words):
    assert prose.usd_million(x) == words


@pytest.mark.parametrize(
    "period", ["2017-09", pd.Period("2017-09", "M"), pd.Timestamp("2017-09-11"), date(2017, 9, 11), "2017-09-11"]
)
def test_month(period):
    assert prose.month(period) == "September 2017"


@pytest.mark.parametrize("period", [pd.Period("2017", "Y"), pd.Period("2017Q3", "Q"), None, pd.NaT, "soon"])
def test_what_is_not_a_month_is_refused(period):
    with pytest.raises(MusanError, match="month"):
        prose.month(period)


def test_an_interval_may_have_no_end():
    assert prose.admitted(-0.314, 0.5, 2) == "anything from \u22120.31 to 0.50"
    assert prose.admitted(-np.inf, 0.5, 1) == "anything up to 0.5"
    assert prose.admitted(2, np.inf) == "anything from 2 on"
    assert prose.admitted(-np.inf, np.inf) == "anything at all"
    with pytest.raises(MusanError, match="nan can't be put into a sentence"):
        prose.admitted(np.nan, 1)


def test_interval():
    assert prose.interval(38.2, 44.6, "%") == "38 to 45\u00a0%"
    assert prose.interval(12.46, 30.1, "million USD", digits=1) == "12.5 to 30.1 million USD"
    assert prose.interval(38.2, 38.4, "%") == "38\u00a0%"
    assert prose.interval(-3, 2) == "\u22123 to 2"
    with pytest.raises(MusanError, match="above"):
        prose.interval(2, 1)


def test_count():
    assert prose.count(1, "report") == "1 report"
    assert prose.count(3, "report") == "3 reports"
    assert prose.count(0, "entry", "entries") == "0 entries"
    assert prose.count(1204, "row") == "1,204 rows"
    with pytest.raises(MusanError, match="whole"):
        prose.count(1.5, "report")


def test_listing():
    assert prose.listing([]) == "none"
    assert prose.listing(["a"]) == "a"
    assert prose.listing(["a", "b"]) == "a and b"
    assert prose.listing(["a", "b", 3], last="or") == "a, b or 3"


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, float("inf"), "many"])
@pytest.mark.parametrize(
    "words",
    [
        prose.percent,
        prose.signed_percent,
        prose.usd_million,
        prose.number,
        lambda x: prose.interval(x, 1),
        lambda x: prose.interval(0, x),
        lambda x: prose.count(x, "row"),
    ],
)
def test_a_number_in_prose_must_exist(words, missing):
    with pytest.raises(MusanError, match="must exist"):
        words(missing)


@given(st.floats(min_value=-1e12, max_value=1e12), st.integers(0, 4))
def test_a_printed_number_is_the_number_rounded(x, digits):
    text = prose.number(x, digits)
    assert float(text.replace(",", "").replace("\u2212", "-")) == pytest.approx(
        round(x, digits), abs=0.51 * 10**-digits
    )
    assert "-" not in text


def test_html_in_a_computed_paragraph_is_text():
    bundle = prose.paragraph(" **Fell** by <b>half</b> & more \n")._repr_mimebundle_()
    assert bundle["text/markdown"] == "**Fell** by &lt;b>half&lt;/b> &amp; more"
    assert bundle["text/plain"] == "**Fell** by <b>half</b> & more"


def test_the_answer_is_escaped_and_its_emphasis_kept():
    bundle = prose.Sentence("Yes: **88 %**, *not* 90, <script>2 * 3 * 4</script>")._repr_mimebundle_()
    assert bundle["text/html"] == (
        '<p class="answer">Yes: <strong>88 %</strong>, <em>not</em> 90, &lt;script&gt;2 * 3 * 4&lt;/script&gt;</p>'
    )
    assert bundle["text/plain"] == "Yes: 88 %, not 90, <script>2 * 3 * 4</script>"
    assert bundle[mime.ANSWER] == {"text": bundle["text/plain"], "final": True}


def test_an_empty_answer_is_refused():
    with pytest.raises(MusanError, match="empty"):
        prose.Answer("x").say("  ")
