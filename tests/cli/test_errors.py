"""Bad input ends a command in one line and an exit code; a defect in a traceback."""

import gzip
import importlib
from pathlib import Path

import click
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
from cli.errors import one_line
from cli.main import LazyGroup, main
from features.errors import InvalidFrameError
from pipelines.gates.errors import GateFailed
from pipelines.score import InputError

ROOMS = (api, claims, core, features, models, pipelines, serving)


def raising(error: BaseException) -> click.Group:
    @click.group(cls=LazyGroup)
    def group() -> None: ...

    @click.command()
    def fails() -> None:
        raise error

    group.get_command = lambda ctx, name: fails  # type: ignore[method-assign]
    return group


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


@pytest.mark.parametrize("error", [InvalidFrameError("the frame", "1 of them"), InputError("the file has no claims")])
def test_an_error_of_the_project_ends_a_command_with_1(error: Exception) -> None:
    done = CliRunner().invoke(raising(error), ["x"])
    assert done.exit_code == 1
    assert done.output == f"Error: {error}\n"


@pytest.mark.parametrize(
    "defect", [KeyError("x"), ZeroDivisionError(), AssertionError("x"), ValueError("x"), TypeError()]
)
def test_a_defect_keeps_its_traceback(defect: Exception) -> None:
    done = CliRunner().invoke(raising(defect), ["x"])
    assert done.exception is defect


def test_a_permission_that_is_missing_is_one_line() -> None:
    done = CliRunner().invoke(raising(PermissionError(13, "Permission denied", "/x/claims.csv")), ["x"])
    assert (done.exit_code, done.output) == (1, "Error: /x/claims.csv: Permission denied\n")


def test_the_exit_code_of_a_gate_is_kept() -> None:
    error = GateFailed.__new__(GateFailed)
    error.args = ("refused",)
    assert CliRunner().invoke(raising(error), ["x"]).exit_code == getattr(error, "exit_code", 1)


def test_files_that_are_no_claims_end_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("name: x\ncolumns: {amount: a, received_at: d}\n")
    files = {
        "binary.csv": bytes(range(256)) * 10,
        "broken.gz": gzip.compress(b"a,d\n5,2025-01-01\n" * 1_000)[:40],
        "broken.parquet": b"PAR1" + b"x" * 100,
        "empty.csv": b"",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        arguments = ["ingest", "csv", str(tmp_path / name), "--mapping", str(tmp_path / "m.yaml")]
        done = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path / "out")])
        assert done.exit_code == 1, (name, done.output)
        assert done.output.strip().startswith("Error: ")
        assert done.output.strip().count("\n") == 0


def test_a_damaged_data_folder_ends_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "claims.parquet").write_bytes(b"PAR1 is not enough")
    pq.write_table(pa.table({"claim_id": ["A"]}), tmp_path / "labels.parquet")
    done = CliRunner().invoke(main, ["gate", str(tmp_path)])
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    assert done.output.strip().startswith("Error: ")
