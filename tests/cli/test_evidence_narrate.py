"""`ginja evidence narrate`: the summary of a verified pack."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.evidence import pack_pdf, signed_pack
from claims.evidence import facts_of
from claims.narrative import VerifiedSentence, narrative_facts, verify
from cli.main import main
from core.settings import Settings
from core.signing import signing_key
from tests.claims.evidence_packs import make_pack


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("GINJA_HOME", str(home))
    made = make_pack()
    file = tmp_path / "evp_1.json"
    file.write_bytes(signed_pack(made, pack_pdf(made), signing_key(Settings(home=home))))
    return file


def narrate(*words: str) -> Result:
    return CliRunner().invoke(main, ["evidence", "narrate", *words])


def test_each_sentence_cites_facts_that_entail_it(pack: Path) -> None:
    done = narrate(str(pack), "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    facts = narrative_facts(facts_of(make_pack()))
    assert found["written_by"] == "templates"
    assert found["case_id"] == "cas_1"
    assert found["sentences"]
    for sentence in found["sentences"]:
        assert isinstance(verify(sentence["text"], facts), VerifiedSentence)
        assert sentence["facts"]


def test_the_summary_is_printed_one_sentence_a_line(pack: Path) -> None:
    lines = narrate(str(pack)).output.splitlines()
    assert "The case cas_1 [case.id] concerns the provider H1 [subject.id]." in lines


def test_no_summary_is_written_of_a_changed_pack(pack: Path) -> None:
    pack.write_bytes(pack.read_bytes().replace(b"Special Investigations Unit", b"Special Investigations unit"))
    done = narrate(str(pack))
    assert done.exit_code != 0
    assert "section referrer was changed" in done.output
    assert "The case" not in done.output


def test_a_draft_needs_an_endpoint(pack: Path) -> None:
    done = narrate(str(pack), "--draft")
    assert done.exit_code != 0
    assert "GINJA_NARRATIVE_URL" in done.output
