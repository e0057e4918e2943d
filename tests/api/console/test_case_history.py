"""The history of a case in words: every act has a title, and no detail is printed as code."""

import re
from pathlib import Path

import pytest
from pydantic import JsonValue

import api
from api.cases import CaseNoteKind
from api.console.cases.history_wording import ACTS, act_title, details_text
from api.samples import EntryKind

API = Path(api.__file__).parent


def recorded_acts() -> set[str]:
    """Every act that some service adds to the history of a case, by its source."""
    source = "\n".join(path.read_text() for path in API.rglob("*.py"))
    acts = set(re.findall(r'add_event\([^()]*?"((?:case|sample|recoupment)\.[a-z_]+)"', source))
    named = r'^_?[A-Z]+: Final = "(case\.(?:propose_closing|write_evidence|infected_file))"'
    acts |= set(re.findall(named, source, re.MULTILINE))
    acts |= {f"case.{kind.value}" for kind in CaseNoteKind}
    return acts | {f"recoupment.{kind.value}" for kind in EntryKind if kind is not EntryKind.DEMANDED}


def test_every_act_has_a_title() -> None:
    acts = recorded_acts()
    assert len(acts) > 20
    assert acts - ACTS.keys() == set()


def test_an_act_of_a_later_release_has_a_readable_title() -> None:
    assert act_title("case.send_by_fax") == "Send by fax"


@pytest.mark.parametrize(
    ("details", "text"),
    [
        ({"claim_ids": ["clm_1"]}, "1 claim"),
        ({"cents": 577696, "claims": {"clm_1": 32139, "clm_2": 545557}}, "amount 5776.96, 2 claims"),
        ({"sample_id": "smp_01m8", "correct_cents": {"clm_1": 0}}, "sample id smp_01m8, 1 reviewed claim"),
        ({"pack_id": "evp_01", "pack_sha256": "ab_c", "claims": 2}, "pack id evp_01, SHA-256 ab_c, 2 claims"),
        ({"disposition": "substantiated_fraud", "loss_cents": 100}, "disposition substantiated fraud, loss 1.00"),
        ({"warnings": ["few_errors", "skewed"]}, "2 warnings"),
        ({"from": None, "to": "usr_01m8"}, "to usr_01m8"),
        ({"others": {"a": {"b": 1}}}, "others: 1 value"),
        ({"claims": {}, "warnings": [], "note": None}, ""),
    ],
)
def test_details_are_words_and_amounts(details: dict[str, JsonValue], text: str) -> None:
    assert details_text(details) == text
