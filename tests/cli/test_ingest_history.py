"""`ginja data ingest history` makes a data set of the decided claims of files."""

import json
from pathlib import Path

from click.testing import CliRunner

from cli.exit_codes import ExitCode
from cli.main import main
from tests.formats.history_files import explanation, file_of_sets, remittance, remitted


def run(home: Path, *words: str):
    return CliRunner().invoke(main, ["data", "ingest", "history", *words], env={"GINJA_HOME": str(home)})


def test_a_folder_becomes_a_data_set_under_its_name(tmp_path: Path):
    files = tmp_path / "files"
    files.mkdir()
    (files / "a.835").write_bytes(file_of_sets(remittance(remitted(), remitted("PCN-2", control="ICN-2", paid="x"))))
    (files / "b.json").write_text(json.dumps(explanation()))
    result = run(tmp_path / "home", str(files), "--name", "acme", "--json")
    assert result.exit_code == ExitCode.OK, result.output
    found = json.loads(result.stdout)
    assert (found["dataset"], found["rows"], found["claims"], found["rejected"]) == ("acme", 3, 2, 1)
    assert (tmp_path / "home" / "datasets" / "acme" / "outcomes.parquet").exists()


def test_files_without_a_claim_end_with_2(tmp_path: Path):
    file = tmp_path / "a.txt"
    file.write_text("x")
    result = run(tmp_path / "home", str(file))
    assert result.exit_code == ExitCode.USAGE
    assert "neither X12 (ISA) nor JSON" in result.stderr
