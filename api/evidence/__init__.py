"""Evidence packs of cases: made from the database, as JSON and PDF, signed, and kept with the case.

signing.py   the signed file, and the check of its signature
pdf.py       the PDF (`pdf_tables.py`, `pdf_annex.py`)
"""

from api.evidence.signing import signature_check, signed_pack
from claims.evidence import EvidencePack

__all__ = ["pack_pdf", "signature_check", "signed_pack"]


def pack_pdf(pack: EvidencePack) -> bytes:
    """The pack as PDF; the library is imported when the first one is made."""
    from api.evidence import pdf

    return pdf.pack_pdf(pack)
