"""`python -m benchmarks.supply_chain.secret_scan`: secrets in the files of the repository, by their form; asks nobody.

The forms are those of keys, tokens and private keys of providers, and passwords in URLs. What is found and is no secret
is accepted in `deploy/supply-chain/accepted-secrets.toml` with its file, its SHA-256 and a reason.
"""

import argparse
import hashlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import transient_settings

from benchmarks.supply_chain.lock import ROOT

ACCEPTED: Final = ROOT / "deploy/supply-chain/accepted-secrets.toml"
FORMS: Final = (
    "AWSKeyDetector",
    "ArtifactoryDetector",
    "AzureStorageKeyDetector",
    "BasicAuthDetector",
    "DiscordBotTokenDetector",
    "GitHubTokenDetector",
    "IbmCloudIamDetector",
    "JwtTokenDetector",
    "MailchimpDetector",
    "NpmDetector",
    "SendGridDetector",
    "SlackDetector",
    "SquareOAuthDetector",
    "StripeDetector",
    "TwilioKeyDetector",
)
"""Detectors of detect-secrets. Those of high entropy and of names are left out: they report hashes and wording."""
_PRIVATE_KEY: Final = re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----\s*[A-Za-z0-9+/=]{32,}")
"""In PEM. The detector of detect-secrets reads line by line, and a key begins on the line after this one."""
_FILTERS: Final = ("heuristic.is_templated_secret", "heuristic.is_indirect_reference")


@dataclass(frozen=True, slots=True)
class FoundSecret:
    """A text in the form of a secret."""

    file: str
    line: int
    form: str
    sha256: str
    """Of the text, which is not kept."""


def read_accepted(path: Path) -> dict[tuple[str, str], str]:
    """Reasons of what is no secret, by file and SHA-256; raises `ValueError` for an entry without one of them."""
    found: dict[tuple[str, str], str] = {}
    for entry in tomllib.loads(path.read_text()).get("accepted", []):
        file, sha256, reason = (str(entry.get(name, "")).strip() for name in ("file", "sha256", "reason"))
        if not (file and sha256 and reason):
            raise ValueError(f"{path.name}: each entry needs file, sha256 and reason: {entry}")
        found[file, sha256] = reason
    return found


def secrets_in(root: Path, files: Sequence[str]) -> list[FoundSecret]:
    """What has the form of a secret in files below `root`, by file and line."""
    found = SecretsCollection(root=str(root))
    forms = [{"name": name} for name in FORMS]
    filters = [{"path": f"detect_secrets.filters.{name}"} for name in _FILTERS]
    with transient_settings({"plugins_used": forms, "filters_used": filters}):
        found.scan_files(*files)
    of_line = [(file, one.line_number, one.type, str(one.secret_value)) for file, one in found]
    return sorted(
        (
            FoundSecret(file, line, form, hashlib.sha256(secret.encode()).hexdigest())
            for file, line, form, secret in (*of_line, *_private_keys(root, files))
        ),
        key=lambda one: (one.file, one.line, one.form),
    )


def _private_keys(root: Path, files: Sequence[str]) -> Iterator[tuple[str, int, str, str]]:
    for file in files:
        text = (root / file).read_bytes().decode("latin-1")
        for one in _PRIVATE_KEY.finditer(text):
            yield file, text.count("\n", 0, one.start()) + 1, "Private Key", one[0]


def problems(found: Sequence[FoundSecret], accepted: dict[tuple[str, str], str]) -> Iterator[str]:
    """Each secret that is not accepted, and each entry that accepts nothing, with what to do."""
    for one in found:
        if (one.file, one.sha256) not in accepted:
            yield (
                f"{one.file}:{one.line}: {one.form}; remove it and revoke it where it is valid, or accept it in "
                f"{ACCEPTED.relative_to(ROOT)} with sha256 {one.sha256}"
            )
    for file, sha256 in accepted.keys() - {(one.file, one.sha256) for one in found}:
        yield f"{ACCEPTED.relative_to(ROOT)}: {sha256[:12]} is not in {file}; remove the entry"


def repository_files() -> list[str]:
    """The files of the checkout that git tracks or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [name for name in listed if name and (ROOT / name).is_file()]


def main(arguments: Sequence[str] | None = None) -> int:
    """Scan the repository; returns the exit code."""
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args(arguments)
    files, accepted = repository_files(), read_accepted(ACCEPTED)
    wrong = list(problems(secrets_in(ROOT, files), accepted))
    print("\n".join(wrong) or f"Secrets: none in {len(files)} files ({len(accepted)} texts accepted that are none)")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
