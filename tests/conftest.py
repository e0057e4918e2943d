"""Real servers for every test: one Postgres and one Valkey for the whole run, one database for each test.

The controller of a run owns a home folder (`tests/places.py`); its workers share the servers in it, and it stops them
at the end. A run that was killed is cleaned up after by the next one.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path

import hypothesis
import psycopg
import pytest
import redis

from benchmarks.volatile import forgo_durability
from core import embedded, environment, servers
from core.private_files import make_private
from core.settings import Settings
from core.signing import new_key
from tests.places import MEMORY, homes

_HOME = pytest.StashKey[Path]()
_PREFIX = "ginja-tests-"
_TEMPLATE = "ginja_template"
_LONGEST = (
    "tests/docs/test_documents.py",
    "tests/cli/test_demo.py",
    "tests/pipelines/test_notebooks.py",
    "tests/cli/test_model_commands.py",
    "tests/pipelines/test_families.py",
    "tests/api/test_work.py",
    "tests/pipelines/test_train.py",
    "tests/pipelines/test_own_features.py",
)
"""Files of half a minute and more. They begin first, so that no worker is left alone with one at the end."""
_numbers = count(1)

environment.prepare()
if (
    Path(__file__).parents[2] / "shared" / "data"
).is_dir():  # public data sets beside the checkout, where there are any
    os.environ.setdefault("GINJA_DATA_DIR", str(Path(__file__).parents[2] / "shared" / "data"))
# Tests put failing connections between a process and a server; what is about sockets sets it, such as test_sockets.py.
os.environ.setdefault("GINJA_EMBEDDED_LISTEN", "port")
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parents[1] / ".cache" / "numba"))
hypothesis.settings.register_profile("ginja", deadline=None, derandomize="CI" in os.environ)
# For `make mutation`: the same cases for every mutant, and no shrinking of what fails.
hypothesis.settings.register_profile(
    "mutation",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=30,
    phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
)
hypothesis.settings.load_profile("ginja")


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    if _is_worker(config):
        home = Path(config.workerinput["ginja_home"])
    else:
        _clean_up_after_killed_runs()
        home = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=homes()))
        make_private(home / "tests-signing.key", new_key)
    config.stash[_HOME] = home
    # One key for all homes of a run, so that a model made in one process is accepted in another.
    os.environ["GINJA_SIGNING_KEY_FILE"] = str(home / "tests-signing.key")
    os.environ["GINJA_HOME"] = str(home)  # whatever reads the default settings stays out of the developer's home


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {name: number for number, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(place)))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:
    node.workerinput["ginja_home"] = str(node.config.stash[_HOME])


def pytest_unconfigure(config: pytest.Config) -> None:
    if not _is_worker(config) and _HOME in config.stash:
        _remove(config.stash[_HOME])


def _clean_up_after_killed_runs() -> None:
    for left in [left for parent in {MEMORY, Path(tempfile.gettempdir())} for left in parent.glob(f"{_PREFIX}*")]:
        owner = left.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdigit() and embedded.command_line(int(owner)) is None:
            _remove(left)


def _remove(home: Path) -> None:
    servers.stop_servers(home)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def server_home() -> Iterator[Path]:
    """A home for servers of this test alone; they are stopped at the end.

    Not under `tmp_path`: each pytest that starts closes that tree to others again, the account of a running Postgres
    among them, so two runs on one machine would break each other's servers.
    """
    home = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=homes()))
    yield home
    _remove(home)


@pytest.fixture(scope="session")
def server_settings(request: pytest.FixtureRequest) -> Settings:
    """Settings of the servers of this run."""
    return Settings(home=request.config.stash[_HOME])


@pytest.fixture(scope="session")
def postgres_server(server_settings: Settings) -> str:
    """URL of the Postgres of this run, which does not wait for the disk."""
    url = servers.postgres_url(server_settings)
    if server_settings.database_url is None:
        forgo_durability(server_settings.home)
    return url


@pytest.fixture(scope="session")
def database_template(postgres_server: str) -> str:
    """Name of a database at the newest schema, to be copied: made once for all runs that share a server.

    Its name follows from the migrations, and it gets the name when it is complete, so no run finds half of one.
    """
    from api.migrate import MIGRATIONS, upgrade

    name = f"{_TEMPLATE}_{_digest_of(MIGRATIONS)}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext(%s))", [name])
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            unfinished = f"{name}_unfinished"
            servers.drop_database(postgres_server, unfinished)
            upgrade(servers.create_database(postgres_server, unfinished))
            connection.execute(f'ALTER DATABASE "{unfinished}" RENAME TO "{name}"')
    return name


def _digest_of(folder: Path) -> str:
    """Of every Python file below a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@pytest.fixture(scope="session")
def new_database(postgres_server: str, worker_id: str) -> Callable[..., AbstractContextManager[str]]:
    """Makes a database for the length of a block: `new_database()` an empty one, `new_database(template)` a copy."""

    @contextmanager
    def made(template: str | None = None) -> Iterator[str]:
        name = f"t_{worker_id}_{os.getpid()}_{next(_numbers)}"
        yield servers.create_database(postgres_server, name, template=template)
        servers.drop_database(postgres_server, name)

    return made


@pytest.fixture
def empty_database_url(new_database: Callable[..., AbstractContextManager[str]]) -> Iterator[str]:
    """An empty database for this test alone."""
    with new_database() as url:
        yield url


@pytest.fixture
def database_url(new_database: Callable[..., AbstractContextManager[str]], database_template: str) -> Iterator[str]:
    """A database for this test alone, at the newest schema."""
    with new_database(database_template) as url:
        yield url


@pytest.fixture(scope="module")
def module_database_url(
    new_database: Callable[..., AbstractContextManager[str]], database_template: str
) -> Iterator[str]:
    """A database of a module, at the newest schema, for tests that only read or use separate keys."""
    with new_database(database_template) as url:
        yield url


@pytest.fixture(scope="session")
def valkey_server(server_settings: Settings) -> str:
    """URL of the Valkey of this run, without a database number."""
    return servers.valkey_url(server_settings).rpartition("/")[0]


def _emptied(url: str) -> str:
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


def _worker_number(worker_id: str) -> int:
    return int(worker_id.removeprefix("gw")) if worker_id != "master" else 0


@pytest.fixture
def valkey_url(valkey_server: str, worker_id: str) -> str:
    """An empty Valkey database for this test alone."""
    return _emptied(f"{valkey_server}/{2 * _worker_number(worker_id)}")


@pytest.fixture(scope="module")
def module_valkey_url(valkey_server: str, worker_id: str) -> str:
    """A Valkey database shared by the tests of a module, empty at its start."""
    return _emptied(f"{valkey_server}/{2 * _worker_number(worker_id) + 1}")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium; tests that need it are skipped without one."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium here: install Debian's package chromium to see the console tested in a browser")
    return found
