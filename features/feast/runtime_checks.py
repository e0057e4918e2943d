"""Import Feast without its run-time type checks.

Feast decorates its classes with `typeguard.typechecked`, which parses and compiles their functions again on import:
five of the six seconds that an import of Feast takes, in every process (docs/adr/0209-feast-without-runtime-checks.md).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import typeguard

Checked = TypeVar("Checked")


def _unchanged(target: Checked) -> Checked:
    return target


@contextmanager
def runtime_checks_off() -> Iterator[None]:
    """Within the block, `typeguard.typechecked` returns what it decorates, as under `python -O`."""
    typechecked = typeguard.typechecked
    typeguard.typechecked = _unchanged  # type: ignore[assignment]
    try:
        yield
    finally:
        typeguard.typechecked = typechecked
