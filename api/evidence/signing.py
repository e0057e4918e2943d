"""The signature of an evidence pack, with the key that signs models and archives (`core.signing`)."""

import base64
import hashlib
import json
from collections.abc import Mapping

from pydantic import JsonValue

from claims.evidence import CheckSignature, EvidencePack, pack_file, seal_of
from core.errors import InvalidSignatureError, UntrustedSignatureError
from core.signing import Signature, SigningKey, TrustedKeys


def signed_pack(pack: EvidencePack, pdf: bytes, key: SigningKey) -> bytes:
    """The JSON file of a pack, signed; `pdf` belongs to it."""
    seal = seal_of(pack, hashlib.sha256(pdf).hexdigest())
    signature = key.sign("evidence pack", seal.signed_content)
    return pack_file(pack, seal, signature.model_dump(mode="json"))


def signature_check(trusted: TrustedKeys) -> CheckSignature:
    """A check of signatures of packs by trusted keys."""

    def problem(signed: bytes, stated: Mapping[str, JsonValue]) -> str | None:
        try:
            signature = Signature.parse(json.dumps(stated).encode())
            trusted.verify("evidence pack", signed, signature)
        except (InvalidSignatureError, UntrustedSignatureError) as error:
            return str(error)
        # The last character of base64 has bits that are not decoded.
        decoded = base64.b64decode(signature.signature)
        return None if base64.b64encode(decoded).decode() == signature.signature else "it is not a signature"

    return problem
