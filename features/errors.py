"""Errors of features.

FeatureError
├── MissingColumnError     a frame lacks a required column
├── NaiveTimeError         a time column has no time zone
├── InvalidFrameError      a frame holds invalid claims: a duplicate id, an amount of zero, a date of another century
├── RegistryChangedError   the Feast registry is not the one that was applied
├── NotBuiltError          no offline features, or no registry, under this home
├── OfflineStoreError      the offline store does not support the request, or cannot read its files
├── OnlineError            a problem with the online store
│   ├── OnlineUnavailableError   it did not respond, or not in time
│   ├── OnlineValueError         a value does not have the declared form
│   ├── OvertakenError           another process wrote meanwhile; nothing was written
│   └── EvictingStoreError       its memory policy may evict feature keys
├── AttributeTypeError     an attribute has another type than the model was trained with
├── UnknownFeatureError    a schema names a feature that does not exist
└── StatesError            the states of a score request are invalid
"""


class FeatureError(Exception):
    """A problem with features; the message says what is wrong, where, and what to do."""


class MissingColumnError(FeatureError):
    """A frame lacks a required column."""

    def __init__(self, where: str, missing: list[str], found: list[str]) -> None:
        super().__init__(f"{where} lacks {', '.join(missing)}; it has {', '.join(found) or 'no columns'}")
        self.missing = missing


class NaiveTimeError(FeatureError):
    """A time column has no time zone, so the instants it means are unknown."""

    def __init__(self, where: str, column: str) -> None:
        super().__init__(f"{column} of {where} has no time zone; add one, preferably UTC")
        self.column = column


class InvalidFrameError(FeatureError):
    """A frame holds invalid claims."""

    def __init__(self, where: str, fault: str, first: str | None = None) -> None:
        example = "" if first is None else f"; the first is {first[:80]}"
        super().__init__(
            f"invalid claims in {where}: {fault}{example}. `ginja data ingest` rejects such rows one by one"
        )


class RegistryChangedError(FeatureError):
    """The Feast registry is not the one that was applied."""


class NotBuiltError(FeatureError):
    """No offline features, or no registry, under this home."""

    exit_code = 2


class OfflineStoreError(FeatureError):
    """The offline store does not support the request, or cannot read its files."""


class OnlineError(FeatureError):
    """A problem with the online store."""


class OnlineUnavailableError(OnlineError):
    """The online store did not respond, or not in time."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(
            f"the online store did not respond ({type(cause).__name__}); check that Valkey is running and answers "
            "(`ginja status`), and GINJA_REDIS_URL"
        )


class OnlineValueError(OnlineError):
    """A value of the online store does not have the declared form."""


class OvertakenError(OnlineError):
    """Another process wrote to the online store meanwhile; nothing was written, try again."""


class EvictingStoreError(OnlineError):
    """The online store's memory policy may evict feature keys, and a missing key would be read as a count of zero."""

    def __init__(self, policy: str) -> None:
        super().__init__(
            f"the online store's maxmemory-policy is {policy}, which evicts feature keys when memory is short, and a "
            "missing key reads as zero; set `maxmemory-policy noeviction` (or a volatile-* policy) and enough memory"
        )
        self.policy = policy


class AttributeTypeError(FeatureError):
    """An attribute of a claim has another type than the model was trained with; the message repeats no value."""


class UnknownFeatureError(FeatureError):
    """A schema names a feature that does not exist, or in the wrong order."""


class StatesError(FeatureError):
    """The states of a score request are invalid."""
