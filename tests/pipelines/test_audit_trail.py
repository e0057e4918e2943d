"""The audit trail survives a process that dies or a disk that fills while an entry is written."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models.artefact import Pointer, models_folder, point, read_pointer
from pipelines import audit_trail
from pipelines.promote import rollback
from tests.models.stores import register_two


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Files of this process grow to `size` bytes; as on a full disk, a part of what exceeds it is written."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def record(home: Path, version: str) -> None:
    audit_trail.record(home, "promote", version=version, by="Ann", reason="every gate passed")


def test_an_entry_that_does_not_fit_on_the_disk_leaves_the_trail_readable(tmp_path: Path) -> None:
    record(tmp_path, "a")
    size = audit_trail.audit_trail_path(tmp_path).stat().st_size
    with largest_file(size + 20), pytest.raises(OSError, match="large"):
        record(tmp_path, "b")
    assert [entry.version for entry in audit_trail.read(tmp_path)] == ["a"]
    record(tmp_path, "c")
    assert [entry.version for entry in audit_trail.read(tmp_path)] == ["a", "c"]


def test_a_rollback_that_cannot_be_recorded_does_not_happen(tmp_path: Path) -> None:
    register_two(tmp_path)
    for version in ("v1", "v2"):
        point(tmp_path, version)
    before = read_pointer(tmp_path)
    assert isinstance(before, Pointer)
    audit_trail.audit_trail_path(tmp_path).mkdir()  # in the place of the file
    with pytest.raises(IsADirectoryError):
        rollback(tmp_path, by="Ann")
    assert read_pointer(tmp_path) == before
    assert not [path for path in models_folder(tmp_path).iterdir() if path.name.startswith(".champion")]
