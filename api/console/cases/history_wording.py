"""Entries of the history of a case as the page prints them: the title of an act, and its details."""

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from claims.money import format_cents
from core.format import counted

ACTS: Final[Mapping[str, str]] = {
    "case.open": "Opened",
    "case.add_claims": "Claims added",
    "case.remove_claims": "Claims removed",
    "case.add_providers": "Providers joined the ring",
    "case.assign": "Assigned",
    "case.note": "Note",
    "case.contact": "Contact",
    "case.education": "Education",
    "case.referral": "Referral to an agency",
    "case.add_task": "Task added",
    "case.finish_task": "Task done",
    "case.add_records_request": "Records requested",
    "case.finish_records_request": "Records received",
    "case.add_file": "File added",
    "case.withdraw_file": "File withdrawn",
    "case.infected_file": "Virus found in a file",
    "case.propose_closing": "Closing proposed",
    "case.refuse_closing": "Closing refused",
    "case.close": "Closed",
    "case.reopen": "Reopened",
    "case.write_evidence": "Evidence pack written",
    "sample.draw": "Sample drawn",
    "sample.review": "Sample reviewed",
    "sample.estimate": "Estimate fixed",
    "recoupment.demand": "Overpayment demanded",
    "recoupment.appealed": "Demand appealed",
    "recoupment.reduced": "Demand reduced",
    "recoupment.received": "Money received",
    "recoupment.written_off": "Demand written off",
}
"""Of each act that the history of a case can have."""
_COUNTED: Final[Mapping[str, str]] = {
    "claim_ids": "claim",
    "claims": "claim",
    "provider_ids": "provider",
    "correct_cents": "reviewed claim",
    "findings": "disposition",
    "warnings": "warning",
}
"""What a list, or a value for each id, counts."""
_NAMES: Final[Mapping[str, str]] = {
    "cents": "amount",
    "correct_cents": "reviewed claims",
    "point_cents": "point estimate",
    "lower_cents": "lower bound",
    "pack_sha256": "SHA-256",
    "sha256": "SHA-256",
    "frame_sha256": "SHA-256 of the frame",
    "frame_units": "claims of the frame",
    "size": "size",
    "media_type": "type",
    "on": "day",
}
_AS_STORED: Final = ("_id", "sha256", "seed", "media_type", "signature", "from", "to")
"""Endings of names whose values are ids and the like, in which an underscore is one."""


def act_title(act: str) -> str:
    """The title of an act."""
    return ACTS.get(act, act.rpartition(".")[2].replace("_", " ").capitalize())


def details_text(details: Mapping[str, JsonValue]) -> str:
    """The details of an act in one line; those without a value are left out."""
    return ", ".join(_detail(name, value) for name, value in details.items() if value not in (None, [], {}))


def _detail(name: str, value: JsonValue) -> str:
    noun = _COUNTED.get(name)
    if noun is not None and isinstance(value, list | dict | int):
        return counted(value if isinstance(value, int) else len(value), noun)
    title = _NAMES.get(name, name.removesuffix("_cents").replace("_", " "))
    if name.endswith("cents") and isinstance(value, int):
        return f"{title} {format_cents(value)}"
    if isinstance(value, list | dict):
        return f"{title}: {counted(len(value), 'value')}"
    return f"{title} {value if name.endswith(_AS_STORED) else str(value).replace('_', ' ')}"
