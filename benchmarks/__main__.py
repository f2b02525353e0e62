"""Every benchmark in turn: `python -m benchmarks`."""

import sys

from benchmarks import calls, encoding, redaction


def main() -> int:
    for benchmark in (calls, encoding, redaction):
        heading = (benchmark.__doc__ or "").splitlines()[0]
        sys.stdout.write(f"\n{heading}\n\n")
        benchmark.main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
