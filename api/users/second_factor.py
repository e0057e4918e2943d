"""The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes that stand in for it once."""

import base64
import hashlib
import secrets
from datetime import datetime
from typing import Final
from urllib.parse import quote

import pyotp

STEP_S: Final = 30
"""Seconds in which an app shows a code."""
_TOLERANCE: Final = 1
"""Steps before and after the current one whose codes are accepted: clocks differ, and typing takes time."""
CODE_DIGITS: Final = 6
"""Of the codes that apps show."""
RECOVERY_CODES: Final = 10
_RECOVERY_BYTES: Final = 10
_ISSUER: Final = "Ginja"


def new_secret() -> str:
    """A secret in base 32 with 160 random bits."""
    return pyotp.random_base32(32)


def provisioning_uri(secret: str, login: str) -> str:
    """The address that authenticator apps read as a QR code (Key Uri Format)."""
    label = f"{_ISSUER}:{quote(login)}"
    return (
        f"otpauth://totp/{label}?secret={secret}&issuer={_ISSUER}&algorithm=SHA1&digits={CODE_DIGITS}&period={STEP_S}"
    )


def accepted_step(secret: str, code: str, at: datetime, last_step: int | None) -> int | None:
    """The time step whose code was sent; `None`: it is of none, or not later than the last one that was accepted.

    The caller stores the step in the transaction of what the code allows: each code is accepted once.
    """
    totp = pyotp.TOTP(secret, interval=STEP_S)
    now = totp.timecode(at)
    found = None
    for step in range(now - _TOLERANCE, now + _TOLERANCE + 1):
        if secrets.compare_digest(totp.generate_otp(step).encode(), code.encode(errors="replace")):
            found = step
    return found if found is not None and (last_step is None or found > last_step) else None


def new_recovery_codes() -> list[str]:
    """Codes with 80 random bits each, in four groups of four characters."""
    return [_grouped(secrets.token_bytes(_RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)]


def recovery_code_hash(code: str) -> bytes:
    """What is stored of a recovery code; blanks, hyphens and case do not matter."""
    return hashlib.sha256("".join(code.split()).replace("-", "").upper().encode(errors="replace")).digest()


def _grouped(value: bytes) -> str:
    text = base64.b32encode(value).decode()
    return "-".join(text[place : place + 4] for place in range(0, len(text), 4))
