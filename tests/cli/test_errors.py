"""Invalid input ends a command with one line and an exit code, a defect with a traceback."""

import gzip
import importlib
import json
import sqlite3
from pathlib import Path

import click
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import api
import claims
import core
import features
import models
import pipelines
import serving
from cli.command import Command
from cli.errors import one_line
from cli.main import main
from features.errors import InvalidFrameError
from pipelines.gates import GateFailed
from pipelines.score import InputError

ROOMS = (api, claims, core, features, models, pipelines, serving)


def raising(error: BaseException) -> click.Command:
    """A command that raises `error`."""

    @click.command(cls=Command)
    def fails(as_json: bool) -> None:
        raise error

    return fails


def modules_of_errors() -> list[str]:
    root = Path(core.__path__[0]).parent
    found = (path for room in ROOMS for path in Path(room.__path__[0]).rglob("errors.py"))
    return sorted(".".join(path.relative_to(root).with_suffix("").parts) for path in found)


@pytest.mark.parametrize("name", modules_of_errors())
def test_every_error_of_the_project_is_one_line(name: str) -> None:
    module = importlib.import_module(name)
    kinds = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Exception)]
    for kind in kinds:
        if kind.__module__ == name:
            error = kind.__new__(kind)
            error.args = ("what is wrong",)
            assert one_line(error) is not None, kind


@pytest.mark.parametrize(
    ("error", "code"),
    [(InvalidFrameError("the frame", "1 of them"), 1), (InputError("the file has no claims"), 2)],
    ids=["failed", "usage"],
)
def test_an_error_of_ours_ends_a_command_with_one_line_and_its_exit_code(error: Exception, code: int) -> None:
    done = CliRunner().invoke(raising(error), [])
    assert done.exit_code == code
    assert done.output == f"Error: {error}\n"


def test_an_error_with_json_is_an_object_on_the_error_stream() -> None:
    done = CliRunner().invoke(raising(InputError("the file has no claims")), ["--json"])
    assert done.exit_code == 2
    assert done.stdout == ""
    expected = {"error": {"type": "usage", "message": "the file has no claims", "exit_code": 2}}
    assert json.loads(done.stderr) == expected


@pytest.mark.parametrize(
    "defect", [KeyError("x"), ZeroDivisionError(), AssertionError("x"), ValueError("x"), TypeError()]
)
def test_an_internal_error_is_logged_with_its_traceback(defect: Exception) -> None:
    done = CliRunner().invoke(raising(defect), [])
    assert done.exception is defect


def test_a_missing_permission_is_reported_in_one_line() -> None:
    done = CliRunner().invoke(raising(PermissionError(13, "Permission denied", "/x/claims.csv")), [])
    assert (done.exit_code, done.output) == (1, "Error: /x/claims.csv: Permission denied\n")


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device", "/x/claims.parquet"),
        OSError(27, "File too large"),
        OSError("Error writing bytes to file. Detail: [errno 28] No space left on device"),
        duckdb.IOException("IO Error: Could not write file: No space left on device"),
        sqlite3.OperationalError("database or disk is full"),
        FileNotFoundError(2, "No usable temporary directory found in ['/tmp']"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_full_disk_is_reported_in_one_line(error: Exception) -> None:
    done = CliRunner().invoke(raising(error), [])
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert len(done.output.splitlines()) == 1


def test_the_exit_code_of_a_gate_is_kept() -> None:
    error = GateFailed.__new__(GateFailed)
    error.args = ("refused",)
    assert CliRunner().invoke(raising(error), []).exit_code == getattr(error, "exit_code", 1)


def test_a_file_without_claims_is_reported_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("name: x\ncolumns: {amount: a, received_at: d}\n")
    files = {
        "binary.csv": bytes(range(256)) * 10,
        "broken.gz": gzip.compress(b"a,d\n5,2025-01-01\n" * 1_000)[:40],
        "broken.parquet": b"PAR1" + b"x" * 100,
        "empty.csv": b"",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        arguments = ["data", "ingest", "csv", str(tmp_path / name), "--mapping", str(tmp_path / "m.yaml")]
        done = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path / "out")])
        assert done.exit_code == 2, (name, done.output)
        errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
        assert errors == done.stderr.splitlines()[-1:]
        assert "Traceback" not in done.output


def test_a_damaged_data_folder_ends_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "claims.parquet").write_bytes(b"PAR1 is not enough")
    pq.write_table(pa.table({"claim_id": ["A"]}), tmp_path / "labels.parquet")
    done = CliRunner().invoke(main, ["data", "check", str(tmp_path)])
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    assert done.stderr.splitlines()[-1].startswith("Error: ")
