"""The examiner's file from what was collected: its sections, and the files of its folder."""

import json
from typing import Final

from cli.dossier.answers import NO_RECORD
from cli.dossier.collected import Collected
from cli.dossier.document import Dossier, DossierAnswer, DossierSection
from cli.dossier.models import inventory, versions
from cli.dossier.monitoring import drift, fairness
from cli.dossier.operation import by_the_insurer, controls, incidents
from cli.dossier.page import render
from cli.dossier.people import appeals, review
from cli.dossier.training import gates, training
from core.format import counted
from core.version import __version__

_SECTIONS: Final = (
    inventory, versions, training, gates, drift, fairness, review, appeals, incidents, controls, by_the_insurer,
)  # fmt: skip
_OF_CLAIMS: Final = frozenset({"1.3", "5.2", "5.3", "6.1", "6.2", "6.3", "7.1", "7.2", "7.3", "8.1", "8.2", "9.1"})
"""Answers that count claims, their scores, decisions or appeals; those of archived claims are not in the database."""
_LIMITS: Final = (
    "Records from the instant on are not read.",
    "What is overwritten when it changes is not shown under an earlier date: such an answer says so.",
    "What was deleted when its period was over is not in it.",
    "Decisions, assessments, appeals, dispositions, the audit log and the trail of models are append-only.",
    "Labels that were loaded are not counted in 5.3: the day on which they were loaded is not stored.",
    "Signatures, hashes and the audit log were verified when the file was written.",
    "It has no name, birth date, contact or id of a member and no id of a claim. Reviewers are ids.",
    "Who promoted a model or approved a policy is named as the record has it.",
    "Findings exist for reviewed claims only; they say little about claims that were not reviewed.",
    "It states facts of one installation. It is no legal opinion, and no claim that the installation complies.",
)


def assemble(found: Collected, written_by: str) -> Dossier:
    """The file as data; `found.files` then has the records that it refers to."""
    return Dossier(
        tenant=found.settings.tenant,
        as_of=found.until,
        first=found.first,
        time_zone=found.settings.time_zone,
        written_at=found.written_at,
        written_by=written_by,
        version=__version__,
        sections=tuple(_with_archived(section(found), found.stored.archived_claims) for section in _SECTIONS),
        limits=_LIMITS,
    )


def _with_archived(section: DossierSection, archived: int) -> DossierSection:
    """A section whose answers about claims say how many archived claims they lack; none of them is "no record" then."""
    if archived == 0:
        return section
    lacks = (
        f"It lacks {counted(archived, 'claim')} in archives: to count them, restore those archives "
        "(`ginja data archive restore`) and write the file again."
    )

    def completed(one: DossierAnswer) -> DossierAnswer:
        if one.number not in _OF_CLAIMS:
            return one
        status = "not_knowable" if one.status == "no_record" else one.status
        return one.model_copy(update={"text": f"{one.text.removeprefix(NO_RECORD).lstrip()} {lacks}", "status": status})

    return section.model_copy(update={"answers": tuple(completed(one) for one in section.answers)})


def folder_contents(found: Collected, dossier: Dossier) -> dict[str, bytes]:
    """Every file of the folder but the manifest."""
    schema = json.dumps(Dossier.model_json_schema(mode="serialization"), indent=1, sort_keys=True)
    return {
        "index.html": render(dossier, found.settings.zone).encode(),
        "dossier.json": dossier.model_dump_json(indent=1).encode() + b"\n",
        "dossier.schema.json": schema.encode() + b"\n",
        **found.files.contents,
    }
