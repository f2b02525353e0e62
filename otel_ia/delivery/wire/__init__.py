"""OTLP messages, written by hand: nothing of protobuf's own runs where a span ends."""
