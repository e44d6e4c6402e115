"""What single benchmarks make of their measurements, on made numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import growth, serving
from benchmarks.measuring import ProcessCost
from schema.errors import BreastImagingError


@given(
    power=st.floats(0.2, 3.0), factor=st.floats(1e-3, 1e2), fixed=st.floats(0.0, 100.0), images=st.integers(10, 1000)
)
def test_the_exponent_is_found_whatever_the_fixed_part(
    power: float, factor: float, fixed: float, images: int
) -> None:
    costs = [fixed + factor * (images * larger) ** power for larger in growth.FACTORS]

    assert growth.exponent(costs) == pytest.approx(power, abs=1e-3)


@given(st.floats(0.0, 100.0), st.floats(0.0, 1.0))
def test_costs_that_do_not_grow_tell_no_exponent(fixed: float, less: float) -> None:
    for costs in ([fixed, fixed, fixed + 1], [fixed, fixed + 1, fixed + 1 - less], [fixed + 1, fixed, fixed + 2]):
        with pytest.raises(BreastImagingError, match="do not grow with the data") as raised:
            growth.exponent(costs)
        assert "--images" in raised.value.fix


def test_growth_is_an_exponent_of_time_and_a_ratio_of_memory() -> None:
    linear = [ProcessCost(9.0, 5.0 + 0.01 * images, 1000.0 + images / 10) for images in (100, 1000, 10000)]
    square = [ProcessCost(9.0, 5.0 + 1e-4 * images**2, 2000.0) for images in (100, 1000, 10000)]

    time, memory = growth.summarize([100, 1000, 10000], {"ingestion": [linear, square, linear]})

    assert time.what == "exponent of the processor time of ingestion, 100 to 10000 images"
    assert [time.ratio, time.least, time.most] == pytest.approx([1.0, 1.0, 2.0])
    assert (time.repetitions, time.asked, time.met) == (3, "<= 1.10", True)
    assert time.raw == pytest.approx(
        {"100_processor_seconds": 6.0, "1000_processor_seconds": 15.0, "10000_processor_seconds": 105.0}
    )
    assert memory.what == "peak memory of ingestion, 10000 images / 100"
    assert [memory.ratio, memory.least, memory.most] == pytest.approx([2000 / 1010, 1.0, 2000 / 1010])
    assert memory.asked is None
    assert memory.raw == pytest.approx({"100_mib": 1010.0, "1000_mib": 1100.0, "10000_mib": 2000.0})


def test_serving_is_put_in_relation_to_one_thread_in_process_of_the_same_run() -> None:
    def run(alone: float, *served: float) -> list[serving.Row]:
        return [
            {"how": "in process", "clients": 1, "rate": alone, "p50": 1.5},
            {"how": "in process", "clients": 2, "rate": 2 * alone, "p50": 1.5},
            {"how": "empty call", "clients": 1, "rate": 9000.0, "p50": 0.5},
            *(
                {"how": "closed", "clients": clients, "rate": rate, "p50": 3.25}
                for clients, rate in zip(serving.CLIENTS, served, strict=True)
            ),
        ]

    one, eight, thirty_two, latency = serving.summarize([run(100, 50, 90, 80), run(200, 120, 160, 180)])

    assert [one.ratio, one.least, one.most] == pytest.approx([0.55, 0.5, 0.6])
    assert [eight.ratio, eight.least, eight.most] == pytest.approx([0.85, 0.8, 0.9])
    assert (eight.asked, eight.met) == (None, None)
    assert [thirty_two.ratio, thirty_two.least, thirty_two.most] == pytest.approx([0.85, 0.8, 0.9])
    assert (thirty_two.asked, thirty_two.met) == (">= 0.85", thirty_two.ratio >= 0.85)
    assert thirty_two.raw == {"served_per_second": 130.0, "in_process_per_second": 150.0}
    assert (latency.ratio, latency.asked, latency.met) == (1.75, "<= 1.00", False)
    assert latency.raw == {"served_p50_ms": 3.25, "in_process_p50_ms": 1.5}
