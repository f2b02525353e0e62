"""Spans, scopes and resources of the SDK without their secrets."""

from collections.abc import Mapping
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util import BoundedList
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, Status

from otel_ia import semconv
from otel_ia.delivery.wire.requests import encode_resource, encode_scope
from otel_ia.redaction import Redactor


def redacted_scope(scope: InstrumentationScope | None, redactor: Redactor | None) -> bytes:
    """The scope as the spool keeps it; who names a logger or tracer may put anything there."""
    if scope is None:
        return encode_scope()
    name, version, attributes = scope.name, scope.version, scope.attributes
    if redactor is not None:
        name = redactor.redact_text(name)
        version = redactor.redact_text(version) if version else version
        attributes = redactor.redact_attributes(attributes) if attributes else attributes  # type: ignore[assignment]
    return encode_scope(name, version, attributes, scope.schema_url)


def redacted_resource(resource: Resource, redactor: Redactor | None) -> bytes:
    """The resource as the spool keeps it."""
    return encode_resource(resource if redactor is None else redact_resource(resource, redactor))


def redact_resource(resource: Resource, redactor: Redactor) -> Resource:
    """The resource without secrets: a command line among its attributes may hold a password.

    The service's name stays: by it the next process finds what is its own.
    """
    name = {key: value for key, value in resource.attributes.items() if key == semconv.SERVICE_NAME}
    others = {key: value for key, value in resource.attributes.items() if key not in name}
    attributes: Any = {**name, **redactor.redact_attributes(others)}
    return Resource(attributes, resource.schema_url)


def redacted_span(span: ReadableSpan, redactor: Redactor) -> ReadableSpan:
    """The span, ended or open, as it may be kept; the same object where it holds no secret."""
    name = redactor.redact_text(span.name)
    attributes = _redacted(span.attributes, span.dropped_attributes, redactor)
    events = [_redacted_event(event, redactor) for event in span.events]
    links = [_redacted_link(link, redactor) for link in span.links]
    status = span.status
    if status.description:
        description = redactor.redact_text(status.description)
        status = status if description is status.description else Status(status.status_code, description)
    if name is span.name and attributes is None and status is span.status and not (any(events) or any(links)):
        return span
    return ReadableSpan(
        name=name,
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes=attributes
        if attributes is not None
        else _bounded(dict(span.attributes or {}), span.dropped_attributes),
        events=_counted([new or old for new, old in zip(events, span.events, strict=False)], span.dropped_events),
        links=_counted([new or old for new, old in zip(links, span.links, strict=False)], span.dropped_links),
        kind=span.kind,
        status=status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _redacted(given: Mapping[str, Any] | None, dropped: int, redactor: Redactor) -> BoundedAttributes | None:
    """The attributes without their secrets; None where they hold none."""
    if not given:
        return None
    redacted: Mapping[str, Any] = redactor.redact_attributes(given)
    return None if redacted is given else _bounded(redacted, dropped)


def _bounded(attributes: Mapping[str, Any], dropped: int) -> BoundedAttributes:
    bounded = BoundedAttributes(None, attributes, immutable=True)
    bounded.dropped = dropped
    return bounded


def _counted(items: list[Any], dropped: int) -> Any:
    counted = BoundedList.from_seq(None, items)
    counted.dropped = dropped
    return counted


def _redacted_event(event: Event, redactor: Redactor) -> Event | None:
    name = redactor.redact_text(event.name)
    attributes = _redacted(event.attributes, event.dropped_attributes, redactor)
    if name is event.name and attributes is None:
        return None
    if attributes is None:
        attributes = _bounded(dict(event.attributes or {}), event.dropped_attributes)
    return Event(name, attributes, event.timestamp)


def _redacted_link(link: Link, redactor: Redactor) -> Link | None:
    attributes = _redacted(link.attributes, link.dropped_attributes, redactor)
    return None if attributes is None else Link(link.context, attributes)
