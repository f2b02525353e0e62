"""`otel-ia demo`: a small model learns to read handwritten digits and serves requests, every stage under `monitor`.

Read `training` and `serving` first: they are written as one would write them anywhere.
"""

from otel_ia.tools.demo.command import add_arguments, run

__all__ = ["add_arguments", "run"]
