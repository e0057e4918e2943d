"""The policy versions of one process: a version never changes, so that each is read once."""

from sqlalchemy import bindparam, select

from api.database import Pipelined, Query, Rows, compiled
from api.policies.tables import PolicyVersionRow
from claims.policy import (
    OF_SETTINGS,
    PolicyDocument,
    PolicyInForce,
    PolicySettings,
    policy_of_settings,
    read_stored_document,
)

MAX_VERSIONS = 16
"""Versions that are kept; late scores use that of the claim's receipt."""
_DOCUMENT = compiled(select(PolicyVersionRow.document).where(PolicyVersionRow.version == bindparam("version")))


def _document(version: int) -> Query[PolicyDocument]:
    def read(rows: Rows) -> PolicyDocument:
        return read_stored_document(rows[0][0])

    return Query(_DOCUMENT, {"version": version}, read)


class PolicyStore:
    """Versions by number. Which one is in force is read with each claim, never remembered."""

    def __init__(self, settings: PolicySettings) -> None:
        """The settings decide where no version is in force."""
        of_settings = policy_of_settings(settings)
        self._of_settings = of_settings
        self._versions: dict[int, PolicyInForce] = {}
        self._last = of_settings

    @property
    def last_used(self) -> PolicyInForce:
        """The version that decided the last claim: a guess for what to read before the version in force is known."""
        return self._last

    async def in_force(self, connection: Pipelined, version: int) -> PolicyInForce:
        """The version that decides a claim; the first claim after an activation costs one more statement."""
        self._last = await self.version(connection, version)
        return self._last

    async def version(self, connection: Pipelined, version: int | None) -> PolicyInForce:
        """A version; None and 0 are the settings."""
        if version is None or version == OF_SETTINGS:
            return self._of_settings
        found = self._versions.get(version)
        if found is None:
            (document,) = await connection.fetch(_document(version))
            found = PolicyInForce(version, document, self._of_settings.max_replacements)
            while len(self._versions) >= MAX_VERSIONS:
                self._versions.pop(next(iter(self._versions)))
            self._versions[version] = found
        return found
