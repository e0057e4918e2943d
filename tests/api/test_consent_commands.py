"""Consents from files: each line is recorded once or reported with its field, what is allowed and what to do."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from tests.api.consents import DOCUMENT, RESEARCH, said
from tests.api.makers import Api

HEAD = "member_id,purpose,kind,scope,first_day,last_day,document_sha256,document_place\n"
SIGNED = ",".join(DOCUMENT.values())


async def command(api: Api, home: Path, *words: str) -> Result:
    env = {"GINJA_DATABASE_URL": api.url, "GINJA_HOME": str(home)}
    return await asyncio.to_thread(CliRunner().invoke, main, ["data", "consents", *words], env=env)


async def test_a_file_is_recorded_once_and_lines_that_cannot_be_are_reported(api: Api, tmp_path: Path):
    file = tmp_path / "consents.csv"
    file.write_text(
        HEAD
        + f"M123,HRESCH,granted,claims,2026-01-01,2028-12-31,{SIGNED}\n"
        + "M124,MODELTRAIN,objected,,2026-01-01,,,\n"
        + "M125,TREAT,granted,,2026-01-01,,,\n"
        + f"M999,HRESCH,granted,,2026-01-01,,{SIGNED}\n"
        + f"M124,HRESCH,agreed,,01/02/2026,,{SIGNED}\n"
    )
    for recorded, again in ((2, 0), (0, 2)):
        done = await command(api, tmp_path, "import", str(file), "--by", "ann", "--json")
        assert done.exit_code == 3, done.output
        found = json.loads(done.stdout)
        assert (found["recorded"], found["recorded_before"]) == (recorded, again)
        assert [(one["line"], one["field"]) for one in found["rejected"]] == [
            (4, "purpose"),
            (4, "document_sha256"),
            (5, "member_id"),
            (6, "first_day"),
            (6, "kind"),
        ]
        assert "must be one of granted, objected" in found["rejected"][-1]["reason"]
    assert api.rows("SELECT count(*) FROM consents") == [(2,)]
    assert api.rows("SELECT DISTINCT name FROM audit_log WHERE act = 'consent.record'") == [("ann",)]


async def test_a_file_with_other_columns_is_refused_as_a_whole(api: Api, tmp_path: Path):
    file = tmp_path / "consents.csv"
    file.write_text("member,purpose,kind\nM123,HRESCH,granted\n")
    refused = await command(api, tmp_path, "import", str(file))
    assert (refused.exit_code, api.count("consents")) == (2, 0)
    assert "missing: member_id" in " ".join(refused.output.split())


@pytest.mark.parametrize(
    ("line", "reason"),
    [(b"M124,MODELTRAIN,objected,\xff,,,,\n", "is not text in UTF-8"), (b'M124,"MODEL"TRAIN,objected\n', "is no CSV")],
)
async def test_a_file_that_is_no_csv_is_refused_before_a_line_is_recorded(
    api: Api, tmp_path: Path, line: bytes, reason: str
):
    file = tmp_path / "consents.csv"
    file.write_bytes(HEAD.encode() + b"M123,MODELTRAIN,objected,,2026-01-01,,,\n" + line)
    refused = await command(api, tmp_path, "import", str(file))
    assert (refused.exit_code, api.count("consents")) == (2, 0), refused.output
    assert reason in " ".join(refused.output.split())


async def test_a_line_with_a_surplus_value_or_an_id_that_none_has_is_reported_and_the_others_recorded(
    api: Api, tmp_path: Path
):
    file = tmp_path / "consents.csv"
    file.write_text(
        HEAD
        + "M\x00123,MODELTRAIN,objected,,2026-01-01,,,\n"
        + "M124,MODELTRAIN,objected,,2026-01-01,,,,surplus\n"
        + "M123,MODELTRAIN,objected,,2026-01-01,,,\n"
    )
    done = await command(api, tmp_path, "import", str(file), "--json")
    assert done.exit_code == 3, done.output
    found = json.loads(done.stdout)
    assert (found["recorded"], [(one["line"], one["field"]) for one in found["rejected"]]) == (
        1,
        [(2, "member_id"), (3, "row")],
    )


async def test_consents_are_listed_and_withdrawn(api: Api, tmp_path: Path):
    made = await said(api, RESEARCH)
    withdrawn = await command(api, tmp_path, "withdraw", "M123", made["consent_id"], "--by", "ann", "--json")
    assert (withdrawn.exit_code, json.loads(withdrawn.stdout)["state"]) == (0, "withdrawn")
    listed = json.loads((await command(api, tmp_path, "list", "M123", "--json")).stdout)["consents"]
    assert [(one["consent_id"], one["state"]) for one in listed] == [(made["consent_id"], "withdrawn")]
    assert made["consent_id"][:8] in (await command(api, tmp_path, "list", "M123")).output


async def test_one_consent_is_recorded_once_and_an_objection_without_a_document(api: Api, tmp_path: Path):
    signed = ("--document-sha256", DOCUMENT["document_sha256"], "--document-place", DOCUMENT["document_place"])
    for is_new in (True, False):
        words = ("record", "M123", "HRESCH", "--scope", "claims", "--last-day", "2099-12-31", *signed)
        done = await command(api, tmp_path, *words, "--by", "ann", "--json")
        assert done.exit_code == 0, done.output
        found = json.loads(done.stdout)
        assert (found["is_new"], found["state"], found["scope"]) == (is_new, "granted", "claims")
    done = await command(api, tmp_path, "record", "M123", "MODELTRAIN", "--by", "ann")
    assert (done.exit_code, "MODELTRAIN objected" in done.output) == (0, True)
    assert api.rows("SELECT kind FROM consents ORDER BY recorded_at") == [("granted",), ("objected",)]
    assert api.rows("SELECT DISTINCT name FROM audit_log WHERE act = 'consent.record'") == [("ann",)]


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("M123", "TREAT"), "purpose"),
        (("M123", "HRESCH"), "document_sha256"),
        (("M123", "MODELTRAIN", "--first-day", "yesterday"), "first_day"),
        (("M999", "MODELTRAIN"), "member not found"),
    ],
)
async def test_a_record_that_cannot_be_is_refused_with_its_field(
    api: Api, tmp_path: Path, words: tuple[str, ...], field: str
):
    refused = await command(api, tmp_path, "record", *words)
    assert (refused.exit_code != 0, field in " ".join(refused.output.split()), api.count("consents")) == (True, True, 0)
