"""Which policy a word of the command line means: a file, a version, or the settings."""

from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.database import with_database
from cli.policy.documents import read_file

if TYPE_CHECKING:
    from api.policies import PolicyHistory, PolicyVersion
    from claims.policy import PolicyDocument

SETTINGS = "settings"


def today() -> date:
    """The insurer's day."""
    from claims.service_days import receipt_day
    from core import clock
    from core.settings import settings

    return receipt_day(clock.now(), settings().zone)


@dataclass(frozen=True, slots=True)
class ChosenPolicy:
    """A policy that was named."""

    name: str
    document: "PolicyDocument"
    version: "PolicyVersion | None"
    """None: a file, or the settings."""


@dataclass(frozen=True, slots=True)
class PolicyChoices:
    """The versions there are; None: there is no database, so that files and the settings can be named only."""

    known: "PolicyHistory | None"

    @classmethod
    def read(cls) -> "PolicyChoices":
        """Read the versions, where a database runs."""
        from api.policies import history
        from core.servers import running_postgres_url
        from core.settings import settings

        return cls(None if running_postgres_url(settings()) is None else with_database(history))

    def choose(self, named: str | None) -> ChosenPolicy:
        """What a word means; None: what is in force today. Raises `click.UsageError`."""
        if named is not None and Path(named).is_file():
            return ChosenPolicy(named, read_file(Path(named)), None)
        if named is None:
            return self._version(None if self.known is None else self.known.in_force(today()))
        if named == SETTINGS:
            return self._version(None)
        if not (named.isascii() and named.isdigit() and len(named) <= 9):
            raise click.UsageError(f"{named} is no file and no version: give a file, a number, or `settings`.")
        return self._version(self._known().version(int(named)))

    def base_of(self, document: "PolicyDocument") -> ChosenPolicy:
        """What a document is compared with: the version in force on its first day."""
        return self._version(None if self.known is None else self.known.base_of(document.valid_from, today()))

    def _known(self) -> "PolicyHistory":
        if self.known is None:
            raise click.UsageError("There is no database, so there are no versions; run `ginja up`.")
        return self.known

    def _version(self, version: "PolicyVersion | None") -> ChosenPolicy:
        from api.policies import policy_document
        from claims.policy import policy_of_settings
        from core.settings import settings

        if version is None:
            return ChosenPolicy(SETTINGS, policy_of_settings(settings()).document, None)
        document = with_database(partial(policy_document, version=version.version))
        return ChosenPolicy(f"version {version.version}", document, version)
