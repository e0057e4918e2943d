"""The search for secrets: it finds those of each form, without keeping them, and accepts with a reason alone."""

import hashlib
from pathlib import Path

import pytest

from benchmarks.supply_chain.secret_scan import FoundSecret, problems, read_accepted, secrets_in

# Put together here, so that this file has none itself.
SECRETS = {
    "AWS Access Key": "AKIA" + "IOSFODNN7ABCDEFG",
    "GitHub Token": "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8",
    "Private Key": "-----BEGIN RSA " + "PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEA" * 4,
    "Slack Token": "xoxb-" + "123456789012-123456789012-abcdefghijklmnopqrstuvwx",
    "Basic Auth Credentials": "postgresql://admin:" + "Zx81kQ7pLm@db.example/claims",
}


@pytest.mark.parametrize("form", SECRETS)
def test_a_secret_is_found_with_its_place_and_not_kept(form: str, tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text(f'first = 1\nvalue = "{SECRETS[form]}"\n')
    found = secrets_in(tmp_path, ["settings.py"])
    assert [(one.file, one.line, one.form) for one in found] == [("settings.py", 2, form)]
    assert all(len(one.sha256) == 64 for one in found)
    assert SECRETS[form] not in str(found)


def test_wording_about_secrets_is_none(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text('url = f"redis://:{password}@{host}"\nsecret = settings.token\n')
    assert secrets_in(tmp_path, ["code.py"]) == []


def test_a_secret_is_accepted_in_its_file_alone() -> None:
    one = FoundSecret("a.py", 3, "AWS Access Key", hashlib.sha256(b"x").hexdigest())
    assert list(problems([one], {("a.py", one.sha256): "an example"})) == []
    refused = list(problems([one], {("b.py", one.sha256): "an example"}))
    assert refused[0].startswith("a.py:3: AWS Access Key; remove it")
    assert "remove the entry" in refused[1]


@pytest.mark.parametrize("missing", ["file", "sha256", "reason"])
def test_an_entry_without_a_reason_is_refused(missing: str, tmp_path: Path) -> None:
    entry = {"file": "a.py", "sha256": "00", "reason": "an example"} | {missing: ""}
    lines = [f'{name} = "{value}"' for name, value in entry.items()]
    (tmp_path / "accepted.toml").write_text("\n".join(["[[accepted]]", *lines]))
    with pytest.raises(ValueError, match="needs file, sha256 and reason"):
        read_accepted(tmp_path / "accepted.toml")
