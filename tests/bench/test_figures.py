"""Tests of how samples become figures, figures rows, and rows text; nothing here is timed."""

from __future__ import annotations

import pytest

from bench.figures import Aim, Figure, Sample, Samples, quantity, ratio, row
from bench.payloads import METHODS, batch_request, identities, verify_request
from bench.report import BEGIN, END, NodeFigure, Report, between_markers, markdown
from onecard.gateway.v1 import identity_service_pb2


def sample(calls: int, server_seconds: float, *, seconds: float = 1.0, client_seconds: float = 0.1) -> Sample:
    """Make a sample with what a test is about."""
    return Sample(
        calls=calls,
        seconds=seconds,
        server_seconds=server_seconds,
        apart_seconds=0.0,
        client_seconds=client_seconds,
    )


def test_sample_divides_time_by_calls() -> None:
    """A sample tells CPU per call, calls per second, and calls per second of CPU."""
    one = sample(4000, 0.5, seconds=2.0, client_seconds=1.0)
    assert one.micros == pytest.approx(125.0)
    assert one.rate == pytest.approx(2000.0)
    assert one.core_rate == pytest.approx(8000.0)
    assert one.client_share == pytest.approx(0.5)
    assert one.apart_micros == 0.0


def test_core_rate_without_cpu_is_unbounded() -> None:
    """A sample that saw no CPU at all does not divide by zero."""
    assert sample(10, 0.0).core_rate == float("inf")


def test_figure_is_median_with_spread() -> None:
    """An outlier moves the spread and not the median."""
    figure = Figure.of([3.0, 1.0, 100.0])
    assert (figure.median, figure.low, figure.high) == (3.0, 1.0, 100.0)
    assert figure.text() == "3 (1–100)"
    assert Figure.of([2.0]).text(1) == "2.0"


def test_figure_of_nothing_is_refused() -> None:
    """No figure is made of no samples."""
    with pytest.raises(ValueError, match="no median"):
        Figure.of([])


def test_ratio_pairs_neighbors() -> None:
    """A slow repetition slows both of a pair, and leaves the ratio as it is."""
    assert ratio([2.0, 20.0], [1.0, 10.0]) == Figure(2.0, 2.0, 2.0)


def test_ratio_needs_pairs() -> None:
    """A repetition without its reference is not passed over."""
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        ratio([1.0, 2.0], [1.0])


def test_row_compares_with_the_reference_at_the_same_streams() -> None:
    """A row's ratios are ours to the reference; without one there is none."""
    samples: Samples = {("ours", 8): [sample(1000, 0.3)], ("bare", 8): [sample(2000, 0.2)]}
    ours, bare = row("ours", 8, samples, reference="bare"), row("bare", 8, samples, reference=None)
    assert ours.cpu_ratio is not None
    assert ours.cpu_ratio.median == pytest.approx(3.0)
    assert ours.rate_ratio is not None
    assert ours.rate_ratio.median == pytest.approx(0.5)
    assert ours.apart_micros is None
    assert bare.cpu_ratio is None


@pytest.mark.parametrize(("client_seconds", "bound"), [(0.89, False), (0.9, True)])
def test_row_says_when_the_client_was_the_limit(client_seconds: float, *, bound: bool) -> None:
    """From nine tenths of a core on the client may be what is measured."""
    samples: Samples = {("echo", 1): [sample(1, 0.1, client_seconds=client_seconds)]}
    assert row("echo", 1, samples, reference=None).client_bound is bound


@pytest.mark.parametrize(
    ("aim", "met"),
    [
        (Aim("cpu", "at most", 1.5, 1.5), True),
        (Aim("cpu", "at most", 1.5, 1.51), False),
        (Aim("rate", "at least", 0.5, 0.5), True),
        (Aim("rate", "at least", 0.5, 0.49), False),
        (Aim("rate", "at least", 0.5, float("nan")), False),
    ],
)
def test_aim_is_met_at_its_limit(aim: Aim, *, met: bool) -> None:
    """An aim is met at its limit, not beyond, and never by what is no number."""
    assert aim.met is met
    assert aim.as_json()["met"] is met


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(1.7634, "×", "1.76 ×"), (34021.4, "identities", "34,021 identities"), (2.0, "", "2")],
)
def test_quantity_keeps_three_digits(value: float, unit: str, text: str) -> None:
    """Small numbers keep three digits, large ones are whole."""
    assert quantity(value, unit) == text


def report() -> Report:
    """Make a report with one line of each kind."""
    samples: Samples = {("ours", 8): [sample(1000, 0.3, client_seconds=1.0)], ("bare", 8): [sample(2000, 0.2)]}
    return Report(
        machine="a machine",
        seconds=1.0,
        repeats=1,
        rows=(row("ours", 8, samples, reference="bare"),),
        nodes=(NodeFigure("start", Figure.of([1.0, 2.0, 3.0]), "s"),),
        aims=(Aim("cpu", "at most", 1.5, 3.0, "×"),),
        notes=("a note",),
    )


def test_markdown_shows_what_is_not_met() -> None:
    """The table names each figure, marks a client's limit, and says plainly what was not reached."""
    text = markdown(report())
    assert "| cpu | at most 1.5 × | 3 × | NOT MET |" in text
    assert "| ours | 8 | 300 |  | 1,000* | bare | 3.00 | 0.50 | 1.00 |" in text
    assert "| start | 2 s | 1 s | 3 s |" in text
    assert text.endswith("- a note")


def test_json_carries_verdicts() -> None:
    """The JSON form says of each aim whether it is met and of each row whether the client was the limit."""
    whole = report().as_json()
    assert [aim["met"] for aim in whole["aims"]] == [False]  # type: ignore[attr-defined]
    assert [line["client_bound"] for line in whole["rows"]] == [True]  # type: ignore[attr-defined]


def test_only_text_between_markers_is_replaced() -> None:
    """Writing the table twice gives the same page, and leaves all around it alone."""
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = between_markers(page, "new")
    assert once == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert between_markers(once, "new") == once


@pytest.mark.parametrize("page", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}", f"{BEGIN}{END}{END}"])
def test_a_page_without_its_markers_is_left_alone(page: str) -> None:
    """A page that has lost a marker is refused and not overwritten."""
    with pytest.raises(ValueError, match="markers"):
        between_markers(page, "new")


def test_identities_all_differ_and_are_good() -> None:
    """No two identities of a message share a number, and all are of people born before 1920."""
    records = list(identities(1000))
    for key in ("aac002", "aaz500", "aaz501", "signno"):
        assert len({record[key] for record in records}) == 1000
    assert all(record["aac006"] < "1920" for record in records)


def test_requests_say_what_is_measured() -> None:
    """A batch holds as many entries as asked for; a VerifyCard leaves the request id to the sender."""
    batch = identity_service_pb2.BatchTranslateIdentitiesRequest.FromString(batch_request(7))
    assert len(batch.entries) == 7
    raw = verify_request("chongqing")
    question = identity_service_pb2.VerifyCardRequest.FromString(raw + b"\x0a\x03abc")
    assert (question.request_id, question.home_region) == ("abc", "chongqing")
    assert METHODS["verify"].endswith("/VerifyCard")
