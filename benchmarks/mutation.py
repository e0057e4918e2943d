"""Mutation testing: the share of small faults, put into the rules one at a time, that the tests find.

`make mutation` runs it; [tool.mutmut] in pyproject.toml names the packages and their tests. The last line printed is
JSON. Exit code 1 when the score is below `MIN_SCORE`.
"""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from benchmarks.volatile import forgo_durability
from core import servers
from core.settings import Settings
from core.supervision import StopSignals

MIN_SCORE: Final = 0.85
PACKAGES: Final = ("api/identity", "claims", "pipelines/promote")
KILLED: Final = frozenset({"killed", "timeout"})
"""Every other status counts as survived: a mutant without tests, one not checked, a crash of the interpreter."""

_MUTANTS = Path("mutants")
_MUTMUT = [str(Path(sys.executable).with_name("mutmut"))]


@dataclass(frozen=True, slots=True)
class MutationScore:
    """Of some mutants."""

    score: float
    """Share that was killed; 0 without mutants."""
    killed: int
    survived: int


@dataclass(frozen=True, slots=True)
class MutationFigures:
    """Of all mutants, and by package."""

    score: float
    killed: int
    survived: int
    packages: Mapping[str, MutationScore]


def figures(results: Mapping[str, str]) -> MutationFigures:
    """Score, killed and survived mutants, overall and by package, from the status of each mutant by its name."""
    counts = {package: Counter[bool]() for package in PACKAGES}
    for name, status in results.items():
        package = next(package for package in PACKAGES if name.startswith(package.replace("/", ".") + "."))
        counts[package][status in KILLED] += 1
    by_package = {package: _score(count) for package, count in counts.items()}
    total = _score(sum(counts.values(), Counter[bool]()))
    return MutationFigures(total.score, total.killed, total.survived, by_package)


def _score(count: Counter[bool]) -> MutationScore:
    total = count.total()
    return MutationScore(round(count[True] / total, 4) if total else 0.0, count[True], count[False])


def _statuses() -> dict[str, str]:
    listed = subprocess.run([*_MUTMUT, "results", "--all", "true"], check=True, capture_output=True, text=True)
    lines = (line.strip().rpartition(": ") for line in listed.stdout.splitlines() if ": " in line)
    return {name: status for name, _, status in lines}


def main() -> int:
    """Run every mutant against one Postgres that serves all of them, and print the figures.

    Arguments are those of `mutmut run`, such as `"claims.money*"`: then the other mutants keep their last result.
    """
    if not sys.argv[1:]:
        shutil.rmtree(_MUTANTS, ignore_errors=True)
    with StopSignals(), servers.temporary_home("ginja-mutation-") as home:
        database_url = servers.postgres_url(Settings(home=home))
        forgo_durability(home)
        environment = os.environ | {"GINJA_DATABASE_URL": database_url, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        subprocess.run([*_MUTMUT, "run", *sys.argv[1:]], check=True, env=environment)
    done = figures(_statuses())
    print(json.dumps(asdict(done)))
    return 0 if done.score >= MIN_SCORE else 1


if __name__ == "__main__":
    sys.exit(main())
