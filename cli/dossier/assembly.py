"""The examiner's file from what was collected: its sections, and the files of its folder."""

import json
from typing import Final

from cli.dossier.collected import Collected
from cli.dossier.document import Dossier
from cli.dossier.models import inventory, versions
from cli.dossier.monitoring import drift, fairness
from cli.dossier.operation import by_the_insurer, controls, incidents
from cli.dossier.page import render
from cli.dossier.people import appeals, review
from cli.dossier.training import gates, training
from core.version import __version__

_SECTIONS: Final = (
    inventory, versions, training, gates, drift, fairness, review, appeals, incidents, controls, by_the_insurer,
)  # fmt: skip
_LIMITS: Final = (
    "Records from the instant on are not read.",
    "What is overwritten when it changes is not shown under an earlier date: such an answer says so.",
    "What was deleted when its period was over, or archived, is not in it.",
    "Decisions, assessments, appeals, labels, the audit log and the trail of models are append-only.",
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
        sections=tuple(section(found) for section in _SECTIONS),
        limits=_LIMITS,
    )


def folder_contents(found: Collected, dossier: Dossier) -> dict[str, bytes]:
    """Every file of the folder but the manifest."""
    schema = json.dumps(Dossier.model_json_schema(mode="serialization"), indent=1, sort_keys=True)
    return {
        "index.html": render(dossier, found.settings.zone).encode(),
        "dossier.json": dossier.model_dump_json(indent=1).encode() + b"\n",
        "dossier.schema.json": schema.encode() + b"\n",
        **found.files.contents,
    }
