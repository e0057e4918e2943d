"""Evidence packs of cases: made from the database, as JSON and PDF, signed, and kept with the case.

reading.py     what is read, in one snapshot
obtained.py    the files of the case, with their custody
gathering.py   the pack from it, pure
signing.py     the signed file, and the check of its signature
pdf.py         the PDF (`pdf_tables.py`, `pdf_annex.py`)
service.py     writing, listing, reading and verifying
"""

from api.evidence.records import PackForm, PackRecord, PackRequest, StatedCircumstances
from api.evidence.schemas import EvidencePackIn
from api.evidence.service import EvidencePacks, WrittenPack
from api.evidence.signing import signature_check, signed_pack
from api.evidence.tables import EvidencePackRow
from claims.evidence import EvidencePack

__all__ = [
    "EvidencePackIn",
    "EvidencePackRow",
    "EvidencePacks",
    "PackForm",
    "PackRecord",
    "PackRequest",
    "StatedCircumstances",
    "WrittenPack",
    "pack_pdf",
    "signature_check",
    "signed_pack",
]


def pack_pdf(pack: EvidencePack) -> bytes:
    """The pack as PDF; the library is imported when the first one is made."""
    from api.evidence import pdf

    return pdf.pack_pdf(pack)
