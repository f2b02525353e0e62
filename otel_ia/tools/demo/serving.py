"""Serves requests: the scan of a number comes in, its digits go out one by one."""

import asyncio
import io
import json
import logging
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from opentelemetry import trace

from otel_ia import monitor, semconv
from otel_ia.tools.demo.digits import Array, views
from otel_ia.tools.demo.training import MODEL_NAME, Model

SLOW_AFTER: Final = 0.1  # seconds
SURE: Final = 0.5

logger = logging.getLogger("digits")


async def serve(model: Model, uploads: Iterable[bytes]) -> list[str | None]:
    """An answer for each upload, `None` for those that were refused."""
    answers: list[str | None] = []
    for number, upload in enumerate(uploads, start=1):
        try:
            with monitor("request", attributes={"number": number}, slow_after=SLOW_AFTER):
                answers.append(await answer(model, upload))
        except ValueError:
            logger.warning("request %d refused", number)
            answers.append(None)
    return answers


async def answer(model: Model, upload: bytes) -> str:
    """From the bytes that were uploaded to the events that the client gets."""
    scan = load(upload)
    features = preprocess(model, scan)
    probabilities = await inference(model, features)
    digits = postprocess(probabilities)
    return "".join(stream(digits))


@monitor
def load(upload: bytes) -> Array:
    """The scan as an array of pixels."""
    scan: Array = np.load(io.BytesIO(upload))
    logger.info("%d bytes, %d x %d pixels", len(upload), *scan.shape)
    return scan


@monitor
def preprocess(model: Model, scan: Array) -> list[Array]:
    """The scan cut into squares, one per digit, and each seen from five sides: one array of features per side."""
    side, _ = scan.shape
    images = scan.reshape(side, -1, side).swapaxes(0, 1)
    return [model.features(view) for view in views(images)]


@monitor(attributes={semconv.MODEL_NAME: MODEL_NAME})
async def inference(model: Model, features: list[Array]) -> Array:
    """What the network makes of all views, scored at the same time, on average."""
    trace.get_current_span().set_attribute(semconv.BATCH_SIZE, len(features[0]))
    votes = await asyncio.gather(*(score(model, view) for view in features))
    average: Array = np.mean(votes, axis=0)
    return average


@monitor
async def score(model: Model, view: Array) -> Array:
    """What the network makes of one view, computed in a thread of its own."""
    return await asyncio.to_thread(model.probabilities, view)


@monitor
def postprocess(probabilities: Array) -> list[tuple[int, float]]:
    """For each image the likeliest digit and how sure it is."""
    digits, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
    logger.info("%d digits, %d of them unsure", len(digits), np.count_nonzero(confidences < SURE))
    return list(zip(digits.tolist(), confidences.tolist(), strict=True))


@monitor
def stream(digits: list[tuple[int, float]]) -> Iterator[str]:
    """The answer as server-sent events, one digit at a time."""
    for digit, confidence in digits:
        yield f"data: {json.dumps({'digit': digit, 'confidence': round(confidence, 3)})}\n\n"
