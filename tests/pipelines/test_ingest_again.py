"""A file that is ingested again: where that fails, the former data set stays as it was."""

import errno
import hashlib
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from click.testing import CliRunner

from cli.main import main
from pipelines.ingest import IngestError
from pipelines.store import read_document, write_frames
from tests.pipelines.claims_files import GOOD, HEADER, PLAIN, ingest, mapping


def contents(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@contextmanager
def small_files(limit: int) -> Iterator[None]:
    """No file of this process may become longer than `limit` bytes: a write fails as on a full disk."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)


@pytest.mark.parametrize(
    ("lines", "using"),
    [
        ([HEADER], mapping()),
        ([HEADER, "A9,31/12/2024,H1,P1,nothing,N"], mapping()),
        (["other,columns", "1,2"], mapping()),
        (['"' + HEADER, "x"], mapping()),
    ],
    ids=["no rows", "no claims", "another header", "an open quote"],
)
def test_a_failed_ingestion_leaves_the_former_data_set(tmp_path: Path, lines: list[str], using) -> None:
    done = ingest(tmp_path, [HEADER, GOOD.format("A1"), "A2,31/12/2024,H1,P1,nothing,N"])
    former = contents(done.folder)
    assert "rejects.csv" in former
    with pytest.raises(IngestError):
        ingest(tmp_path, lines, using)
    now = contents(done.folder)
    listed = now.pop("rejects.failed.csv", None)
    assert (listed is not None) == ("nothing" in lines[-1])
    assert now == former
    ingest(tmp_path, [HEADER, GOOD.format("A1")])
    assert set(contents(done.folder)) == set(former)


def test_a_full_disk_leaves_the_former_frames(tmp_path: Path) -> None:
    write_frames({"claims": pa.table({"a": [1]})}, tmp_path, {"source": "csv"})
    former = contents(tmp_path)
    large = pa.table({"a": [hashlib.sha256(bytes([n % 256, n // 256])).hexdigest() for n in range(3_000)]})
    with small_files(50_000), pytest.raises(OSError, match="File too large") as caught:
        write_frames({"claims": pa.table({"a": [2]}), "labels": large}, tmp_path, {"source": "csv"})
    assert caught.value.errno == errno.EFBIG
    assert contents(tmp_path) == former
    assert read_document(tmp_path)["frames"] == {"claims": 1}


def test_a_full_disk_ends_an_ingestion_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(PLAIN))
    command = ["data", "ingest", "csv", str(tmp_path / "c.csv"), "--mapping", str(tmp_path / "m.yaml"), "--out"]
    (tmp_path / "c.csv").write_text("\n".join([HEADER, GOOD.format("A0")]))
    assert CliRunner().invoke(main, [*command, str(tmp_path / "out")]).exit_code == 0
    former = contents(tmp_path / "out")
    rows = [f"{hashlib.sha256(str(n).encode()).hexdigest()},31/12/2024,H{n},P{n},5,N" for n in range(2_000)]
    (tmp_path / "c.csv").write_text("\n".join([HEADER, *rows]))
    with small_files(20_000):
        done = CliRunner().invoke(main, [*command, str(tmp_path / "out")])
    assert done.exit_code == 1, done.output
    assert "Traceback" not in done.output
    assert done.stderr.splitlines()[-1].startswith("Error: ")
    assert contents(tmp_path / "out") == former
