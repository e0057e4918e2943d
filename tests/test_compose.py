"""The containers, compared with the code: no Docker engine runs here, so files are checked instead."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from cli.main import main
from core.settings import Settings

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILES = ["deploy/Dockerfile", "mlflow/Dockerfile"]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
BUILT = {name: service for name, service in SERVICES.items() if "build" in service}


@cache
def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """A Dockerfile's instructions, continued lines joined: `("COPY", "cli cli")`."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / dockerfile).read_text())
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def stage(dockerfile: str, target: str) -> list[tuple[str, str]]:
    """What a target runs: its own instructions and those of the stages it is built from."""
    stages: dict[str, list[tuple[str, str]]] = {}
    parents: dict[str, str] = {}
    name = ""
    for word, rest in instructions(dockerfile):
        if word == "FROM":
            parent, _, name = rest.partition(" AS ")
            parents[name], stages[name] = parent, []
        elif name:
            stages[name].append((word, rest))
    chain = []
    while target in stages:
        chain.append(stages[target])
        target = parents[target]
    return [one for part in reversed(chain) for one in part]


def commands() -> list[tuple[str, list[str]]]:
    """Every command a container runs: the services', their health checks', the images' own, and the MLproject's."""
    found = []
    for name, service in SERVICES.items():
        if "command" in service:
            found.append((name, service["command"]))
    for dockerfile in DOCKERFILES:
        for word, rest in instructions(dockerfile):
            if word == "CMD":
                found.append((dockerfile, yaml.safe_load(rest)))
    project = yaml.safe_load((ROOT / "mlflow/MLproject").read_text())
    found += [("MLproject", entry["command"].split()) for entry in project["entry_points"].values()]
    return [(where, [str(word) for word in command]) for where, command in found]


@pytest.mark.parametrize(("where", "command"), commands(), ids=lambda value: value if isinstance(value, str) else "-")
def test_every_command_exists(where: Any, command: Any) -> None:
    program, *arguments = command
    if program == "ginja":
        resolve(main, arguments)
    elif program == "mlflow":
        from mlflow.cli import cli as mlflow

        resolve(mlflow, arguments)
    else:
        assert where in SERVICES
        assert program == "valkey-server"


def resolve(group: click.Group, arguments: list[str]) -> None:
    """Follow a command line down to its command, and check that each option is one of its own."""
    command: click.Command = group
    context = click.Context(group)
    rest = list(arguments)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(context, rest.pop(0))
        assert found is not None, arguments
        command = found
    if rest != ["--help"]:
        command.make_context("checked", rest, resilient_parsing=False).close()


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_variable_of_ours_is_a_setting(name: str) -> None:
    variables = SERVICES[name].get("environment", {})
    ours = {variable.removeprefix("GINJA_").lower() for variable in variables if variable.startswith("GINJA_")}
    assert ours <= set(Settings.model_fields)


@pytest.mark.parametrize("name", sorted(BUILT))
def test_settings_of_every_container_are_valid(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        key = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U="
        filled = re.sub(r"\$\{ENCRYPTION_KEYS:[^}]+\}", key, str(value))
        monkeypatch.setenv(variable, re.sub(r"\$\{[^}]+\}", "secret" * 6, filled))
    assert Settings().model_fields_set


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_every_variable_of_ours_in_an_image_is_a_setting(dockerfile: Any) -> None:
    for word, rest in instructions(dockerfile):
        if word == "ENV":
            assert {name.lower() for name in re.findall(r"GINJA_([A-Z_]+)=", rest)} <= set(Settings.model_fields)


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_images_install_extras_that_exist_and_copy_what_is_there(dockerfile: Any) -> None:
    extras = PYPROJECT["project"]["optional-dependencies"]
    for word, rest in instructions(dockerfile):
        if word == "RUN":
            assert set(re.findall(r"--extra (\S+)", rest)) <= set(extras)
            assert "uv sync" not in rest or "--frozen" in rest
        if word == "COPY" and "--from" not in rest:
            assert all((ROOT / source).exists() for source in rest.split()[:-1])


def test_the_image_holds_every_room_of_the_wheel() -> None:
    copied = {source for word, rest in stage("deploy/Dockerfile", "build") if word == "COPY" for source in rest.split()}
    assert set(PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) <= copied


@pytest.mark.parametrize("name", sorted(BUILT))
def test_a_service_s_image_can_be_built_and_does_not_run_as_root(name: str) -> None:
    build = BUILT[name]["build"]
    assert build["dockerfile"] in DOCKERFILES
    steps = stage(build["dockerfile"], build["target"])
    assert steps
    users = [rest for word, rest in steps if word == "USER"]
    assert users[-1] != "root"


@pytest.mark.parametrize("target", ["api", "worker", "tasks", "scorer"])
def test_without_mlflow_its_folder_cannot_be_imported_in_its_place(target: Any) -> None:
    """Those images install no extra that brings MLflow, and set PYTHONSAFEPATH."""
    steps = stage("deploy/Dockerfile", target)
    assert any(word == "ENV" and "PYTHONSAFEPATH=1" in rest for word, rest in steps)
    installed = " ".join(rest for _, rest in stage("deploy/Dockerfile", f"build-{target}"))
    assert not {"pipelines", "tracking", "all"} & set(re.findall(r"--extra (\S+)", installed))


def test_images_are_pinned_to_a_version() -> None:
    images = [service["image"] for service in SERVICES.values() if "image" in service]
    for dockerfile in DOCKERFILES:
        images += re.findall(r"^ARG PYTHON=(\S+)", (ROOT / dockerfile).read_text(), re.MULTILINE)
    assert len(images) == 4
    for image in images:
        assert re.search(r":\d+\.\d+(\.\d+)?[-\w]*$", image), image


def test_the_servers_have_the_versions_that_the_tests_use(postgres_server: str, valkey_server: str) -> None:
    import psycopg
    import redis

    with psycopg.connect(postgres_server) as connection:
        (shown,) = connection.execute("SHOW server_version").fetchall()
    running = str(shown[0]).split()[0]
    assert SERVICES["postgres"]["image"].startswith(f"postgres:{running}-")
    with redis.Redis.from_url(valkey_server) as client:
        running = client.info("server")["valkey_version"]
    assert SERVICES["valkey"]["image"].startswith(f"valkey/valkey:{running}")


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_that_others_wait_for_has_a_health_check(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        if how["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]
        else:
            assert how["condition"] == "service_completed_successfully"
            assert SERVICES[other]["restart"] == "no"


@pytest.mark.parametrize(
    ("name", "port"),
    [
        ("api", str(SERVICES["api"]["environment"]["GINJA_API_PORT"])),
        ("scorer", str(SERVICES["scorer"]["environment"]["GINJA_SCORER_PORT"])),
        ("mlflow", " ".join(SERVICES["mlflow"]["command"]).partition("--port=")[2].partition(" ")[0]),
    ],
)
def test_a_health_check_uses_the_port_that_the_service_listens_on(name: str, port: Any) -> None:
    assert re.findall(r"http://127\.0\.0\.1:(\d+)/", SERVICES[name]["healthcheck"]["test"][-1]) == [port]


def test_only_loopback_addresses_are_published() -> None:
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_no_password_is_written_down() -> None:
    """Each secret comes from `.env`, and compose says so when it is missing."""
    text = (ROOT / "docker-compose.yml").read_text()
    requested = set(re.findall(r"\$\{(\w+)", text))
    assert requested == set(re.findall(r"^(\w+)=", (ROOT / "deploy/env.example").read_text(), re.MULTILINE))
    assert all(":?" in use for use in re.findall(r"\$\{[^}]+\}", text.partition("services:")[2]))


def test_every_volume_used_is_declared() -> None:
    used = {mount.partition(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])}
    files = {source for source in used if source.startswith("./")}
    assert used - files == set(COMPOSE["volumes"])
    assert all((ROOT / source).is_file() for source in files)


def test_the_application_s_database_role_is_no_superuser() -> None:
    assert "POSTGRES_USER" not in SERVICES["postgres"]["environment"]
    script = (ROOT / "deploy/create-role.sh").read_text()
    assert {"NOSUPERUSER", "NOCREATEROLE", "NOREPLICATION", "NOBYPASSRLS"} <= set(script.split())
    urls = [
        service["environment"]["GINJA_DATABASE_URL"]
        for name, service in SERVICES.items()
        if "GINJA_DATABASE_URL" in service.get("environment", {})
    ]
    assert urls
    assert all(url.startswith("postgresql://ginja:") for url in urls)


@pytest.mark.parametrize("name", ["api", "worker", "tasks"])
def test_requests_are_answered_under_a_role_that_owns_nothing(name: str) -> None:
    assert SERVICES[name]["environment"]["GINJA_DATABASE_API_URL"].startswith("postgresql://ginja_api:")
    (created,) = re.findall(r"CREATE ROLE ginja_api (.*) PASSWORD", (ROOT / "deploy/create-role.sh").read_text())
    assert {"NOCREATEDB", "NOSUPERUSER", "NOCREATEROLE", "NOREPLICATION", "NOBYPASSRLS"} <= set(created.split())


def test_mlflow_is_reached_by_jobs_alone() -> None:
    """It has no users; who reaches it may register models, which are then refused because they have no signature."""
    beside = {name for name, service in SERVICES.items() if "models" in service.get("networks", ())}
    assert SERVICES["mlflow"]["networks"] == ["models"]
    assert beside == {"mlflow", "jobs"}
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["mlflow"]["ports"])


def test_hosts_without_tls_are_services_of_the_same_file() -> None:
    assert set(COMPOSE["x-ginja"]["environment"]["GINJA_PLAINTEXT_HOSTS"].split(",")) <= set(SERVICES)


def test_every_part_of_the_platform_responds() -> None:
    assert {"postgres", "valkey", "mlflow", "scorer", "api", "worker", "tasks"} <= set(SERVICES)
    assert SERVICES["scorer"]["command"] == ["ginja", "run", "scorer"]
