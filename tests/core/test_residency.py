"""Files with data of members stay in the region of the data: other folders, and undeclared ones, are refused."""

import inspect
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from cli.main import main
from cli.tree import COMMANDS, load
from core.residency import ResidencyError, require_region
from core.settings import Settings


def settings_of(folder: Path, residency: str | None = "us") -> Settings:
    regions = f"{folder}=us, {folder / 'mirror'}=eu-west-1, {folder / 'mirror' / 'back'}=us"
    return Settings(data_residency=residency, data_regions=regions)


@pytest.mark.parametrize(
    ("place", "is_allowed"),
    [
        ("a.zip", True),
        ("deep/er/a.zip", True),
        ("mirror/a.zip", False),
        ("mirror/back/a.zip", True),
        ("../a.zip", False),
        ("mirror/../a.zip", True),
        ("deep/../../a.zip", False),
    ],
)
def test_the_innermost_declared_folder_says_where_a_file_is(tmp_path, place, is_allowed):
    settings = settings_of(tmp_path / "out")
    if is_allowed:
        require_region(settings, tmp_path / "out" / place)
    else:
        with pytest.raises(ResidencyError, match="must stay in us: write it to a folder of the region, or declare"):
            require_region(settings, tmp_path / "out" / place)


def test_a_link_is_where_it_leads_to(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ResidencyError, match="in no declared region"):
        require_region(settings_of(tmp_path / "out"), tmp_path / "out" / "link" / "a.zip")


def test_without_a_residency_every_place_is_allowed(tmp_path):
    place = Path("/anywhere/a.zip")
    require_region(settings_of(tmp_path, residency=None), place)
    with pytest.raises(ResidencyError):
        require_region(settings_of(tmp_path), place)


@pytest.mark.parametrize("regions", ["/a", "a=us", "/a=US", "/a=", "=us", "/a=us,/b"])
def test_regions_that_cannot_be_are_refused(regions):
    with pytest.raises(ValidationError, match="FOLDER=REGION"):
        Settings(data_regions=regions)


_MAPPING = """name: acme
columns: {claim_id: ref, received_at: booked, provider_id: doctor, amount: billed, label: verdict}
dates: {formats: ["%Y-%m-%d"], timezone: UTC}
label: {fraud: [bad], clean: [good]}
"""
NO_MEMBERS = {
    "data simulate --out": "simulated claims",
    "features docs --out": "declarations",
    "keys signing-key create --key-file": "a key",
    "policy test --plot": "counts by group",
    "review simulate --plot": "simulated claims",
}
"""Files of commands that may be anywhere, and what they have instead of data of members."""


def test_each_command_that_writes_a_file_is_checked_or_declared():
    written = {
        (entry.path, f"{entry.path} {parameter.opts[0]}"): inspect.getsource(inspect.getmodule(load(entry).callback))
        for entry in COMMANDS
        for parameter in load(entry).params
        if isinstance(parameter.type, click.Path) and not parameter.type.exists
    }
    unchecked = {place for (_, place), source in written.items() if "check_region" not in source}
    assert unchecked == set(NO_MEMBERS), "call check_region of cli/residency.py, or declare it here"


@pytest.mark.parametrize(
    "words",
    [
        ["data", "export-member", "M123", "--to", "{file}", "--reason", "r"],
        ["data", "ingest", "fhir", __file__, "--answer", "{file}"],
        ["data", "ingest", "x12", __file__, "--answer", "{file}"],
        ["audit", "export", "--output", "{file}"],
        ["model", "score", __file__, "--out", "{file}"],
        ["data", "check", "--report", "{file}"],
        ["data", "ingest", "csv", __file__, "--mapping", "{mapping}", "--out", "{file}"],
        ["data", "ingest", "history", __file__, "--out", "{file}"],
        ["data", "ingest", "provider-fraud", "/", "--out", "{file}"],
        ["report", "remittance", "H456", "--first-day", "2026-11-01", "--last-day", "2026-11-30", "--edi", "{file}"],
    ],
    ids=lambda words: " ".join(words[:3]),
)
def test_a_command_that_writes_data_of_members_refuses_another_region_before_it_does_anything(tmp_path, words):
    file = tmp_path / "elsewhere" / "a.out"
    file.parent.mkdir()
    environment = {"GINJA_HOME": str(tmp_path), "GINJA_DATA_RESIDENCY": "us", "GINJA_DATA_REGIONS": "/srv/out=us"}
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(_MAPPING)
    words = [one.replace("{file}", str(file)).replace("{mapping}", str(mapping)) for one in words]
    done = CliRunner().invoke(main, words, env=environment)
    assert done.exit_code == 2
    assert "in no declared region, and the data must stay in us" in done.output
    assert not file.exists()
