"""Every test here needs the library that makes the calls' spans."""

import pytest

pytest.importorskip("opentelemetry.util.genai.handler", reason="otel_ia[genai] has it")
