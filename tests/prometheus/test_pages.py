"""How the pages of many processes become one."""

import json
import math
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from otel_ia.prometheus.pages import (
    Buckets,
    Exemplar,
    Family,
    Number,
    Page,
    as_float,
    decode,
    encode,
    lasting,
    merge,
    to_bytes,
)

AMOUNTS = st.integers(min_value=0, max_value=2**70) | st.floats(min_value=0, max_value=1e300) | st.just(0.1)
LABELS = st.sampled_from([(), (("a", "1"),), (("a", "2"), ("b", "ü"))])
BOUNDS = st.sampled_from([(), (1.0,), (1.0, 2.0), (0.5, 2.0)])
EXEMPLARS = st.none() | st.builds(Exemplar, st.floats(allow_nan=False), st.floats(0, 2e9), st.just("t"), st.just("s"))


@st.composite
def buckets(draw):
    bounds = draw(BOUNDS)
    count = len(bounds) + 1
    counts = draw(st.lists(st.integers(0, 1000), min_size=count, max_size=count))
    exemplars = draw(st.lists(EXEMPLARS, min_size=count, max_size=count))
    return Buckets(bounds, counts, draw(AMOUNTS), exemplars)


@st.composite
def pages(draw):
    page = Page(process=draw(st.integers(1, 9)), target=draw(st.none() | st.just({"service_name": "s"})))
    for name, kind in (("c_total", "counter"), ("u", "up_down"), ("g", "gauge"), ("h", "histogram")):
        value = buckets() if kind == "histogram" else st.builds(Number, AMOUNTS)
        series = draw(st.dictionaries(LABELS, value, max_size=3))
        if series:
            page.families[name, kind] = Family(name, kind, "help", series)
    return page


MANY = st.lists(st.tuples(pages(), st.booleans()), max_size=4)


def counted(page):
    return {
        (name, labels): (value.counts, value.total) if isinstance(value, Buckets) else value.value
        for (name, kind), family in page.families.items()
        for labels, value in family.series.items()
        if kind != "gauge"
    }


@given(many=MANY, data=st.data())
def test_the_order_of_pages_does_not_matter(many, data):
    other = data.draw(st.permutations(many))
    assert counted(merge(many)) == counted(merge(other))


@given(many=MANY)
def test_folding_what_has_ended_first_changes_nothing(many):
    ended = [entry for entry in many if not entry[1]]
    folded = decode(json.loads(to_bytes(encode(merge(ended)))))
    assert counted(merge([(folded, False), *(entry for entry in many if entry[1])])) == counted(merge(many))


@given(page=pages())
def test_a_page_that_is_written_and_read_is_the_same(page):
    assert decode(json.loads(to_bytes(encode(page)))) == page


@given(many=MANY)
def test_merging_leaves_the_pages_as_they_are(many):
    before = to_bytes([encode(page) for page, _ in many])
    merge(many)
    assert to_bytes([encode(page) for page, _ in many]) == before


def page_of_one(kind, value, *, process=1):
    return Page({("x", kind): Family("x", kind, "", {(): value})}, process=process)


def test_sums_are_exact_so_that_none_falls_when_a_process_ends():
    tenths = [(page_of_one("counter", Number(0.1)), True) for _ in range(10)]
    (value,) = merge(tenths).families["x", "counter"].series.values()
    assert value.value == 10 * Fraction(0.1)
    assert as_float(10**400) == math.inf


def test_of_an_ended_process_counts_stay_what_went_on_is_zero_and_gauges_go():
    for kind, left in (("counter", 3), ("up_down", 0)):
        (value,) = lasting(page_of_one(kind, Number(3))).families["x", kind].series.values()
        assert value.value == left
    assert lasting(page_of_one("gauge", Number(3))).families == {}


def test_gauges_of_several_processes_are_told_apart_by_the_process():
    alone = merge([(page_of_one("gauge", Number(1), process=7), True)])
    assert alone.families["x", "gauge"].series == {(): Number(1)}
    both = merge([(page_of_one("gauge", Number(number), process=number), True) for number in (7, 8)])
    assert both.families["x", "gauge"].series == {
        (("process_pid", "7"),): Number(7),
        (("process_pid", "8"),): Number(8),
    }


def test_histograms_with_other_bounds_are_added_in_those_they_share():
    one = Buckets((1.0, 2.0), [1, 2, 3], 9, [None, None, None])
    other = Buckets((0.5, 2.0), [10, 20, 30], 90, [None, Exemplar(1.0, 5.0, "t", "s"), None])
    merged = merge([(page_of_one("histogram", one), True), (page_of_one("histogram", other), True)])
    (value,) = merged.families["x", "histogram"].series.values()
    assert value == Buckets((2.0,), [33, 33], 99, [Exemplar(1.0, 5.0, "t", "s"), None])


def test_what_describes_the_processes_is_what_they_agree_on():
    targets = [{"service_name": "s", "process_pid": "1"}, {"service_name": "s", "process_pid": "2"}]
    merged = merge([(Page(target=target), True) for target in targets])
    assert merged.target == {"service_name": "s"}
