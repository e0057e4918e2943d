"""Passwords: what is accepted (NIST SP 800-63B-4, section 3.1.1) and how they are hashed.

At least 15 characters, 8 where a second factor is required; at most 256. Every Unicode character counts as one; text is
normalized to NFC, and nothing is cut off. There are no rules of composition. A password is refused where it is among
the 30,000 most frequent ones of breaches (the list of `zxcvbn`), a repetition of one or of a few characters, or
contains the login, the name of the user or of the product.
"""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final, TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from api.errors import Overloaded
from api.users.errors import WeakPassword

T = TypeVar("T")

LEAST_CHARACTERS: Final = 15
LEAST_WITH_SECOND_FACTOR: Final = 8
MOST_CHARACTERS: Final = 256
MAX_WAITING: Final = 32
"""Passwords that wait to be hashed; each takes 64 MiB and about 50 ms of CPU."""
_HASHING: Final = 2
"""Passwords that are hashed at a time."""
_SHORTEST_WORD: Final = 4
"""Shorter logins and names occur in good passwords by chance."""
_FEWEST_DIFFERENT: Final = 4
"""Fewer different characters repeat themselves."""
_PRODUCT: Final = "ginja"


def accepted_password(password: str, *, login: str, display_name: str, second_factor: bool) -> str:
    """The password as it is hashed; raises `WeakPassword`. `second_factor`: whether one is required of the user."""
    normalized = normalize(password)
    least = LEAST_WITH_SECOND_FACTOR if second_factor else LEAST_CHARACTERS
    if not least <= len(normalized) <= MOST_CHARACTERS:
        raise WeakPassword(f"must have {least} to {MOST_CHARACTERS} characters; a sentence is easy to remember")
    folded = normalized.casefold()
    if _is_common(folded):
        raise WeakPassword("is one of the most frequent passwords of breaches; choose another one")
    unit = _unit(folded)
    if len(set(folded)) < _FEWEST_DIFFERENT or (len(unit) < len(folded) and _is_common(unit)):
        raise WeakPassword("repeats a few characters or a frequent password; choose another one")
    local, _, _ = login.partition("@")
    for word in (local, *display_name.split(), _PRODUCT):
        if len(word) >= _SHORTEST_WORD and normalize(word).casefold() in folded:
            raise WeakPassword("must not contain the login, the name of the user or of the product")
    return normalized


def normalize(password: str) -> str:
    """The password in NFC; raises `WeakPassword` for text that is not Unicode."""
    try:
        password.encode()
    except UnicodeEncodeError:
        raise WeakPassword("must be text in Unicode, without lone surrogates") from None
    return unicodedata.normalize("NFC", password)


class PasswordHasher:
    """Hashes and verifies passwords by argon2id, in threads of its own, so many at a time."""

    def __init__(self) -> None:
        self._hash = PasswordHash((Argon2Hasher(),))
        self._threads = ThreadPoolExecutor(_HASHING, thread_name_prefix="passwords")
        self._waiting = 0
        self._of_nobody: str | None = None

    async def hash(self, password: str) -> str:
        """The hash of an accepted password; raises `Overloaded`."""
        return await self._run(lambda: self._hash.hash(password))

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether a password is the one that was hashed; raises `Overloaded`.

        Without a hash it is false, after the same work: its time says nothing about whether a login exists.
        """
        return await self._run(lambda: self._verify(password, password_hash))

    def _verify(self, password: str, password_hash: str | None) -> bool:
        try:
            normalized = normalize(password)
        except WeakPassword:
            normalized = ""
        if self._of_nobody is None:  # the first verification of the process takes longer, no matter who signs in
            self._of_nobody = self._hash.hash("")
        if password_hash is not None:
            return self._hash.verify(normalized, password_hash)
        self._hash.verify(f"{normalized}-", self._of_nobody)
        return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= MAX_WAITING:
            raise Overloaded("too many sign-ins at a time; nothing was done; retry the request")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the threads; what they are doing is finished."""
        self._threads.shutdown(wait=False, cancel_futures=True)


@cache
def _common() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # large, and needed only where a password is set

    return frozenset(FREQUENCY_LISTS["passwords"])


def _is_common(folded: str) -> bool:
    return folded in _common()


def _unit(text: str) -> str:
    """The shortest text of which `text` is a repetition."""
    return text[: (text + text).index(text, 1)]
