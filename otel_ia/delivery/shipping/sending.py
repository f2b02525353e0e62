"""Sends a parcel to the end: what a server refuses is halved until the one guilty frame is found."""

from collections.abc import Callable, Sequence

from otel_ia.delivery.shipping.answers import Answer, retry
from otel_ia.delivery.shipping.parcels import Item, Parcel

NOTHING = b""
"""The request that is right whatever is wrong with the others."""


def send_parcel(
    parcel: Parcel,
    send: Callable[[bytes], Answer],
    *,
    take: Callable[[Sequence[Item], Answer], None],
    set_aside: Callable[[Item, Answer], None],
) -> Answer | None:
    """Sends piece after piece; None when the parcel is done with, else the answer that came in between.

    What was accepted (`take`) or set aside is no longer in the parcel. Refused twice in a row, or with a single frame,
    a request with nothing in it tells: if that is refused too, the server takes nothing at the moment, and no frame is
    to blame. A single frame is sent once more before it is, since the server may have come round in between.
    """
    refusals = 0
    while parcel.pieces:
        piece = parcel.pieces[0]
        answer = send(parcel.body(piece))
        if answer.outcome == "refused":
            refusals += 1
            if refusals > 1 or len(piece) == 1:
                probe = send(NOTHING)
                if probe.outcome == "refused":
                    return retry(f"refused, as is a request with nothing in it: {answer.reason}")
                if probe.outcome != "accepted":
                    return probe
                refusals = 0
            if len(piece) > 1:
                half = (len(piece) + 1) // 2
                parcel.pieces[:1] = [piece[:half], piece[half:]]
                continue
            answer = send(parcel.body(piece))
        if answer.outcome == "accepted":
            refusals = 0
            take(piece, answer)
        elif answer.outcome == "refused":
            set_aside(piece[0], answer)
        else:
            return answer
        del parcel.pieces[0]
    return None
