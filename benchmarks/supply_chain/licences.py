"""`python -m benchmarks.supply_chain.licences`: the licences of what the product installs, against an allow-list.

The packages are those of `uv.lock` for this machine, without development tools; a licence is what the installed package
states, in its metadata or in its classifiers. A licence that is not allowed in `deploy/supply-chain/licences.toml` or
cannot be read fails. What is not installed cannot be read either; it is named, and `make licences` installs it first.
"""

import argparse
import json
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from email.message import Message
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Final, cast

from license_expression import ExpressionError, get_spdx_licensing
from packaging.requirements import Requirement

from benchmarks.supply_chain.lock import ROOT, exported

ALLOWED: Final = ROOT / "deploy/supply-chain/licences.toml"
_SPDX: Final = get_spdx_licensing()
_LONGEST_NAME: Final = 100
_CLASSIFIERS: Final = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}


@dataclass(frozen=True, slots=True)
class LicencePolicy:
    """Which licences the product may install."""

    allowed: frozenset[str]
    """SPDX identifiers."""
    spellings: Mapping[str, str]
    """What packages write instead of an SPDX expression."""
    stated: Mapping[str, str]
    """SPDX expression of packages whose metadata have none, as found in their licence files."""


@dataclass(frozen=True, slots=True)
class PackageLicence:
    """A package of the product and its licence."""

    package: str
    version: str
    expression: str | None
    """In SPDX; None: it cannot be read."""
    found_in: str
    """`expression`, `text` or `classifier` of the metadata, or `stated` in the allow-list."""


def read_policy(path: Path = ALLOWED) -> LicencePolicy:
    """The allow-list of a file. Raises `ValueError` for a licence that SPDX does not have."""
    document = tomllib.loads(path.read_text())
    policy = LicencePolicy(frozenset(document["allowed"]), document["spellings"], document["stated"])
    for one in (*policy.allowed, *policy.spellings.values(), *policy.stated.values()):
        if _valid(one) is None:
            raise ValueError(f"{path.name}: {one} is no SPDX expression")
    return policy


def product_packages() -> list[Requirement]:
    """What the lock installs with all extras on this machine, without the product itself."""
    lines = exported("requirements.txt", "--no-emit-project", "--no-hashes", "--no-default-groups", "--no-annotate")
    found = (
        Requirement(line) for line in lines.splitlines() if line.strip() and not line.startswith(("#", "-e ", "./"))
    )
    return [one for one in found if one.marker is None or one.marker.evaluate()]


def licence_of(package: str, policy: LicencePolicy) -> PackageLicence:
    """The licence of an installed package. Raises `PackageNotFoundError`."""
    stated = cast(Message, metadata(package))  # the protocol of its type has no `get`
    version = str(stated["Version"])
    if package in policy.stated:
        return PackageLicence(package, version, policy.stated[package], "stated")
    texts = (("expression", stated.get("License-Expression")), ("text", stated.get("License")))
    for found_in, text in texts:
        line = (text or "").strip()
        read = _valid(policy.spellings.get(line, line)) if line and len(line) <= _LONGEST_NAME else None
        if read is not None:
            return PackageLicence(package, version, read, found_in)
    classifiers = [one.rpartition(" :: ")[2] for one in stated.get_all("Classifier") or () if one.startswith("License")]
    names = [_CLASSIFIERS.get(one) for one in classifiers if one != "OSI Approved"]
    if names and None not in names:  # one of several is not enough: the text says which of them apply
        return PackageLicence(package, version, " AND ".join(sorted({str(one) for one in names})), "classifier")
    return PackageLicence(package, version, None, "expression")


def is_allowed(expression: str, allowed: frozenset[str]) -> bool:
    """Whether what is allowed fulfils an expression: each licence of an `AND`, and one of an `OR`.

    One that is no SPDX expression, or names a licence that SPDX does not have, is not allowed.
    """
    try:
        tree = _SPDX.parse(expression, validate=True, strict=True)
    except (ExpressionError, ValueError):
        return False
    known = {one: _SPDX.TRUE if str(one) in allowed else _SPDX.FALSE for one in tree.symbols}  # `A WITH B` is one
    return bool(tree.subs(known).simplify() == _SPDX.TRUE)


def problems(found: Sequence[PackageLicence], policy: LicencePolicy) -> Iterator[str]:
    """Each package whose licence is not allowed or cannot be read, with what to do."""
    for one in found:
        name = f"{one.package} {one.version}"
        if one.expression is None:
            yield (
                f"{name}: its metadata have no licence that can be read; state the one of its licence file under "
                f"[stated] of {ALLOWED.relative_to(ROOT)}"
            )
        elif not is_allowed(one.expression, policy.allowed):
            yield f"{name}: {one.expression} is not allowed; replace the package, or allow the licence with a reason"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the licences and write the report; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--report", type=Path, help="Where to write the licences of all packages as JSON.")
    options = parser.parse_args(arguments)
    policy = read_policy()
    found, absent = [], []
    for one in product_packages():
        try:
            found.append(licence_of(_normal(one.name), policy))
        except PackageNotFoundError:
            absent.append(one.name)
    if options.report is not None:
        options.report.parent.mkdir(parents=True, exist_ok=True)
        document = {"packages": [asdict(one) for one in found], "not_installed": absent}
        options.report.write_text(json.dumps(document, indent=1) + "\n")
    if absent:
        print(f"NOT CHECKED: the licences of {', '.join(absent)}, which are not installed", file=sys.stderr)
    wrong = list(problems(found, policy))
    counts = Counter(str(one.expression) for one in found)
    shown = ", ".join(f"{name} {number}" for name, number in counts.most_common(5))
    print("\n".join(wrong) or f"Licences: all {len(found)} packages allowed ({shown}, other {len(counts) - 5})")
    return 1 if wrong else 0


def _valid(text: str) -> str | None:
    try:
        return str(_SPDX.parse(text, validate=True, strict=True))
    except (ExpressionError, ValueError):
        return None


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
