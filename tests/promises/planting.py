"""A program that puts secrets into every place that takes a text, and leaves while a call is open.

Its arguments are the endpoint, a file with the texts that carry secrets, as JSON, and an empty folder.
"""

import itertools
import json
import logging
import os
import sys
from pathlib import Path

from opentelemetry import trace
from opentelemetry.trace import Link, SpanContext, StatusCode

import otel_ia
from otel_ia import monitor

endpoint, texts, folder = sys.argv[1], json.loads(Path(sys.argv[2]).read_text()), Path(sys.argv[3])
telemetry = otel_ia.configure(service_name="promised", endpoint=endpoint)
logger = logging.getLogger("app")
logging.root.setLevel("INFO")
logging.root.addHandler(logging.NullHandler())
CONTEXT = SpanContext(1, 2, is_remote=False)
tries = itertools.count()


def put_into_attributes(text):
    with monitor("attributes", attributes={"fixed": text, text: 1}) as span:
        span.set_attribute("text", text)
        span.set_attribute("list", [1, text])
        span.set_attribute("mapping", {"inner": {"innermost": [text]}, text: 1})
        span.set_attribute("octets", text.encode())
        span.set_attribute("object", ValueError(text))
        span.set_attribute(text, 1)
        span.set_attribute("try", next(tries))


def put_into_events_and_links(text):
    tracer = trace.get_tracer(f"library {text}", attributes={"value": text})
    with tracer.start_as_current_span("links", links=[Link(CONTEXT, {"text": text, text: 1})]) as span:
        span.add_event("event", {"text": text, text: 1})
        span.add_event(text)
        span.add_link(CONTEXT, {"text": [text]})
        span.set_status(StatusCode.ERROR, text)
        span.set_attribute("try", next(tries))


def put_into_names(text):
    with monitor(text) as span:
        span.set_attribute("try", next(tries))
    with monitor("updated") as span:
        span.update_name(text)
        span.set_attribute("try", next(tries))


def put_into_exceptions(text):
    # a stack trace shows lines of source
    file = folder / f"raising{next(tries)}.py"
    file.write_text(f"def fail(number):\n    raise KeyError({text!r}, number)\n", encoding="utf-8")
    space = {}
    exec(compile(file.read_text(), file, "exec"), space)

    @monitor
    def call(number):
        try:
            space["fail"](number)
        except KeyError as error:
            error.add_note(text)
            raise ExceptionGroup(text, [error, ValueError(text)]) from RuntimeError(text)

    try:
        call(1)
    except ExceptionGroup:
        logger.exception("failed")
    with monitor("recorded") as span:
        span.record_exception(OSError(5, text, text), {"text": text})
        span.set_attribute("try", next(tries))


def put_into_logs(text):
    logger.info(text)
    logger.info("got %s", text, extra={"text": text, "mapping": {"inner": text}})
    logging.getLogger(text).info({"value": text})


for text in texts:
    for put in (put_into_attributes, put_into_events_and_links, put_into_names, put_into_exceptions, put_into_logs):
        put(text)
for text in texts:
    monitor(text, attributes={"text": text}).__enter__()
    trace.get_tracer("app").start_span("open", attributes={"text": text})
print(next(tries))
sys.stdout.flush()
os._exit(0)
