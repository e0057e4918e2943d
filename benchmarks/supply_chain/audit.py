"""`python -m benchmarks.supply_chain.audit`: known vulnerabilities of what `uv.lock` names, by pip-audit and OSV.

Where the source of advisories cannot be reached, it says so and ends with 0: a machine without the internet checks the
rest. A vulnerability ends it with 1 unless it is accepted in `deploy/supply-chain/accepted-vulnerabilities.toml`, with
a reason and the last day on which that holds.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import httpx

from benchmarks.supply_chain.lock import ROOT, exported

OSV: Final = "https://api.osv.dev/v1/query"
ACCEPTED: Final = ROOT / "deploy/supply-chain/accepted-vulnerabilities.toml"
_PROBE_S: Final = 5.0
_WITHIN_S: Final = 45


class AdvisoriesUnavailable(Exception):
    """The source of advisories cannot be reached, or does not answer in time; the message says why."""


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """An advisory about a package of the lock."""

    package: str
    version: str
    ids: tuple[str, ...]
    """Its id, then the others under which it is known."""
    fixed_in: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AcceptedVulnerability:
    """A vulnerability that does not concern the platform, or cannot be fixed yet."""

    id: str
    package: str
    reason: str
    expires: date
    """The last day on which it is accepted."""


def read_accepted(path: Path) -> list[AcceptedVulnerability]:
    """The accepted vulnerabilities of a file; raises `ValueError` for one without id, package, reason and day."""
    found = []
    for entry in tomllib.loads(path.read_text()).get("accepted", []):
        one = AcceptedVulnerability(*(entry.get(name, "") for name in ("id", "package", "reason", "expires")))
        if not (one.id and one.package and str(one.reason).strip() and type(one.expires) is date):
            raise ValueError(f"{path.name}: each entry needs id, package, reason, and expires as a date: {entry}")
        found.append(one)
    return found


def vulnerabilities(requirements: Path, *, url: str, within_s: float) -> list[Vulnerability]:
    """What is known of pinned requirements. Raises `AdvisoriesUnavailable`, `RuntimeError` where pip-audit fails."""
    probe(url)
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(requirements), "--no-deps", "--disable-pip"]
    command += ["--vulnerability-service", "osv", "--osv-url", url, "--format", "json", "--progress-spinner", "off"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=within_s, check=False)
    except subprocess.TimeoutExpired:
        raise AdvisoriesUnavailable(f"{url} did not answer about every package within {within_s:.0f} s") from None
    try:
        document = json.loads(done.stdout)
    except ValueError:
        probe(url)
        raise RuntimeError(f"pip-audit failed: {done.stderr.strip()[-500:]}") from None
    return list(_read(document["dependencies"]))


def probe(url: str) -> None:
    """Raises `AdvisoriesUnavailable` where the source does not answer."""
    question = {"package": {"name": "pip", "ecosystem": "PyPI"}, "version": "26.0"}
    try:
        status = httpx.post(url, json=question, timeout=_PROBE_S).status_code
    except httpx.HTTPError as error:
        raise AdvisoriesUnavailable(f"{url} cannot be reached: {error}") from None
    if status != httpx.codes.OK:
        raise AdvisoriesUnavailable(f"{url} answers with status {status}")


def problems(found: Sequence[Vulnerability], accepted: Sequence[AcceptedVulnerability], today: date) -> Iterator[str]:
    """Each vulnerability that is not accepted on a day, with what to do."""
    for one in found:
        matching = [other for other in accepted if other.id in one.ids and other.package == one.package]
        fix = f"update to {one.fixed_in[0]}" if one.fixed_in else "no version fixes it yet: replace the package"
        name = f"{one.package} {one.version}: {', '.join(one.ids)}"
        if not matching:
            yield f"{name}; {fix}, or accept it in {ACCEPTED.relative_to(ROOT)} with a reason and a day"
        elif all(other.expires < today for other in matching):
            yield f"{name}; was accepted until {max(other.expires for other in matching)}: {fix}, or renew it"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the lock; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", default=OSV, help="Source of advisories, with the API of OSV.")
    parser.add_argument("--within", type=int, default=_WITHIN_S, metavar="SECONDS", help="Most time for all packages.")
    parser.add_argument("--requirements", type=Path, help="Pinned requirements instead of those of uv.lock.")
    parser.add_argument("--accepted", type=Path, default=ACCEPTED, help="File of accepted vulnerabilities.")
    options = parser.parse_args(arguments)
    accepted = read_accepted(options.accepted)
    with tempfile.TemporaryDirectory() as folder:
        requirements = options.requirements
        if requirements is None:
            requirements = Path(folder) / "requirements.txt"
            requirements.write_text(exported("requirements.txt", "--no-emit-project", "--no-hashes"))
        try:
            found = vulnerabilities(requirements, url=options.url, within_s=options.within)
        except AdvisoriesUnavailable as error:
            print(f"NOT CHECKED for known vulnerabilities: {error}. `make audit` tries again.", file=sys.stderr)
            return 0
    wrong = list(problems(found, accepted, datetime.now(UTC).date()))
    print("\n".join(wrong) or f"Known vulnerabilities: none that is not accepted ({len(found)} accepted)")
    return 1 if wrong else 0


def _read(dependencies: Sequence[dict[str, object]]) -> Iterator[Vulnerability]:
    for one in dependencies:
        advisories = one.get("vulns", [])
        assert isinstance(advisories, list)
        for advisory in advisories:
            ids = (advisory["id"], *advisory.get("aliases", ()))
            yield Vulnerability(str(one["name"]), str(one["version"]), ids, tuple(advisory.get("fix_versions", ())))


if __name__ == "__main__":
    sys.exit(main())
