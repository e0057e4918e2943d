"""What a copy of the blind index of members reveals to an attacker who has no key but knows how common names are.

    python -m benchmarks.search_leakage [--members 100000] [--json]

Members are simulated with names and birth dates: given names and family names are drawn from lists of 1,000 and 20,000
by the law of Zipf and Mandelbrot with an offset of 10, which gives the most common family name one member in a hundred;
a birth date in fifty is 1 January, as where days are unknown. For each index, the attacker knows how often each value
occurs among exactly these members, sorts values and entries by how often they occur, and takes the value of the same
rank for an entry's: of equal ranks a random one. Counted are the members whose value is named rightly, as expected over
the random choices; an upper bound, because an attacker does not know the counts of the members themselves.
"""

import argparse
import json
import random
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import Final

from api.members.identities import Identity
from api.members.search_index import MemberIndexes
from core.blind_index import BlindIndex, name_parts
from core.field_encryption import KEY_BYTES, SealingKey

GIVEN: Final = 1_000
FAMILY: Final = 20_000
_FIRST_DAY: Final = date(1935, 1, 1)
_DAYS: Final = 90 * 365
_HEAPED: Final = 0.02
_OFFSET: Final = 11
"""Of the first rank: 10 and the rank itself."""


@dataclass(frozen=True, slots=True)
class IndexLeakage:
    """What an index reveals."""

    index: str
    entries: int
    """Different ones."""
    largest: int
    """Members with the most common entry."""
    named: float
    """Per cent of the members whose value is named rightly by how often it occurs."""


def people(count: int, seed: int = 0) -> list[Identity]:
    """Simulated members."""
    chosen = random.Random(seed)
    given, family = (
        chosen.choices(range(size), cum_weights=list(accumulate(1 / (rank + _OFFSET) for rank in range(size))), k=count)
        for size in (GIVEN, FAMILY)
    )
    found = []
    for first, last in zip(given, family, strict=True):
        born = _FIRST_DAY + timedelta(days=chosen.randrange(_DAYS))
        if chosen.random() < _HEAPED:
            born = born.replace(month=1, day=1)
        found.append(Identity(f"given{first} family{last}", born))
    return found


def leakage(index: str, pairs: Iterable[tuple[Hashable, bytes]]) -> IndexLeakage:
    """Attack an index, of which each row is a value and its entry."""
    rows = list(pairs)
    values, entries, both = Counter(value for value, _ in rows), Counter(entry for _, entry in rows), Counter(rows)
    ranked_values, ranked_entries = by_rank(values), by_rank(entries)
    groups = defaultdict[int, list[int]](list)
    for place, value in enumerate(ranked_values):
        groups[values[value]].append(place)
    # Values that occur equally often have places side by side, in an order that says nothing.
    tied = {number: range(places[0], places[-1] + 1) for number, places in groups.items()}
    of_entry = {entry: place for place, entry in enumerate(ranked_entries)}
    expected = 0.0
    for (value, entry), number in both.items():
        among = tied[values[value]]
        expected += number / len(among) if of_entry[entry] in among else 0
    return IndexLeakage(index, len(entries), max(entries.values()), round(100 * expected / len(rows), 2))


def by_rank(counts: Counter[Hashable] | Counter[bytes]) -> Sequence[Hashable]:
    """The most common first."""
    return [value for value, _ in counts.most_common()]


def measure(count: int) -> list[IndexLeakage]:
    """Attack the indexes that there are, and those that there are not for what this shows."""
    key = SealingKey(1, random.Random(1).randbytes(KEY_BYTES))
    members = people(count)
    plain = BlindIndex(key, "plain")
    indexes = MemberIndexes(key)
    rows = [(one, indexes.entries(one)) for one in members]
    single = ((part, plain.entry(part)) for one in members for part in name_parts(one.name or ""))
    whole = ((name_parts(one.name or ""), plain.entry(*name_parts(one.name or ""))) for one in members)
    stored = {
        field: [
            (_value(one, field, place), entry)
            for one, entries in rows
            for place, entry in enumerate(entry for of, entry in entries if of == field)
        ]
        for field in ("name", "name_birth_date", "birth_date")
    }
    return [
        leakage("single parts of names, 256 bits (not stored)", single),
        leakage("whole name, 256 bits (not stored)", whole),
        *(leakage(field, pairs) for field, pairs in stored.items()),
    ]


def _value(one: Identity, field: str, place: int) -> Hashable:
    parts = name_parts(one.name or "")
    return {"name": parts, "birth_date": one.birth_date, "name_birth_date": (parts[place], one.birth_date)}[field]


def main() -> None:
    """Print a line for each index."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.members)
    if arguments.json:
        print(json.dumps([asdict(one) for one in found], indent=2))
        return
    for one in found:
        print(f"{one.index}: {one.entries:,} entries, {one.largest:,} members at most, {one.named:.2f} % named rightly")


if __name__ == "__main__":
    main()
