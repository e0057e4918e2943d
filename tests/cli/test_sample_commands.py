"""`ginja sample`: from a list of paid claims to an estimate."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.exit_codes import ExitCode
from cli.main import main


def run(*words: object) -> Result:
    return CliRunner().invoke(main, ["sample", *map(str, words)])


def answer(*words: object) -> dict:
    done = run(*words, "--json")
    assert done.exit_code == ExitCode.OK, done.output
    return json.loads(done.stdout)


@pytest.fixture
def paid(tmp_path: Path) -> Path:
    """200 paid claims of 10.00 to 209.00."""
    file = tmp_path / "paid.csv"
    file.write_text("unit_id,paid\n" + "".join(f"c{at:03},{10 + at}.00\n" for at in range(200)))
    return file


def review(worksheet: Path, wrong: set[str] | None = None) -> None:
    """Fill in the worksheet: a third of the units, or `wrong`, should not have been paid."""
    rows = list(csv.DictReader(worksheet.open(newline="")))
    for at, row in enumerate(rows):
        row["correct_amount"] = "0.00" if (at % 3 == 0 if wrong is None else row["unit_id"] in wrong) else row["paid"]
    with worksheet.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_a_worksheet_is_drawn_reviewed_and_estimated(paid, tmp_path):
    frame, worksheet = tmp_path / "frame.csv", tmp_path / "worksheet.csv"
    described = answer("frame", paid, "--boundary", "100", "--output", frame)
    assert [one["units"] for one in described["strata"]] == [90, 110]
    assert answer("frame", frame)["frame_sha256"] == described["frame_sha256"]
    drawn = answer("draw", frame, "--seed", "s", "--stratum", "1=20", "--stratum", "2=25")
    answer("worksheet", frame, "--seed", "s", "--stratum", "1=20", "--stratum", "2=25", "--output", worksheet)
    assert [row["unit_id"] for row in csv.DictReader(worksheet.open())] == [one["unit_id"] for one in drawn["sample"]]
    review(worksheet)
    found = answer("estimate", frame, worksheet, "--seed", "s")
    assert (found["units"], found["reviewed"], found["wrong"]) == (200, 45, 15)
    assert float(found["lower_bound"]) < float(found["point_estimate"]) < float(found["upper_limit"])
    assert found["demand"] == found["lower_bound"]
    assert found["frame_sha256"] == described["frame_sha256"]
    text = run("estimate", frame, worksheet, "--seed", "s")
    assert f"lower bound  {found['lower_bound']}" in text.output


def test_a_sample_without_strata_has_exact_limits_of_the_wrong_units_too(paid, tmp_path):
    worksheet = tmp_path / "worksheet.csv"
    answer("worksheet", paid, "--seed", "s", "--size", 30, "--output", worksheet)
    review(worksheet)
    found = answer("estimate", paid, worksheet, "--seed", "s")
    assert found["wrong_units_90_percent_limits"] == "46 to 91"
    assert {one["code"] for one in found["warnings"]} == {"imprecise"}


def test_a_worksheet_that_is_not_the_sample_is_refused(paid, tmp_path):
    worksheet = tmp_path / "worksheet.csv"
    answer("worksheet", paid, "--seed", "s", "--size", 10, "--output", worksheet)
    assert "correct_amount of c" in run("estimate", paid, worksheet, "--seed", "s").output
    review(worksheet)
    other_seed = run("estimate", paid, worksheet, "--seed", "t")
    assert other_seed.exit_code == ExitCode.USAGE
    assert "is not the sample of this frame and seed" in other_seed.output
    lines = worksheet.read_text().splitlines(keepends=True)
    worksheet.write_text("".join(lines[:1] + lines[2:]))
    left_out = run("estimate", paid, worksheet, "--seed", "s")
    assert "must not be left out or replaced" in left_out.output or "was drawn and is missing" in left_out.output


def test_a_unit_that_was_left_out_from_the_middle_is_found(paid, tmp_path):
    worksheet = tmp_path / "worksheet.csv"
    answer("worksheet", paid, "--seed", "s", "--size", 10, "--output", worksheet)
    review(worksheet)
    lines = worksheet.read_text().splitlines(keepends=True)
    first = lines.pop(1).split(",")[2]
    worksheet.write_text("".join(lines))
    done = run("estimate", paid, worksheet, "--seed", "s")
    assert done.exit_code == ExitCode.USAGE
    assert first in done.output


def test_a_changed_amount_is_found(paid, tmp_path):
    worksheet = tmp_path / "worksheet.csv"
    answer("worksheet", paid, "--seed", "s", "--size", 10, "--output", worksheet)
    review(worksheet)
    changed = worksheet.read_text().splitlines(keepends=True)
    cells = changed[1].split(",")
    cells[3] = "9999.00"
    worksheet.write_text("".join([changed[0], ",".join(cells), *changed[2:]]))
    assert "another paid amount" in run("estimate", paid, worksheet, "--seed", "s").output


def test_ids_that_a_spreadsheet_would_run_are_written_as_text_and_read_back(tmp_path):
    paid, worksheet = tmp_path / "paid.csv", tmp_path / "worksheet.csv"
    paid.write_text('unit_id,paid\n"=HYPERLINK(1)",5.00\n+c2,6.00\n@c3,7.00\n')
    answer("worksheet", paid, "--seed", "s", "--size", 3, "--output", worksheet)
    cells = {row["unit_id"] for row in csv.DictReader(worksheet.open(newline=""))}
    assert cells == {"'=HYPERLINK(1)", "'+c2", "'@c3"}
    review(worksheet)
    assert answer("estimate", paid, worksheet, "--seed", "s")["reviewed"] == 3


def test_a_narrower_interval_needs_more_units(paid):
    wide, narrow = (
        answer("size", paid, "--error-rate", "0.3", "--precision", precision)["total"] for precision in (0.5, 0.1)
    )
    assert wide < narrow <= 200
    strata = answer("size", paid, "--boundary", "100", "--allocation", "neyman")
    assert set(strata["sizes"]) == {"1", "2"}
    assert "units. Expected overpayment" in run("size", paid).output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--seed", "s"), "Say the size with --size"),
        (("--seed", "s", "--size", "5", "--stratum", "all=5"), "Say the size with --size"),
        (("--seed", "s", "--stratum", "all"), "must be NAME=N"),
        (("--seed", "s", "--size", "201"), "1 to 200 units"),
        (("--seed", "é", "--size", "5"), "seed must have"),
        (("--seed", "s", "--size", "5", "--boundary", "0"), "Boundaries"),
    ],
)
def test_a_draw_that_is_not_possible_is_refused_with_what_is_allowed(paid, words, message):
    done = run("draw", paid, *words)
    assert done.exit_code == ExitCode.USAGE
    assert message in done.output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("unit_id\na\n", "must name unit_id and paid"),
        ("unit_id,paid\na,\n", "the amount is missing"),
        ("unit_id,paid\na,1.234\n", "two decimal places"),
        ("unit_id,paid\na,1\na,2\n", "more than once"),
        ("unit_id,paid\n", "no unit"),
    ],
)
def test_a_list_that_is_no_frame_is_refused_with_its_line(tmp_path, text, message):
    file = tmp_path / "paid.csv"
    file.write_text(text)
    done = run("frame", file)
    assert done.exit_code == ExitCode.USAGE
    assert message in done.output
