"""The file of an evidence pack: the pack, the hashes of its sections and of its PDF, and a signature of these hashes.

The signature covers the seal, and the seal covers everything else, so that who signed it is responsible for every byte.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from claims.evidence.canonical import SECTIONS, InvalidPack, canonical, pack_sha256, section_hashes, to_json
from claims.evidence.document import FORMAT, FORMATS, EvidencePack

LARGEST: Final = 64 * 1024 * 1024
"""Largest file that is read, in bytes."""
_PARTS: Final = frozenset({"format", "pack", "seal", "signature"})


@dataclass(frozen=True, slots=True)
class PackSeal:
    """The hashes of a pack: what is signed."""

    pack_id: str
    case_id: str
    sections: Mapping[str, str]
    """Section → SHA-256 of its canonical JSON, in hex."""
    pack_sha256: str
    """Of the hashes of the sections."""
    pdf_sha256: str
    format: str = FORMAT
    """Of the file; signed with the seal."""

    def to_json(self) -> dict[str, JsonValue]:
        """As JSON values."""
        return {
            "case_id": self.case_id,
            "pack_id": self.pack_id,
            "pack_sha256": self.pack_sha256,
            "pdf_sha256": self.pdf_sha256,
            "sections": dict(self.sections),
        }

    @property
    def signed_content(self) -> bytes:
        """The bytes that the signature covers: the format and the seal."""
        return canonical({"format": self.format, "seal": self.to_json()})


@dataclass(frozen=True, slots=True)
class PackFile:
    """A file of a pack as it was read: nothing of it is verified."""

    pack: Mapping[str, JsonValue]
    seal: PackSeal
    signature: Mapping[str, JsonValue]


def seal_of(pack: EvidencePack, pdf_sha256: str) -> PackSeal:
    """The seal of a pack with a PDF."""
    hashes = section_hashes(to_json(pack))
    return PackSeal(pack.header.pack_id, pack.header.case_id, hashes, pack_sha256(hashes), pdf_sha256)


def pack_file(pack: EvidencePack, seal: PackSeal, signature: Mapping[str, JsonValue]) -> bytes:
    """The bytes of the file."""
    parts: dict[str, JsonValue] = {"pack": to_json(pack), "seal": seal.to_json(), "signature": dict(signature)}
    return canonical({"format": seal.format, **parts})


def read_pack_file(raw: bytes) -> PackFile:
    """The parts of a file, byte for byte as `pack_file` writes them. Raises `InvalidPack`, which names the place."""
    if len(raw) > LARGEST:
        raise InvalidPack(f"the file has more than {LARGEST:,} bytes")
    try:
        values = json.loads(raw)
        again = canonical(values)
    except UnicodeDecodeError as error:
        raise InvalidPack(f"{_place(raw, error.start)}: it is not text") from None
    except json.JSONDecodeError as error:
        raise InvalidPack(f"line {error.lineno} column {error.colno}: it is not JSON ({error.msg})") from None
    except (ValueError, RecursionError):
        raise InvalidPack("it is not JSON of a pack: a number or a nesting that no pack has") from None
    if again != raw:
        raise InvalidPack(f"{_place(raw, _differs_at(raw, again))}: it is not as a pack is written")
    if not isinstance(values, dict) or set(values) != _PARTS:
        raise InvalidPack(f"it must have the parts {', '.join(sorted(_PARTS))}, and no others")
    if values["format"] not in FORMATS:
        raise InvalidPack(f"format: it is none of {', '.join(FORMATS)}, which this release reads")
    pack, signature = values["pack"], values["signature"]
    if not isinstance(pack, dict) or set(pack) != set(SECTIONS):
        raise InvalidPack(f"pack: it must have the sections {', '.join(SECTIONS)}, and no others")
    if not isinstance(signature, dict):
        raise InvalidPack("signature: it is not a signature")
    return PackFile(pack, _seal(values["seal"], str(values["format"])), signature)


def _seal(values: JsonValue, stated_format: str) -> PackSeal:
    names = ("pack_id", "case_id", "pack_sha256", "pdf_sha256")
    if not isinstance(values, dict) or set(values) != {*names, "sections"}:
        raise InvalidPack(f"seal: it must have {', '.join(names)} and sections, and nothing else")
    texts = [values[name] for name in names]
    sections = values["sections"]
    if not isinstance(sections, dict) or set(sections) != set(SECTIONS):
        raise InvalidPack("seal.sections: it must have a hash of each section, and no others")
    if not all(isinstance(one, str) for one in (*texts, *sections.values())):
        raise InvalidPack("seal: every hash and id is text")
    pack_id, case_id, digest, pdf = map(str, texts)
    return PackSeal(
        pack_id, case_id, {name: str(value) for name, value in sections.items()}, digest, pdf, stated_format
    )


def _differs_at(raw: bytes, again: bytes) -> int:
    """Where two texts differ first."""
    return next((place for place, (one, other) in enumerate(zip(raw, again, strict=False)) if one != other), len(again))


def _place(raw: bytes, offset: int) -> str:
    start = raw.rfind(b"\n", 0, offset) + 1
    line = raw.count(b"\n", 0, offset) + 1
    return f"line {line} column {offset - start + 1}"
