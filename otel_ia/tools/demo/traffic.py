"""What clients send: scans of five-digit numbers put together from held-out digits, and two odd ones."""

import io

import numpy as np

from otel_ia.tools.demo.digits import Array, Digits

DIGITS_OF_A_NUMBER = 5
DIGITS_OF_A_SHEET = 20_000


def make_uploads(digits: Digits, *, count: int, seed: int) -> list[bytes]:
    """So many scans, 8 pixels high and 8 wide per digit, in NumPy's format.

    One, in the middle, was made with 10 pixels per digit, which the model cannot read; one, at three quarters, is a
    whole sheet of 20,000 digits, which takes long.
    """
    draw = np.random.default_rng(seed)

    def some_images(number: int) -> Array:
        return digits.images[draw.integers(len(digits.images), size=number)]

    scans = [_scan(some_images(DIGITS_OF_A_NUMBER)) for _ in range(count)]
    scans[count // 2] = _scan(np.pad(some_images(DIGITS_OF_A_NUMBER), ((0, 0), (1, 1), (1, 1))))
    scans[count * 3 // 4] = _scan(some_images(DIGITS_OF_A_SHEET))
    return scans


def _scan(images: Array) -> bytes:
    """The images side by side."""
    file = io.BytesIO()
    np.save(file, np.concatenate(list(images), axis=1).astype(np.uint8))
    return file.getvalue()
