"""What is shipped: known vulnerabilities, the bill of materials, and the wheel."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from benchmarks.supply_chain import audit
from benchmarks.supply_chain.lock import ROOT
from benchmarks.supply_chain.sbom import bill_of_materials
from core.version import __version__

AT = datetime(2026, 11, 28, tzinfo=UTC)
ADVISORY = {
    "id": "GHSA-test",
    "aliases": ["CVE-2026-1"],
    "summary": "test",
    "details": "test",
    "modified": "2026-01-01T00:00:00Z",
    "affected": [
        {
            "package": {"name": "vulnerable", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}],
            "versions": ["1.0"],
        }
    ],
}


class Advisories(BaseHTTPRequestHandler):
    """A source of advisories that knows one, with the API of OSV."""

    status = 200

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = [ADVISORY] if asked["package"]["name"] == "vulnerable" else []
        body = json.dumps({"vulns": known} if known else {}).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def source() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Advisories) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()


def audited(tmp_path: Path, url: str, accepted: str = "", *, requirements: str = "safe==1.0\nvulnerable==1.0\n") -> int:
    (tmp_path / "requirements.txt").write_text(requirements)
    (tmp_path / "accepted.toml").write_text(accepted)
    files = ["--requirements", str(tmp_path / "requirements.txt"), "--accepted", str(tmp_path / "accepted.toml")]
    return audit.main(["--url", url, *files])


def accepting(expires: str, *, package: str = "vulnerable", id_: str = "CVE-2026-1") -> str:
    return f'[[accepted]]\nid = "{id_}"\npackage = "{package}"\nreason = "not used"\nexpires = {expires}\n'


def test_a_known_vulnerability_is_named_with_its_fix(tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str]):
    assert audited(tmp_path, source) == 1
    said = capsys.readouterr().out
    assert said.startswith("vulnerable 1.0: ")
    assert all(one in said for one in ("GHSA-test", "CVE-2026-1", "; update to 2.0"))
    assert "safe" not in said
    assert audited(tmp_path, source, requirements="safe==1.0\n") == 0


@pytest.mark.parametrize(
    ("accepted", "code"),
    [
        (accepting("2999-01-01"), 0),
        (accepting("2999-01-01", id_="GHSA-test"), 0),
        (accepting("2020-01-01"), 1),
        (accepting("2999-01-01", package="safe"), 1),
        (accepting("2999-01-01", id_="CVE-2026-2"), 1),
    ],
)
def test_a_vulnerability_is_accepted_by_its_id_until_a_day(tmp_path: Path, source: str, accepted: str, code: int):
    assert audited(tmp_path, source, accepted) == code


def test_the_last_day_of_an_acceptance_counts():
    found = [audit.Vulnerability("p", "1", ("CVE-1",), ())]
    accepted = [audit.AcceptedVulnerability("CVE-1", "p", "r", date(2026, 11, 28))]
    assert list(audit.problems(found, accepted, date(2026, 11, 28))) == []
    (said,) = audit.problems(found, accepted, date(2026, 11, 29))
    assert "was accepted until 2026-11-28" in said


@pytest.mark.parametrize("missing", ["id", "package", "reason", "expires"])
def test_an_acceptance_without_one_of_its_parts_is_refused(tmp_path: Path, missing: str):
    lines = accepting("2999-01-01").splitlines()
    path = tmp_path / "accepted.toml"
    path.write_text("\n".join(line for line in lines if not line.startswith(missing)))
    with pytest.raises(ValueError, match="each entry needs"):
        audit.read_accepted(path)


def test_the_accepted_vulnerabilities_can_be_read():
    assert all(one.reason for one in audit.read_accepted(audit.ACCEPTED))


def test_without_the_source_it_says_so_and_fails_nothing(
    tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    assert audited(tmp_path, "http://127.0.0.1:9/v1/query") == 0
    assert "NOT CHECKED for known vulnerabilities" in capsys.readouterr().err
    monkeypatch.setattr(Advisories, "status", 503)
    assert audited(tmp_path, source) == 0
    assert "answers with status 503" in capsys.readouterr().err


def test_requirements_that_cannot_be_read_fail(tmp_path: Path, source: str):
    with pytest.raises(RuntimeError, match="pip-audit failed"):
        audited(tmp_path, source, requirements="vulnerable>=1.0\n")


def test_the_bill_of_materials_is_valid_names_what_is_installed_and_is_reproducible():
    bill = bill_of_materials(AT)
    assert bill == bill_of_materials(AT)
    document = json.loads(bill)
    components, validator = document["components"], JsonStrictValidator(SchemaVersion.V1_5)
    # Each address is parsed slowly, and each component compared with every other: two addresses, ten components.
    short = [one | {"externalReferences": one.get("externalReferences", [])[:2]} for one in components]
    for at in range(0, len(short), 10):
        part = json.dumps(document | {"components": short[at : at + 10]})
        assert validator.validate_str(part) is None
    assert validator.validate_str(part.replace('"library"', '"book"')) is not None
    assert len({one["bom-ref"] for one in components}) == len(components)
    assert document["metadata"]["component"]["version"] == __version__
    names = {one["name"] for one in document["components"]}
    assert {"fastapi", "xgboost", "feast", "mlflow"} <= names
    assert not {"pytest", "bandit", "pip-audit"} & names


def test_two_builds_in_two_folders_give_the_same_wheel(tmp_path: Path):
    """Of files with other times and modes, in an order of their own."""
    hashes = []
    rooms = ("api", "claims", "cli", "core", "features", "formats", "models", "pipelines", "serving")
    for number, names in enumerate((rooms, rooms[::-1])):
        folder = tmp_path / f"copy-{number}"
        folder.mkdir()
        for name in (*names, "pyproject.toml", "README.md", "LICENSE"):
            from_, to = ROOT / name, folder / name
            if from_.is_dir():
                shutil.copytree(from_, to, ignore=shutil.ignore_patterns("__pycache__"), copy_function=shutil.copyfile)
            else:
                shutil.copyfile(from_, to)
        os.utime(folder / "api" / "app.py", (number * 10_000_000, number * 10_000_000))
        command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", "dist"]
        environment = os.environ | {"SOURCE_DATE_EPOCH": "1764288000"}
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
        (wheel,) = (folder / "dist").glob("*.whl")
        hashes.append(hashlib.sha256(wheel.read_bytes()).hexdigest())
    assert hashes[0] == hashes[1]
