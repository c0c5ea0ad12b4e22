import io
from concurrent.futures import ThreadPoolExecutor

import matplotlib as mpl
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from musan import evidence, figures, layout, mime, paper
from musan.errors import CollectionError, EvidenceError

ALT = "A line that stays near ten for a year and then falls to one within three months."
SOURCES = pd.DataFrame(
    {
        "source_id": ["kotra-2018", "reuters-2018", "reuters-2019"],
        "publisher": ["KOTRA", "Reuters", "Reuters (copy)"],
        "rows": [3, 2, 2],
    }
)
MONTHS = pd.period_range("2014-01", "2018-12", freq="M")
EVENTS = [
    ("2016-03-02", "Resolution 2270"),
    ("2016-11-30", "2321: coal cap"),
    ("2017-08-05", "2371: coal, ores"),
    (pd.Period("2017-09", "M"), "2375: textiles"),
    (pd.Timestamp("2017-12-22"), "2397: machines"),
]


@pytest.fixture(autouse=True)
def _clean():
    with mpl.rc_context({"backend": "agg"}):
        yield
    plt.close("all")


def monthly(title="Exports fell by nine tenths", events=EVENTS):
    figures.use_style()
    fig, ax = plt.subplots()
    values = np.r_[np.full(44, 200.0), np.linspace(150, 20, 16)]
    figures.band(ax, MONTHS, values * 0.9, values * 1.1)
    for name, series, colour in (("Exports", values, "main"), ("Imports", values + 2, "second")):
        ax.plot(figures.timestamps(MONTHS), series, color=figures.COLOURS[colour])
        figures.label_line(ax, MONTHS[-1], series[-1], name, figures.COLOURS[colour])
    ax.set_ylabel("Million USD a month")
    ax.set_title(title)
    figures.mark_events(ax, events)
    return fig


def publish(fig, **changes):
    return figures.publish(fig, **described(**changes))


def described(**changes):
    given = {
        "name": "monthly",
        "caption": "Recorded exports, million USD a month.",
        "alt": ALT,
        "data": pd.DataFrame({"month": MONTHS[:2], "value": [1.5, None]}),
        "sources": SOURCES,
    }
    return given | changes


def boxes(fig, mark):
    renderer = layout._renderer(fig)
    return [text.get_window_extent(renderer) for text in fig.axes[0].texts if text.get_gid() == mark]


def laid_out(fig):
    layout.footer(fig, "Sources: somebody.")
    layout.lay_out(fig)
    return fig


def test_a_published_figure_is_one_html_figure_with_its_picture():
    published = publish(monthly())
    bundle = published._repr_mimebundle_()
    html = BeautifulSoup(bundle["text/html"], "html.parser").figure
    assert html["id"] == "fig-monthly"
    assert html.img["alt"] == ALT
    assert html.img["src"].startswith("data:image/webp;base64,UklG")
    assert html.figcaption.text == "Recorded exports, million USD a month."
    picture = Image.open(io.BytesIO(published.webp))
    assert picture.size == (2 * published.width, 2 * published.height)
    assert (int(html.img["width"]), int(html.img["height"])) == (published.width, published.height)
    assert bundle["text/plain"] == f"[Figure monthly: {ALT}]"
    assert set(bundle) == {"text/html", "text/plain", mime.FIGURE}
    assert bundle[mime.FIGURE]["sources"] == ["kotra-2018", "reuters-2018", "reuters-2019"]
    assert bundle[mime.FIGURE]["csv"] == "month,value\n2014-01,1.5\n2014-02,\n"
    assert plt.get_fignums() == []


def test_the_picture_is_small_and_its_paper_white():
    published = publish(monthly())
    picture = Image.open(io.BytesIO(published.webp))
    assert picture.width == layout.PIXELS_WIDE
    assert len(published.webp) < 60_000
    assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    assert not {"exif", "xmp", "icc_profile"} & set(picture.info)


def test_the_colour_table_keeps_the_colours():
    published = publish(monthly())
    seen = {colour for _, colour in Image.open(io.BytesIO(published.webp)).convert("RGB").getcolors(256)}
    for role in ("main", "second"):
        wanted = np.array(mpl.colors.to_rgb(figures.COLOURS[role])) * 255
        assert min(np.abs(np.array(colour) - wanted).max() for colour in seen) < 12


def test_the_same_figure_has_the_same_bytes():
    assert publish(monthly()).webp == publish(monthly()).webp


def test_a_figure_is_the_same_whatever_was_drawn_before_on_the_sheet():
    alone = publish(monthly()).webp
    tall, ax = plt.subplots(figsize=(7.5, 9))
    ax.bar([1, 2, 3], [3, 1, 2])
    assert publish(tall).height > publish(monthly()).height
    assert publish(monthly()).webp == alone


def test_the_sheet_holds_what_a_canvas_of_matplotlibs_would():
    fig = laid_out(monthly())
    on_sheet = paper.paper(fig).picture()
    own = FigureCanvasAgg(fig)
    own.draw()
    assert (np.asarray(on_sheet) == np.asarray(own.buffer_rgba())[:, :, :3]).all()


def test_a_figure_that_was_published_can_be_saved_and_published_again():
    fig = monthly()
    first = publish(fig)
    saved = io.BytesIO()
    fig.savefig(saved, format="png", dpi=100)
    width, height = Image.open(saved).size
    assert width == pytest.approx(100 * layout.INCHES_WIDE, abs=1)
    assert height / width == pytest.approx(first.height / first.width, rel=0.01)
    assert np.asarray(Image.open(saved).convert("L")).std() > 10  # it is not blank
    assert publish(monthly()).webp == first.webp


def test_a_drawing_is_made_small_in_another_thread():
    with ThreadPoolExecutor(1) as thread:
        later = thread.submit(figures.drawing(monthly(), **described()).published)
        assert publish(monthly("Exports rose by nine tenths")).webp != later.result().webp
    assert later.result() == publish(monthly())


def test_the_house_style_is_not_needed_to_publish():
    styled = publish(monthly())
    with mpl.rc_context():
        mpl.rcdefaults()
        fig, ax = plt.subplots()
        ax.plot([1, 2], [1, 2])
        plain = publish(fig)
        assert mpl.rcParams["axes.spines.top"]  # and publishing leaves the settings alone
    assert plain.width == styled.width


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "Monthly figure"}, "unfit name"),
        ({"caption": " "}, "no caption"),
        ({"alt": ""}, "no alt text"),
        ({"caption": ALT}, "equal to its caption"),
        ({"alt": "a line"}, "6 characters"),
        ({"data": pd.DataFrame({"x": []})}, "no data"),
        ({"sources": SOURCES.head(0)}, "no sources"),
        ({"sources": SOURCES[["source_id"]]}, "without source_id or publisher"),
    ],
)
def test_a_figure_without_what_it_needs_is_refused_by_name(changes, message):
    with pytest.raises(CollectionError, match=message) as caught:
        publish(monthly(), **changes)
    assert repr(changes.get("name", "monthly")) in str(caught.value)


def test_texts_are_escaped():
    evil = '"><script>alert(1)</script>'
    html = publish(monthly(), caption=evil, alt=ALT + evil).to_html()
    assert "<script" not in html
    assert BeautifulSoup(html, "html.parser").img["alt"] == ALT + evil


def test_the_footer_names_publishers_once_the_most_used_first():
    fig = monthly()
    publish(fig)
    assert layout._footers(fig)[0].get_text() == "Sources: Reuters, KOTRA."


def test_many_publishers_are_counted():
    many = pd.DataFrame({"source_id": list("abcdef"), "publisher": [f"Agency {x}" for x in "ABCDEF"]})
    fig = monthly()
    publish(fig, sources=many)
    assert layout._footers(fig)[0].get_text() == "Sources: Agency A, Agency B, Agency C, Agency D and 2 more."


def test_source_ids_are_looked_up():
    first = evidence.load("sources").iloc[0]
    fig = monthly()
    assert publish(fig, sources=[first["source_id"]]).sources == (first["source_id"],)
    assert layout._footers(fig)[0].get_text() == f"Source: {first['publisher']}."
    with pytest.raises(EvidenceError, match="no-such-source"):
        publish(monthly(), sources=["no-such-source"])


def test_nothing_is_cut_off_and_long_titles_and_footers_are_wrapped():
    fig = monthly(
        "Exports to China fell by nine tenths within a year of the bans of August 2017, far more than ever before"
    )
    layout.footer(fig, "Sources: " + ", ".join(["Korea International Trade Association"] * 5) + ".")
    layout.lay_out(fig)
    assert layout.clipped_artists(fig) == []
    assert fig.get_suptitle().count("\n") == 1
    assert layout._footers(fig)[0].get_text().count("\n") >= 1


def test_a_text_that_is_cut_off_is_named():
    fig, ax = plt.subplots()
    ax.plot([1, 2], [1, 2])
    fig.text(0.9, 0.5, "far too long for the place it has")
    with pytest.raises(CollectionError, match="cut off at: 'far too long for the place it has'"):
        publish(fig)
    assert plt.get_fignums() == []


def test_labels_at_line_ends_do_not_overlap():
    low, high = sorted(boxes(laid_out(monthly()), layout.END_LABEL), key=lambda box: box.y0)
    assert low.y1 <= high.y0


def test_event_labels_overlap_neither_each_other_nor_a_line():
    fig = laid_out(monthly())
    ax = fig.axes[0]
    labels = boxes(fig, layout.EVENT_LABEL)
    assert len(labels) == len(EVENTS)
    for i, one in enumerate(labels):
        assert not any(one.overlaps(other) for other in labels[i + 1 :])
        assert one.y0 >= ax.bbox.y1
    for line in ax.lines:
        if line.get_gid() == layout.EVENT_LINE:
            ends = ax.get_xaxis_transform().transform(
                [(mdates.date2num(line.get_xdata()[0]), y) for y in line.get_ydata()]
            )
            (x, bottom), (_, top) = ends
            crossed = [box for box in labels if box.x0 < x < box.x1 and bottom < box.y0 < top]
            assert crossed == []
    label = ax.yaxis.get_label().get_window_extent(layout._renderer(fig))
    assert label.y0 >= max(box.y1 for box in labels)


def test_events_beyond_the_axis_are_left_out():
    fig = monthly(events=[("2010-01-01", "long before"), ("2016-03-02", "within")])
    assert [text.get_text() for text in fig.axes[0].texts if text.get_gid() == layout.EVENT_LABEL] == ["within"]


def test_events_may_come_as_a_frame():
    fig = monthly(events=pd.DataFrame({"date": ["2016-03-02"], "label": ["Resolution 2270"]}))
    assert [text.get_text() for text in fig.axes[0].texts if text.get_gid() == layout.EVENT_LABEL] == [
        "Resolution 2270"
    ]


@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(10, 400)), min_size=1, max_size=8))
def test_a_label_that_reaches_over_another_line_is_higher(labels):
    labels.sort()
    at, widths = [point for point, _ in labels], [width for _, width in labels]
    leftward, rows = layout._event_rows(at, widths, 0.0)
    for i, point in enumerate(at):
        start, end = (point - widths[i], point) if i < leftward else (point, point + widths[i])
        same_side = range(leftward) if i < leftward else range(leftward, len(at))
        for j in same_side:
            reaches = start < at[j] < end if at[j] != point else j != i
            if reaches:
                assert rows[i] != rows[j] if at[j] == point else rows[i] > rows[j]


@given(st.lists(st.tuples(st.floats(-500, 500), st.floats(1, 60)), min_size=2, max_size=8))
def test_positions_are_moved_apart_without_a_drift(labels):
    wanted = np.sort([value for value, _ in labels])
    gaps = np.array([gap for _, gap in labels[1:]])
    placed = layout._apart(wanted, gaps, (-1e6, 1e6))
    assert (np.diff(placed) >= gaps - 1e-6).all()
    assert placed.mean() == pytest.approx(wanted.mean(), abs=1e-6)
    bounded = layout._apart(wanted, gaps, (-100, 400))
    assert (np.diff(bounded) >= gaps - 1e-6).all()
    assert bounded[0] >= -100
    assert bounded[-1] <= 400 or gaps.sum() > 500


def test_labels_at_line_ends_stay_within_the_axes():
    figures.use_style()
    fig, ax = plt.subplots()
    for i in range(5):
        ax.plot([0, 1], [100, i])
        figures.label_line(ax, 1, i, f"line {i}")
    ax.set_ylim(0)
    laid_out(fig)
    assert min(box.y0 for box in boxes(fig, layout.END_LABEL)) >= ax.bbox.y0 - 1


def test_a_log_axis_has_plain_numbers():
    figures.use_style()
    fig, ax = plt.subplots()
    ax.plot([1, 2], [900, 20_000])
    ax.set_yscale("log")
    laid_out(fig)
    assert {"1,000", "2,000", "5,000", "10,000"} <= {label.get_text() for label in ax.get_yticklabels()}


def test_a_long_title_is_broken_into_even_lines():
    assert layout._balanced("one two three four five six", 25) == "one two three\nfour five six"


@pytest.mark.parametrize(
    ("start", "end", "labels"),
    [
        ("2010-01", "2020-12", ["2010", "2012", "2020"]),
        ("2014-01", "2018-12", ["2014", "2015", "2018"]),
        ("2017-01", "2018-06", ["Jan\n2017", "Apr", "Jan\n2018"]),
    ],
)
def test_dates_read_as_years_or_months(start, end, labels):
    figures.use_style()
    fig, ax = plt.subplots()
    x = figures.timestamps(pd.period_range(start, end, freq="M"))
    ax.plot(x, range(len(x)))
    laid_out(fig)
    assert set(labels) <= {label.get_text() for label in ax.get_xticklabels()}


def test_numbers_on_axes_are_plain():
    figures.use_style()
    fig, ax = plt.subplots()
    ax.plot([2014, 2015, 2016, 2017], [-1_000_000, 0, 500_000, 2_000_000])
    laid_out(fig)
    assert "2,000,000" in {label.get_text() for label in ax.get_yticklabels()}
    assert "\u2212500,000" in {label.get_text() for label in ax.get_yticklabels()}
    assert {"2014", "2015", "2016", "2017"} <= {label.get_text() for label in ax.get_xticklabels()}


def test_bars_carry_their_values():
    figures.use_style()
    fig, ax = plt.subplots()
    ax.barh(["coal", "iron ore", "unknown"], [1190.7, -74.4, np.nan])
    figures.label_bars(ax, "{:,.1f}")
    laid_out(fig)
    assert [text.get_text() for text in ax.texts] == ["1,190.7", "\u221274.4", ""]
    assert list(ax.get_xticks()) == []
    assert layout.clipped_artists(fig) == []


def test_intervals_are_in_the_given_order_from_the_top():
    figures.use_style()
    fig, ax = plt.subplots()
    figures.intervals(ax, ["all", "printed only"], [-70, np.nan], [-80, np.nan], [-60, np.nan], reference=-90)
    laid_out(fig)
    first, second = (label.get_window_extent(layout._renderer(fig)).y0 for label in ax.get_yticklabels())
    assert first > second
    assert [label.get_text() for label in ax.get_yticklabels()] == ["all", "printed only"]


def test_panels_keep_their_titles_under_a_common_one():
    figures.use_style()
    fig, axes = plt.subplots(1, 2, sharey=True)
    for ax, name in zip(axes, ("Coal", "Iron ore"), strict=True):
        ax.bar([2014, 2015], [-3, 2])
        ax.set_title(name)
        ax.set_ylabel("Percent")
    fig.suptitle("Prices explain the fall")
    laid_out(fig)
    assert [ax.get_title(loc="left") for ax in axes] == ["Coal", "Iron ore"]
    assert fig.get_suptitle() == "Prices explain the fall"
    renderer = layout._renderer(fig)
    for ax in axes:
        title = next(text for text in ax.findobj(mpl.text.Text) if text.get_text() == ax.get_title(loc="left"))
        assert not title.get_window_extent(renderer).overlaps(ax.yaxis.get_label().get_window_extent(renderer))
    assert layout.clipped_artists(fig) == []


def test_a_pandas_plot_with_a_period_axis_can_be_published():
    figures.use_style()
    fig, ax = plt.subplots()
    pd.Series(range(60), index=MONTHS).plot(ax=ax)
    figures.mark_events(ax, [("2017-08-05", "2371")])
    assert publish(fig).webp


def test_the_csv_is_text_with_its_named_index():
    data = pd.DataFrame(
        {
            "basis": pd.Categorical(["reported", None]),
            "inferred": pd.array([True, None], dtype="boolean"),
            "word": ["a, b", 'say "c"'],
            "value": pd.array([1, None], dtype="Int64"),
        },
        index=pd.PeriodIndex(["2017Q1", "2017Q2"], freq="Q", name="quarter"),
    )
    assert publish(monthly(), data=data).csv == (
        'quarter,basis,inferred,word,value\n2017Q1,reported,yes,"a, b",1\n2017Q2,,,"say ""c""",\n'
    )


@pytest.mark.parametrize("colour", figures.COLOURS.values())
def test_words_in_a_colour_of_the_house_can_be_read_on_white(colour):
    legible = figures._legible(colour)
    luminance = figures._luminance(np.array(mpl.colors.to_rgb(legible)))
    assert 1.05 / (luminance + 0.05) >= 4.5


def test_timestamps():
    assert figures.timestamps(pd.Period("2017-09", "M")) == pd.Timestamp("2017-09-01")
    assert figures.timestamps("2017-09") == pd.Timestamp("2017-09-01")
    assert list(figures.timestamps(pd.Series(MONTHS[:2]))) == [pd.Timestamp("2014-01-01"), pd.Timestamp("2014-02-01")]
    assert figures.timestamps([1, 2.5]) == [1, 2.5]
    assert figures.timestamps(3) == 3
