"""A draft of a case summary by an OpenAI-compatible endpoint.

What comes back is untrusted text. It is bounded in time and bytes here, and verified sentence by sentence before any of
it is shown.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from core.narrative_settings import NarrativeSettings

MOST_BYTES: Final = 262_144
"""Of an answer."""
MOST_TOKENS: Final = 2_000
INSTRUCTIONS: Final = """You write the summary of an insurance investigation for a referral. Use only the facts below.
Rules:
- Short sentences in plain English, each ending with a full stop, one per line; no headings and no lists.
- Behind each value, or at the end of its clause, cite the fact in square brackets, such as [F3]. One citation a value.
- Write every value exactly as given, placeholders such as ID_4, DAY_2, TEXT_5 and SUBJECT_1 included.
- State no cause, intent, opinion or recommendation, and nothing that is not a fact below.
- Compare two values only with above, below or the same as, and cite both.
Every sentence is checked by a program, and those that state anything else are dropped."""


class DraftUnavailableError(Exception):
    """The endpoint gave no draft; the message says why, without the key and without what was sent."""


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, cache_strings="keys")

    content: str


class _Choice(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, cache_strings="keys")

    message: _Message


class _Completion(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, cache_strings="keys")

    choices: list[_Choice]


class DraftingEndpoint:
    """`POST {url}/chat/completions`."""

    def __init__(self, url: str, model: str, *, key: str | None, deadline_s: float) -> None:
        self._address = f"{url.rstrip('/')}/chat/completions"
        self._model = model
        self._deadline_s = deadline_s
        self._headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if key is not None:
            self._headers["Authorization"] = f"Bearer {key}"

    async def draft(self, facts: Sequence[str]) -> str:
        """The text of a draft about facts, one a line; raises `DraftUnavailableError`."""
        body = await self._post(
            {
                "model": self._model,
                "temperature": 0,
                "max_tokens": MOST_TOKENS,
                "messages": [
                    {"role": "system", "content": INSTRUCTIONS},
                    {"role": "user", "content": "\n".join(facts)},
                ],
            }
        )
        try:
            choices = _Completion.model_validate_json(body).choices
        except ValidationError:
            raise DraftUnavailableError("the answer is no chat completion") from None
        if not choices:
            raise DraftUnavailableError("the answer has no choice")
        return choices[0].message.content

    async def _post(self, sent: Mapping[str, object]) -> bytes:
        found = bytearray()
        try:
            # No proxy, no password of the environment and no redirect: the key goes to the configured address alone.
            async with (
                asyncio.timeout(self._deadline_s),
                httpx.AsyncClient(timeout=self._deadline_s, follow_redirects=False, trust_env=False) as http,
                http.stream("POST", self._address, json=sent, headers=self._headers) as response,
            ):
                if response.status_code != httpx.codes.OK:
                    raise DraftUnavailableError(f"the endpoint answered with status {response.status_code}")
                async for part in response.aiter_bytes():
                    found += part
                    if len(found) > MOST_BYTES:
                        raise DraftUnavailableError(f"the answer has more than {MOST_BYTES} bytes")
        except TimeoutError:
            raise DraftUnavailableError(f"no answer within {self._deadline_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError):
            raise DraftUnavailableError("the endpoint cannot be reached") from None
        return bytes(found)


def drafting_endpoint(settings: NarrativeSettings) -> DraftingEndpoint | None:
    """The endpoint of the settings; `None` where none is set."""
    if settings.narrative_url is None or settings.narrative_model is None:
        return None
    key = settings.narrative_key
    return DraftingEndpoint(
        settings.narrative_url,
        settings.narrative_model,
        key=key.get_secret_value() if key is not None else None,
        deadline_s=settings.narrative_deadline_s,
    )
