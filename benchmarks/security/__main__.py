"""Attack a running platform and count what it blocks; exit 1 if an attempt was not blocked."""

import argparse
import json
import sys

from rich.console import Console

from benchmarks.security.run import run


def main() -> int:
    """Exit status: 0 if every attempt was blocked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.security", description=__doc__)
    parser.add_argument("--json", action="store_true", help="figures as one line of JSON")
    options = parser.parse_args()
    figures = run(lambda text: print(text, file=sys.stderr))
    if options.json:
        print(json.dumps(figures.as_json()))
    else:
        console = Console()
        console.print(figures.table())
        for attempt in figures.open:
            console.print(f"not blocked: {attempt.attack.value}: {attempt.name}: {attempt.observed}", markup=False)
    return 1 if figures.open else 0


if __name__ == "__main__":
    sys.exit(main())
