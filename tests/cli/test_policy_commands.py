"""`ginja policy`: versions are written, compared, activated by another person, and rolled back."""

import json
from datetime import date

from click.testing import CliRunner

from cli.main import main
from pipelines.simulate import SimulationConfig, simulate, write

POLICY = """
# Surgery above 8,000 is reviewed.
title: Lower cap for outpatient surgery
valid_from: 2026-01-01
parameters:
  auto_approval_cap_cents: 900000
rules:
- name: outpatient_surgery
  when:
    all:
    - {field: specialty, operator: eq, value: surgery}
    - {field: place_of_service, operator: in, value: ["22", "24"]}
  then: {auto_approval_cap_cents: 800000}
  reason: Outpatient surgery above 8,000 is reviewed.
"""


def test_a_policy_is_drafted_compared_activated_and_rolled_back(database_url, tmp_path):
    environment = {"GINJA_DATABASE_URL": database_url}
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)

    def run(*words):
        return CliRunner().invoke(main, ["policy", *map(str, words)], env=environment)

    def result(*words):
        done = run(*words, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    assert result("list") == {"versions": [], "in_force": 0}
    assert result("show")["document"]["parameters"]["auto_approval_cap_cents"] == 1_000_000
    changes = {one["path"]: one["after"] for one in result("diff", file)["changes"]}
    assert changes["parameters.auto_approval_cap_cents"] == 900_000
    assert result("draft", file, "--by", "ann")["version"] == 1
    refused = run("activate", 1, "--reason", "x", "--by", "Ann")
    assert (refused.exit_code, "another person activates it" in refused.stderr) == (2, True)
    assert result("activate", 1, "--reason", "season", "--by", "bob", "--force")["version"] == 1
    (listed,) = result("list")["versions"]
    assert [listed[name] for name in ("status", "author", "approver", "reason")] == ["active", "ann", "bob", "season"]

    shown = run("show").stdout
    assert shown.startswith("# version 1, active, by ann\n")
    file.write_text(shown.replace("900000", "850000"))
    assert [one["path"] for one in result("diff", file)["changes"]] == ["parameters.auto_approval_cap_cents"]
    assert "parameters.auto_approval_cap_cents: 900000 -> 850000" in run("diff", file, 1).stdout
    assert result("draft", file, "--by", "bob")["version"] == 2
    assert result("activate", 2, "--reason", "lower", "--by", "ann", "--force")["version"] == 2
    assert result("rollback", "--reason", "too many", "--by", "ann")["version"] == 1
    assert result("rollback", "--reason", "too many", "--by", "ann")["version"] is None
    assert "the settings decide" in run("list").stdout
    assert "0 stored decisions by version 2: 0 to review (0 dollars)" in run("replay", 2).stdout
    replayed = result("replay", file)
    assert (replayed["policy"], replayed["decisions"], replayed["groups"]) == (str(file), 0, [])
    assert result("verify") == {"decisions": 0, "different": 0, "examples": []}


def test_a_version_is_tested_on_past_claims_before_it_is_activated(database_url, tmp_path):
    home = tmp_path / "home"
    write(simulate(SimulationConfig(claims=2_000, seed=1, end=date(2026, 6, 1))), home / "data")
    environment = {"GINJA_DATABASE_URL": database_url, "GINJA_HOME": str(home)}
    file = tmp_path / "policy.yaml"

    def run(*words):
        return CliRunner().invoke(main, ["policy", *map(str, words)], env=environment)

    file.write_text(POLICY)
    assert run("draft", file, "--by", "ann").exit_code == 0
    refused = run("activate", 1, "--reason", "x", "--by", "bob")
    assert (refused.exit_code, "run `ginja policy test 1`" in refused.stderr) == (4, True)
    few = run("test", 1, "--claims", 1, "--capacity", 1_000_000_000, "--by", "ann", "--json")
    assert [gate["gate"] for gate in json.loads(few.stdout)["gates"] if not gate["passed"]] == ["enough_claims"]
    refused = run("activate", 1, "--reason", "x", "--by", "bob")
    assert (refused.exit_code, "did not pass enough_claims in test 1" in refused.stderr) == (4, True)
    tested = run("test", 1, "--by", "ann", "--json")
    assert tested.exit_code == 0, tested.output
    found = json.loads(tested.stdout)
    assert (found["from"], found["to"], found["test"], found["scored"]) == ("settings", "version 1", 2, 0)
    assert found["claims"] + found["not_submittable"] == 2_000
    assert all(gate["passed"] for gate in found["gates"])
    activated = run("activate", 1, "--reason", "x", "--by", "bob", "--json")
    assert json.loads(activated.stdout)["forced"] is False

    file.write_text(POLICY.replace("900000", "100"))
    refused = run("test", file, "--plot", tmp_path / "policy.pdf")
    assert (refused.exit_code, "'policy.pdf' must end with .svg or .png" in refused.stderr) == (2, True)
    shown = run("test", file, "--plot", tmp_path / "charts" / "policy.svg")
    chart = (tmp_path / "charts" / "policy.svg").read_text()
    (tmp_path / "file").write_text("")
    unwritable = run("test", 1, "--by", "ann", "--plot", tmp_path / "file" / "policy.svg")
    assert (unwritable.exit_code != 0, "Stored as test 3." in unwritable.stdout) == (True, True)
    assert all(words in chart for words in ("decisions change", "version 1", "policy.yaml", "Share in review"))
    assert (shown.exit_code, "Stored as" in shown.stdout) == (4, False)
    assert "REFUSED" in shown.stdout
    assert run("draft", file, "--by", "ann").exit_code == 0
    assert run("test", 2, "--by", "ann").exit_code == 4
    refused = run("activate", 2, "--reason", "x", "--by", "bob")
    assert (refused.exit_code, "did not pass reviews_within_capacity" in refused.stderr) == (4, True)
    forced = run("activate", 2, "--reason", "fraud wave", "--by", "bob", "--force")
    assert "by bob, without a test that passed" in forced.stdout
    assert (
        f"It rests on test 4 of ann: {found['claims']:,} claims of simulated, {found['first_day']} to " in forced.stdout
    )
    assert "0 with a score; capacity: 1 % of the claims" in forced.stdout
    assert json.loads(run("test", file, "--base", "settings", "--capacity", "100000", "--json").stdout)["test"] is None


def test_a_file_that_is_no_policy_is_refused_with_every_problem(database_url, tmp_path):
    environment = {"GINJA_DATABASE_URL": database_url}

    def refused(name, text, words=("draft",)):
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        done = CliRunner().invoke(main, ["policy", *words, str(file)], env=environment)
        assert (done.exit_code, done.stdout) == (2, "")
        return done.stderr

    shown = refused("policy.yaml", POLICY.replace("field: specialty", "field: sex") + "cap: 1\n")
    assert "policy.yaml: unknown key cap; allowed: title" in shown
    shown = refused("policy.yaml", POLICY.replace("field: specialty", "field: sex"), words=("diff",))
    assert "policy.yaml: rules.0.when.all.0: unknown field sex; allowed: amount_cents" in shown
    assert "is neither YAML nor JSON" in refused("policy.yaml", "a: [")
    assert "is neither YAML nor JSON" in refused("policy.json", "{,}")
    assert "is neither YAML nor JSON" in refused("policy.yaml", b"\xff\xfe\x00")
    assert "uses a YAML alias" in refused("policy.yaml", "a: &x [1]\nb: *x\n")
    assert "more than 1,048,576 bytes" in refused("policy.yaml", "#" * (1 << 20) + "\n")


def test_a_version_that_does_not_exist_is_a_usage_error(database_url):
    environment = {"GINJA_DATABASE_URL": database_url}
    for words in (("show", "7"), ("diff", "7"), ("test", "7"), ("activate", "7", "--reason", "x", "--by", "bob")):
        done = CliRunner().invoke(main, ["policy", *words], env=environment)
        assert (done.exit_code, "there is no policy version 7" in done.stderr) == (2, True)
    done = CliRunner().invoke(main, ["policy", "show", "latest"], env=environment)
    assert "latest is no file and no version: give a file, a number, or `settings`." in done.stderr
    done = CliRunner().invoke(main, ["policy", "rollback", "--reason", "x"], env=environment)
    assert (done.exit_code, "there is nothing to roll back" in done.stderr) == (2, True)
