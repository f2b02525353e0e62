"""What there is to tell of one spool on its way to the destinations."""

from collections import Counter
from collections.abc import Iterable, Mapping

from otel_ia.delivery.shipping.answers import Answer
from otel_ia.delivery.shipping.destination import Signal
from otel_ia.delivery.shipping.routes import Route
from otel_ia.delivery.shipping.telling import Teller, size_in_words
from otel_ia.delivery.spooling.spool import Spool


class Reports:
    """Knows what of the spool's losses has been handed on to the teller."""

    def __init__(self, spool: Spool, routes: Mapping[Signal, Route], teller: Teller) -> None:
        self._spool = spool
        self._routes = routes
        self._teller = teller
        self._known: Counter[str] = Counter()

    def losses(self) -> None:
        """What was dropped since the last call, by this process and by those whose segments were read; told later."""
        counters = self._spool.counters
        lost = Counter({f"dropped ({reason})": count for reason, count in counters.dropped.items()})
        for reason, count in counters.dropped_earlier.items():
            lost[f"dropped by an earlier process ({reason})"] = count
        for reason, count in (lost - self._known).items():
            self._teller.note_loss(reason, count)
        self._known = lost

    def failure(self, signal: Signal, answer: Answer) -> None:
        """A request came to nothing."""
        self._teller.trouble(self._name(signal), answer.reason, self._waiting())

    def success(self, signal: Signal) -> None:
        """All of a batch has arrived."""
        self._teller.relief(self._name(signal))

    def rejected(self, signal: Signal, answer: Answer) -> None:
        """A part of an accepted request was not taken."""
        why = f": {answer.reason}" if answer.reason else ""
        self._teller.loss(f"of {self._name(signal)} rejected by the server{why}", answer.rejected)

    def set_aside(self, signal: Signal, answer: Answer, *, is_kept: bool) -> None:
        """A frame was refused for good."""
        fate = "set aside in the spool" if is_kept else "refused"
        self._teller.loss(f"of {self._name(signal)} {fate}: {answer.reason}", 1)

    def unfinished(self, signals: Iterable[Signal]) -> None:
        """What is left could not be delivered in time; told later."""
        for signal in signals:
            self._teller.note_trouble(self._name(signal), "no answer before the end", self._waiting())

    def tell(self) -> None:
        """Has told what is to be told, if it is time."""
        self._teller.tell()

    def _waiting(self) -> str:
        where = "in the spool" if self._spool.is_on_disk else "in memory"
        return f"{size_in_words(self._spool.waiting_bytes)} kept {where}"

    def _name(self, signal: Signal) -> str:
        return f"{signal} to {self._routes[signal].transport.address}"
