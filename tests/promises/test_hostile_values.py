"""Whatever a program hands over, wherever: its calls are untouched, and all it recorded arrives."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from receiver import Receiver, plain

FIRST = re.compile(r"first of (\d+)")


def test_every_hostile_value_in_every_place_arrives_with_all_beside_it(receiver: Receiver) -> None:
    program = [sys.executable, "-W", "error", str(Path(__file__).parent / "hostile.py"), receiver.endpoint]
    done = subprocess.run(program, capture_output=True, text=True, timeout=240, check=False)
    assert (done.stderr, done.returncode) == ("", 0), done.stdout
    assert done.stdout.count("\n") == 1, done.stdout
    values, tries, fate = done.stdout.split(maxsplit=2)
    assert fate == "{} 0\n"
    arrived = Counter(plain(span.attributes).get("try") for span in receiver.spans)
    # three log records of each value, of which the first is a try
    assert len(receiver.logs) == 3 * int(values)
    logged = {int(found[1]) for record in receiver.logs if (found := FIRST.fullmatch(record.body.string_value))}
    assert len(logged) == int(values)
    assert arrived == dict.fromkeys(set(range(int(tries))) - logged, 1)
