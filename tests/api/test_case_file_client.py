"""Files of cases through both Python clients."""

import hashlib

import pytest

from tests.api.case_files import CSV
from tests.api.running_client import KINDS, serving


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_added_listed_and_read_by_a_client(seeded_url: str, kind: str):
    with serving(seeded_url) as running, running.either(kind) as ginja:
        case = ginja.open_case({"subject_kind": "provider", "subject_id": "H456", "detection": "manual"})
        made = ginja.add_case_file(
            case["case_id"], "Größe.csv", CSV, obtained_from="Example Clinic", obtained_on="2026-03-02"
        )
        assert (made["name"], made["sha256"]) == ("Größe.csv", hashlib.sha256(CSV).hexdigest())
        assert [one["file_id"] for one in ginja.list_case_files(case["case_id"])["files"]] == [made["file_id"]]
        assert ginja.get_case_file_content(case["case_id"], made["file_id"]) == CSV
        withdrawn = ginja.withdraw_case_file(case["case_id"], made["file_id"], {"reason": "Of another provider."})
        assert withdrawn["withdrawal"]["reason"] == "Of another provider."
