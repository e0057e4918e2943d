"""Split labelled claims into slices that train, stop early, calibrate and test.

In time, oldest first, with a gap before the test claims:

    |---- train ----|- stop -|- calibrate -|  embargo  |---- test ----|  embargo  | as of

Only labels known when the test begins are used before it: a label that became known later is left out of the first
three slices, and the embargo removes the claims just before, of which only the quickly resolved are labelled. The
second embargo does the same at the end. Where a label belongs to the provider and has no date, providers are split
instead; claims without dates are split by provider, by member or one by one.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.clock import DAY_US
from pipelines.datasets.errors import EmptyWindowError, ProviderSplitError, TooFewFraudsError
from pipelines.store import MAX_DISSENT

Rows = NDArray[np.intp]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPolicy:
    """Sizes of the slices; shares are of the usable claims, by time of receipt."""

    test_share: float = 0.18
    calibrate_share: float = 0.12
    stop_share: float = 0.12
    embargo_days: int = 45
    """Days until most labels are known."""
    warm_up_days: int = 60
    """First days of the data, whose feature windows are still filling; left out of training (at most a tenth)."""
    least_frauds: int = 5
    """Fewest frauds, and fewest clean claims, in each slice."""


@dataclass(frozen=True, slots=True)
class Slices:
    """Row numbers, each in order of receipt; no row is in two."""

    train: Rows
    stop: Rows
    calibrate: Rows
    test: Rows
    how: str
    """How the claims were split, as text."""
    test_from_us: int
    test_until_us: int
    not_yet_known: int
    """Number of labels left out because they became known too late."""
    providers_apart: bool = False
    """Each provider is in one slice only."""
    warning: str = ""
    """What a reader of the figures on the test claims must know of the split; empty: nothing."""

    @property
    def learned(self) -> Rows:
        """Every row before the test, sorted."""
        return np.sort(np.concatenate([self.train, self.stop, self.calibrate]))

    def named(self) -> dict[str, Rows]:
        """Slice name → rows."""
        return {"train": self.train, "stop": self.stop, "calibrate": self.calibrate, "test": self.test}


def split_in_time(
    received_us: Ints, known_us: Ints | None, *, as_of_us: int, policy: SplitPolicy, least_frauds_of: Bools
) -> Slices:
    """Split claims by time of receipt; `known_us` is when each label became known, None: labels have no dates.

    `least_frauds_of` are the labels, to check that each slice has both classes. Raises `EmptyWindowError`,
    `TooFewFraudsError`.
    """
    embargo = 0 if known_us is None else policy.embargo_days * DAY_US
    known = np.zeros(len(received_us), dtype=np.int64) if known_us is None else known_us
    end = as_of_us - embargo
    usable = (received_us < end) & (known <= as_of_us)
    if len(received_us) and received_us.min() == received_us.max():
        raise EmptyWindowError(
            f"all labelled claims were received at the same time ({_day(int(received_us.min()))}), so they cannot be "
            "split in time; check the column mapped to received_at"
        )
    if not usable.any():
        raise EmptyWindowError(
            f"no labelled claim was received before {_day(end)} (labels as of {_day(as_of_us)}, embargo "
            f"{policy.embargo_days} days); take a longer window or a shorter embargo"
        )
    times = np.sort(received_us[usable])
    first, span = int(times[0]), int(times[-1]) - int(times[0])
    warm_up = min(policy.warm_up_days * DAY_US, span // 10)
    times = times[times >= first + warm_up]
    test_from = _midnight(int(times[int(len(times) * (1 - policy.test_share))]))
    test = usable & (received_us >= test_from)
    learn_until = test_from - embargo
    learnable = (received_us >= first + warm_up) & (received_us < learn_until)
    in_time = learnable & ((known < test_from) if known_us is not None else np.True_)
    learn = np.sort(received_us[in_time])
    if not len(learn):
        raise EmptyWindowError(
            f"no claim before {_day(learn_until)} has a label known by {_day(test_from)}; take a longer window"
        )
    past = 1 - policy.test_share
    calibrate_from = _midnight(int(learn[int(len(learn) * (1 - policy.calibrate_share / past))]))
    stop_from = _midnight(int(learn[int(len(learn) * (1 - (policy.calibrate_share + policy.stop_share) / past))]))
    slices = Slices(
        train=_rows(in_time & (received_us < stop_from), received_us),
        stop=_rows(in_time & (received_us >= stop_from) & (received_us < calibrate_from), received_us),
        calibrate=_rows(in_time & (received_us >= calibrate_from), received_us),
        test=_rows(test, received_us),
        how=(
            f"in time: train before {_day(stop_from)}, stop before {_day(calibrate_from)}, calibrate before "
            f"{_day(learn_until)}, test {_day(test_from)} to {_day(end)}; "
            + (f"embargo {policy.embargo_days} days" if known_us is not None else "labels have no dates, so no embargo")
        ),
        test_from_us=test_from,
        test_until_us=end,
        not_yet_known=int((learnable & ~in_time).sum() + ((received_us < end) & (known > as_of_us)).sum()),
    )
    _check(slices, least_frauds_of, policy)
    return slices


def split_by_provider(
    received_us: Ints,
    providers: NDArray[np.object_],
    fraud: Bools,
    *,
    as_of_us: int,
    policy: SplitPolicy,
    seed: int = 0,
) -> Slices:
    """Assign each provider with all its claims to one slice, by a hash of its identifier.

    A provider stays in its slice when others come, so that no later model is evaluated on one that taught an earlier.
    A few claims with another label than most of their provider's are kept, with a warning. Raises `ProviderSplitError`
    where they are more than `MAX_DISSENT` per fraud: the label then belongs to the claim.
    """
    names, of = np.unique(providers.astype(str), return_inverse=True)
    frauds = np.bincount(of, weights=fraud, minlength=len(names))
    claims = np.bincount(of, minlength=len(names))
    mixed = np.flatnonzero((frauds > 0) & (frauds < claims))
    dissenting = int(np.minimum(frauds, claims - frauds).sum())
    example = (
        f"{len(mixed):,} providers have claims of both labels (for example {names[mixed[0]]})" if len(mixed) else ""
    )
    if dissenting > MAX_DISSENT * frauds.sum():
        raise ProviderSplitError(f"{example}; the label belongs to the claim: split in time instead")
    slices = replace(
        _assign(names, of, 2 * frauds >= claims, received_us, fraud, as_of_us=as_of_us, policy=policy, seed=seed),
        providers_apart=True,
        warning=f"{example}: {dissenting:,} claims; the label is taken to be the provider's (label_of in the mapping)"
        if dissenting
        else "",
    )
    slices = replace(slices, how=f"by provider: {len(names):,} providers, each in one slice only{slices.how}")
    assert_providers_apart(slices, providers)
    _check(slices, fraud, policy)
    return slices


def split_undated(
    received_us: Ints,
    groups: Mapping[str, NDArray[np.object_]],
    fraud: Bools,
    *,
    as_of_us: int,
    policy: SplitPolicy,
    claim_ids: Sequence[str] | None = None,
    seed: int = 0,
) -> Slices:
    """Split claims without dates: each group with all its claims in one slice, by a hash of its name.

    `groups` (what → name of each claim's, None where unknown) are tried in order, and the claims themselves last, by
    `claim_ids` (None: by their row): the first with which every slice has enough of both classes is used. Raises
    `EmptyWindowError`, `TooFewFraudsError`.
    """
    tried = [(what, names) for what, names in groups.items() if any(name is not None for name in names)]
    ids = [f"row {row}" for row in range(len(fraud))] if claim_ids is None else [f"claim {one}" for one in claim_ids]
    for what, given in [*tried, ("claim", np.full(len(fraud), None, dtype=object))]:
        named = np.array([one if name is None else f"{what} {name}" for one, name in zip(ids, given, strict=True)])
        names, of = np.unique(named, return_inverse=True)
        has_fraud = np.bincount(of, weights=fraud, minlength=len(names)) > 0
        slices = replace(
            _assign(names, of, has_fraud, received_us, fraud, as_of_us=as_of_us, policy=policy, seed=seed),
            providers_apart=what == "provider",
            warning="the test claims are not later than the training claims: on claims to come the model will be worse",
        )
        slices = replace(
            slices,
            how=f"by {what}, because the source has no dates: {len(names):,} groups, each in one slice only"
            + slices.how,
        )
        try:
            _check(slices, fraud, policy)
        except (EmptyWindowError, TooFewFraudsError):
            if what == "claim":
                raise
            continue
        break
    return slices


def _assign(
    names: NDArray[np.str_],
    of: Rows,
    has_fraud: Bools,
    received_us: Ints,
    fraud: Bools,
    *,
    as_of_us: int,
    policy: SplitPolicy,
    seed: int,
) -> Slices:
    """Put each name with all its claims into one slice, by the hash of the name alone: no other name moves it.

    `of` is the place of each claim's name in `names`, `has_fraud` whether a name has a fraud. Where a slice would then
    have too few claims of a class, as with few names, the names are shared out in the order of their hashes, with and
    without fraud apart: `how` of the slices states that they change when names are added.
    """
    hashes = [int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8]) for name in names]
    shares = np.cumsum([policy.test_share, policy.calibrate_share, policy.stop_share])
    slices = _slices(np.searchsorted(shares, np.array(hashes) / 2.0**64, side="right")[of], received_us, as_of_us)
    try:
        _check(slices, fraud, policy)
    except (EmptyWindowError, TooFewFraudsError):
        slot = np.full(len(names), 3)
        for members in (np.flatnonzero(has_fraud), np.flatnonzero(~has_fraud)):
            ordered = sorted(members, key=lambda place: hashes[place])
            share = (np.arange(len(ordered)) + 0.5) / max(len(ordered), 1)
            slot[np.array(ordered, dtype=np.intp)] = np.searchsorted(shares, share)
        slices = _slices(slot[of], received_us, as_of_us)
        return replace(slices, how="; they are so few that the slices change when some are added")
    return slices


def _slices(slot: Rows, received_us: Ints, as_of_us: int) -> Slices:
    """The slices of claims by their number: test, calibrate, stop, train."""
    test, calibrate, stop, train = (_rows(slot == number, received_us) for number in range(4))
    return Slices(
        train, stop, calibrate, test, how="", test_from_us=int(received_us.min()), test_until_us=as_of_us,
        not_yet_known=0,
    )  # fmt: skip


def assert_providers_apart(slices: Slices, providers: NDArray[np.object_]) -> None:
    """Raise `ProviderSplitError` where a provider lies in two slices."""
    seen: dict[str, str] = {}
    for name, rows in slices.named().items():
        for provider in np.unique(providers[rows].astype(str)):
            other = seen.setdefault(provider, name)
            if other != name:
                raise ProviderSplitError(
                    f"provider {provider} is in the {other} and the {name} slice with one label for all its claims: "
                    "the test would use labels of the training; split by provider"
                )


def _rows(mask: Bools, received_us: Ints) -> Rows:
    rows = np.flatnonzero(mask)
    return rows[np.argsort(received_us[rows], kind="stable")]


def _check(slices: Slices, fraud: Bools, policy: SplitPolicy) -> None:
    for name, rows in slices.named().items():
        if not len(rows):
            raise EmptyWindowError(f"the {name} slice has no claims ({slices.how}); take a longer window")
        positives = int(fraud[rows].sum())
        fewest = min(positives, len(rows) - positives)
        if fewest < policy.least_frauds:
            raise TooFewFraudsError(
                f"the {name} slice has {positives} frauds in {len(rows):,} claims; at least {policy.least_frauds} of "
                f"each class are required ({slices.how}); take a longer window or more labels"
            )


def _midnight(us: int) -> int:
    return us - us % DAY_US


def _day(us: int) -> str:
    return str(np.datetime64(us, "us").astype("datetime64[D]"))
