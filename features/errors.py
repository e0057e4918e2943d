"""What can go wrong with features.

FeatureError
├── MissingColumnError     a frame lacks a column that is asked for
├── NaiveTimeError         a time column has no time zone
├── UnsoundFrameError      a frame holds what cannot be: a claim twice, an amount of nought, another century
├── RegistryChangedError   the Feast registry is not the one that was applied
├── NotBuiltError          no offline features, or no registry, under this home
├── OfflineStoreError      the offline store was asked for what it cannot do
├── OnlineError            something is wrong with the online store
│   ├── OnlineUnavailableError   it did not answer, or not in time
│   ├── OnlineValueError         it holds what is not ours
│   ├── OvertakenError           another writer wrote in between; nothing was written
│   └── EvictingStoreError       its memory policy would evict keys
└── StatesError            states that were sent along are not states
"""


class FeatureError(Exception):
    """Something is wrong with features; the message says what, where, and what to do."""


class MissingColumnError(FeatureError):
    """A frame lacks a column that is asked for."""

    def __init__(self, where: str, missing: list[str], found: list[str]) -> None:
        super().__init__(f"{where} lacks {', '.join(missing)}; it has {', '.join(found) or 'no columns'}")
        self.missing = missing


class NaiveTimeError(FeatureError):
    """A time column has no time zone, so nobody knows which instant it means."""

    def __init__(self, where: str, column: str) -> None:
        super().__init__(f"{column} of {where} has no time zone; give it one, UTC for choice")
        self.column = column


class InvalidFrameError(FeatureError):
    """A frame holds what cannot be."""

    def __init__(self, where: str, fault: str, first: str | None = None) -> None:
        example = "" if first is None else f"; the first is {first[:80]}"
        super().__init__(f"claims that cannot be in {where}: {fault}{example}. `ginja ingest` sorts such out")


class RegistryChangedError(FeatureError):
    """The Feast registry is not the one that was applied."""


class NotBuiltError(FeatureError):
    """No offline features, or no registry, under this home."""

    exit_code = 2


class OfflineStoreError(FeatureError):
    """The offline store was asked for what it cannot do."""


class OnlineError(FeatureError):
    """Something is wrong with the online store."""


class OnlineUnavailableError(OnlineError):
    """The online store did not answer, or not in time."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(f"the online store did not answer ({type(cause).__name__}); see that Valkey runs")


class OnlineValueError(OnlineError):
    """The online store holds what is not ours."""


class OvertakenError(OnlineError):
    """Another writer wrote to the online store in between; nothing was written, do it again."""


class EvictingStoreError(OnlineError):
    """The online store's memory policy would evict keys, and a missing key would be read as a count of zero."""

    def __init__(self, policy: str) -> None:
        super().__init__(
            f"the online store's maxmemory-policy is {policy}, which evicts feature keys when memory is short, and a "
            "missing key reads as zero; set `maxmemory-policy noeviction` (or a volatile-* policy) and enough memory"
        )
        self.policy = policy


class StatesError(FeatureError):
    """States that were sent along with a claim are not states."""
