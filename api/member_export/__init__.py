"""Exports of everything that is stored about a member, for the member."""

from api.member_export.archive import FORMAT, MANIFEST, MEMBER_FILE, MemberExport
from api.member_export.declared import EXPORTED, LEFT_OUT, ExportedTable
from api.member_export.service import exported_member

__all__ = [
    "EXPORTED",
    "FORMAT",
    "LEFT_OUT",
    "MANIFEST",
    "MEMBER_FILE",
    "ExportedTable",
    "MemberExport",
    "exported_member",
]
