"""Frames that the server refuses for good, kept for a person to look at."""

import os
from collections.abc import Iterable
from pathlib import Path

from otel_ia.delivery.spooling import directory as folder
from otel_ia.delivery.spooling.frames import SCOPE, encode_frame
from otel_ia.delivery.spooling.header import Header, encode_header


def keep_refused(directory: Path, header: Header, *, kind: int, payload: bytes, scopes: Iterable[bytes]) -> None:
    """Adds a frame to the `.refused` file beside the segment it was read from, which has the form of a segment.

    Raises OSError when the directory cannot be written.
    """
    name = folder.file_name(created=header.created, instance=header.instance, sequence=header.sequence)
    content = encode_frame(kind, payload)
    with folder.opened(directory, create=True) as opened:
        descriptor = folder.open_file(opened, f"{name}{folder.REFUSED}", os.O_WRONLY | os.O_APPEND)
        if descriptor is None:
            descriptor = folder.create_file(opened, f"{name}{folder.REFUSED}")
            content = b"".join((encode_header(header), *(encode_frame(SCOPE, scope) for scope in scopes), content))
        try:
            os.write(descriptor, content)
        finally:
            os.close(descriptor)
