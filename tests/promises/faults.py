"""The ways in which a collector fails."""

from receiver import CLOSE, HANG, HANG_UP, Reply

FAULTS = {
    "429 with Retry-After": Reply(status=429, headers={"Retry-After": "1"}),
    "503": Reply(status=503),
    "400": Reply(status=400),
    "wrong token": Reply(status=401),
    "hanging": HANG,
    "closing": CLOSE,
    "hanging up": HANG_UP,
    "redirecting": Reply(status=307, headers={"Location": "http://127.0.0.1:9/v1/traces"}),
}
