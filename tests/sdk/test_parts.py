"""Held traces of which other processes have a part, seen from one of them."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from polling import poll_until
from receiver import Receiver

import otel_ia
from otel_ia import monitor
from otel_ia.delivery.spooling.frames import DECISION, SHARED
from otel_ia.delivery.spooling.verdicts import Claim, Verdict, Verdicts
from otel_ia.sdk.keeping import SHORTEST_PAUSE, HeldTrace, Keeper

Configure = Callable[..., otel_ia.Telemetry]


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def configure(receiver: Receiver, spool: Path) -> Iterator[Configure]:
    """Configures a sampler that keeps nothing, and what keeps what failed."""
    made = []

    def make(**settings: Any) -> otel_ia.Telemetry:
        given = {"endpoint": receiver.endpoint, "sampler": "parentbased_always_off", "keep_errors": True, **settings}
        made.append(otel_ia.configure(spool_directory=spool, console=False, **given))
        return made[-1]

    yield make
    for telemetry in made:
        telemetry.shutdown()


@pytest.fixture
def elsewhere(spool: Path) -> Iterator[Verdicts]:
    """What another process of the same user says."""
    verdicts = Verdicts(spool)
    yield verdicts
    verdicts.close()


TRACE_ID = bytes.fromhex("0123456789abcdef0123456789abcdef")
HEADERS = {"traceparent": f"00-{TRACE_ID.hex()}-0123456789abcdef-00"}


def claimed(elsewhere: Verdicts) -> Claim:
    claim = elsewhere.claim(TRACE_ID)
    assert claim is not None
    return claim


def part_of_it(name: str = "part", *, fails: bool = False) -> None:
    try:
        with trace.use_span(trace.get_current_span(extract(HEADERS))), monitor(name), monitor("inside"):
            if fails:
                raise ValueError
    except ValueError:
        pass


def names(receiver: Receiver) -> Counter[str]:
    return Counter(span.name for span in receiver.spans)


def held(telemetry: otel_ia.Telemetry) -> dict[str, int]:
    return {outcome: count for outcome, count in telemetry.stats().held.items() if count}


@pytest.mark.parametrize("is_kept", [True, False])
def test_what_has_ended_well_follows_when_the_other_process_decides(
    receiver: Receiver, configure: Configure, elsewhere: Verdicts, is_kept: bool
) -> None:
    telemetry = configure()
    claim = claimed(elsewhere)
    part_of_it()
    assert held(telemetry) == {}
    assert telemetry.flush(10)
    assert receiver.spans == []
    claim.decide(is_kept=is_kept)
    poll_until(lambda: bool(held(telemetry)))
    assert held(telemetry) == {"followed" if is_kept else "discarded": 1}
    telemetry.shutdown()
    assert names(receiver) == ({"part": 1, "inside": 1} if is_kept else {})


def test_a_flush_sends_what_others_have_decided_to_keep_before_it(
    receiver: Receiver, configure: Configure, elsewhere: Verdicts
) -> None:
    telemetry = configure()
    claim = claimed(elsewhere)
    for _ in range(20):
        part_of_it()
    claim.decide(is_kept=True)
    assert telemetry.flush(10)
    assert names(receiver) == {"part": 20, "inside": 20}


def test_what_has_failed_is_kept_at_once_and_the_other_process_told(
    receiver: Receiver, configure: Configure, elsewhere: Verdicts
) -> None:
    telemetry = configure()
    claim = claimed(elsewhere)
    part_of_it("good")
    assert not claim.is_wished()
    part_of_it("bad", fails=True)
    assert claim.is_wished()
    assert telemetry.flush(10)
    assert names(receiver) == {"good": 1, "bad": 1, "inside": 2}
    assert held(telemetry) == {"failed": 1, "followed": 1}


def test_after_the_other_process_has_let_go_what_fails_is_kept_alone(
    receiver: Receiver, configure: Configure, elsewhere: Verdicts
) -> None:
    telemetry = configure()
    claimed(elsewhere).decide(is_kept=False)
    part_of_it("good")
    part_of_it("bad", fails=True)
    telemetry.shutdown()
    assert names(receiver) == {"bad": 1, "inside": 1}


def test_what_nobody_knows_of_any_more_is_given_up_and_counted(
    receiver: Receiver, configure: Configure, elsewhere: Verdicts
) -> None:
    telemetry = configure()
    claimed(elsewhere)
    part_of_it()
    for number in range(50):  # later traces that stand in the same places
        elsewhere.claim(bytes([number]) + bytes(11) + TRACE_ID[-4:])
    poll_until(lambda: bool(held(telemetry)))
    assert held(telemetry) == {"given up": 1}
    telemetry.shutdown()
    assert receiver.spans == []


def test_however_many_come_to_wait_they_are_looked_at_now_and_then(
    receiver: Receiver, configure: Configure, elsewhere: Verdicts, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure()
    claim = claimed(elsewhere)
    looks: list[Keeper] = []
    look = Keeper.look

    def counted(keeper: Keeper) -> None:
        looks.append(keeper)
        look(keeper)

    monkeypatch.setattr(Keeper, "look", counted)
    begin = time.monotonic()
    for _ in range(500):
        part_of_it()
        with monitor("request"):  # this one is decided here, and others are told of it
            inject({})
        time.sleep(0.0005)
    assert len(looks) <= 2 + (time.monotonic() - begin) / SHORTEST_PAUSE
    claim.decide(is_kept=True)
    assert receiver.wait_until(lambda: len(receiver.spans) == 1000)


def test_over_the_bound_what_waits_longest_is_given_up(
    receiver: Receiver, configure: Configure, elsewhere: Verdicts
) -> None:
    telemetry = configure(keep_size=20_000)
    claim = claimed(elsewhere)
    for _ in range(100):
        part_of_it()
    given_up = held(telemetry)["given up"]
    assert 20 < given_up < 90
    claim.decide(is_kept=True)
    telemetry.shutdown()
    assert held(telemetry) == {"given up": given_up, "followed": 100 - given_up}
    assert names(receiver) == {"part": 100 - given_up, "inside": 100 - given_up}


def test_what_waits_at_the_end_is_left_in_the_spool_and_kept_or_discarded_later(
    receiver: Receiver, configure: Configure, elsewhere: Verdicts, spool: Path
) -> None:
    claim = claimed(elsewhere)
    for _ in range(3):
        telemetry = configure()
        part_of_it()
        telemetry.shutdown()
    assert len(list(spool.glob("*.segment"))) == 3
    assert receiver.spans == []
    claim.decide(is_kept=True)
    telemetry = configure()
    assert receiver.wait_until(lambda: len(receiver.spans) == 6)
    telemetry.shutdown()
    assert names(receiver) == {"part": 3, "inside": 3}
    assert list(spool.glob("*.segment")) == []


def test_a_part_that_is_open_at_the_end_is_kept_and_the_other_process_told(
    receiver: Receiver, configure: Configure, elsewhere: Verdicts
) -> None:
    telemetry = configure()
    claim = claimed(elsewhere)
    with trace.use_span(trace.get_current_span(extract(HEADERS))), monitor("part"):
        with monitor("inside"):
            pass
        telemetry.shutdown()
    assert names(receiver) == {"inside": 1}
    assert claim.is_wished()


@pytest.mark.parametrize("fails", [True, False])
def test_a_request_to_a_server_in_the_same_process_is_one_trace(
    receiver: Receiver, configure: Configure, fails: bool
) -> None:
    telemetry = configure()
    for _ in range(5):
        try:
            with monitor("client"):
                headers: dict[str, str] = {}
                inject(headers)
                server = threading.Thread(target=serve, args=(headers,))
                server.start()
                server.join()
                if fails:
                    raise ValueError
        except ValueError:
            pass
    poll_until(lambda: sum(held(telemetry).values()) == 10)
    telemetry.shutdown()
    assert names(receiver) == ({"client": 5, "server": 5} if fails else {})
    assert len({span.trace_id for span in receiver.spans}) == 5 * fails


def serve(headers: dict[str, str]) -> None:
    with trace.use_span(trace.get_current_span(extract(headers))), monitor("server"):
        pass


def test_what_is_told_is_told_of_traces_whose_context_somebody_asked_for(
    configure: Configure, elsewhere: Verdicts
) -> None:
    configure()
    ids = []
    for is_asked in (True, False):
        with monitor("request") as span, monitor("inside") as inside:
            if is_asked:
                inside.get_span_context()
            assert span.is_recording()
        ids.append(trace.get_tracer("foreign").start_span("later", trace.set_span_in_context(inside)))
    found = [elsewhere.find(span.get_span_context().trace_id.to_bytes(16, "big")) for span in ids]
    assert found == [Verdict.DISCARDED, None]


def test_what_we_ask_for_ourselves_does_not_say_that_a_trace_goes_on_elsewhere(
    receiver: Receiver, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Noting(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            pass

    shared: list[HeldTrace] = []
    monkeypatch.setattr(HeldTrace, "share", lambda trace, _trace_id: shared.append(trace))
    telemetry = configure()
    provider: Any = trace.get_tracer_provider()
    provider.add_span_processor(Noting())
    with pytest.raises(ValueError, match="digit"), monitor("request"):
        with trace.get_tracer("foreign").start_as_current_span("inside"):
            logging.getLogger("user").error("seen")
        raise ValueError("no digit")
    telemetry.shutdown()
    assert names(receiver) == {"request": 1, "inside": 1}
    assert shared == []


def test_threads_that_ask_at_once_claim_a_trace_once(
    configure: Configure, elsewhere: Verdicts, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure()
    claims: list[bytes] = []
    claim = Verdicts.claim

    def counted(verdicts: Verdicts, trace_id: bytes) -> Claim | None:
        claims.append(trace_id)
        return claim(verdicts, trace_id)

    monkeypatch.setattr(Verdicts, "claim", counted)
    for _ in range(100):
        with monitor("request"):
            spans = [trace.get_tracer("foreign").start_span("inside") for _ in range(8)]
            barrier = threading.Barrier(8)

            def ask(span: trace.Span) -> None:
                barrier.wait()  # noqa: B023
                span.get_span_context()

            threads = [threading.Thread(target=ask, args=(span,)) for span in spans]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert len(claims) == len(set(claims)) == 100
    assert {elsewhere.find(trace_id) for trace_id in claims} == {Verdict.DISCARDED}


@pytest.mark.parametrize("is_kept", [True, False])
@pytest.mark.parametrize("when", ["claimed", "written down"])
def test_a_trace_that_is_decided_while_it_is_claimed_is_told_of(
    spool: Path, elsewhere: Verdicts, is_kept: bool, when: str
) -> None:
    keeper = Keeper(keeps_errors=True, slower_than=None, limit=1 << 20)
    held_trace = HeldTrace(keeper, b"12345678")
    written: list[int] = []

    class Interrupted(Verdicts):
        def claim(self, trace_id: bytes) -> Claim | None:
            claim = super().claim(trace_id)
            if when == "claimed":
                held_trace.decide(is_kept=is_kept)
            return claim

    def hold(kind: int, _payload: bytes) -> None:
        if when == "written down":
            held_trace.decide(is_kept=is_kept)
        written.append(kind)

    verdicts = Interrupted(spool)
    keeper.connect(lambda _kind, _payload: None, hold, verdicts=verdicts)
    held_trace.share(TRACE_ID)
    assert elsewhere.find(TRACE_ID) is (Verdict.KEPT if is_kept else Verdict.DISCARDED)
    assert (written.count(SHARED), written[-1]) == (1, DECISION)
    verdicts.close()


def test_a_trace_that_is_claimed_here_when_it_waits_does_not_wait_for_itself(spool: Path) -> None:
    keeper = Keeper(keeps_errors=True, slower_than=None, limit=1 << 20)
    held_trace = HeldTrace(keeper, b"12345678")

    class Interrupted(Verdicts):
        def find(self, trace_id: bytes) -> Verdict | None:
            held_trace.share(trace_id)  # as another thread does, for a span inside
            return super().find(trace_id)

    verdicts = Interrupted(spool)
    keeper.connect(lambda _kind, _payload: None, verdicts=verdicts)
    held_trace.join(TRACE_ID)
    held_trace.end(1, lambda: b"root")
    keeper.look()
    assert (list(keeper.waiting), held_trace.is_kept) == ([], False)
    assert verdicts.find(TRACE_ID) is Verdict.DISCARDED
    verdicts.close()
