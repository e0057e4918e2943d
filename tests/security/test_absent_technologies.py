"""Technologies, calls and cryptographic primitives that no room uses."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from starlette.routing import BaseRoute, Mount, WebSocketRoute

from api.app import create_app
from core.settings import Settings

ROOT = Path(__file__).parents[2]
ROOMS = ("api", "claims", "cli", "core", "features", "formats", "models", "pipelines", "serving")
IN_PROCESSES = ("api", "claims", "core", "features", "formats", "models", "serving")
"""Rooms whose code handles requests."""
SCRIPTS = sorted((ROOT / "api" / "console" / "static").glob("*.js"))
ABSENT = {
    "GraphQL": ("graphql", "strawberry", "ariadne", "graphene"),
    "LDAP": ("ldap", "ldap3"),
    "XPath and XML": ("lxml", "xmltodict", "elementpath"),
    "LaTeX": ("pylatex", "latex"),
    "memcache": ("pymemcache", "pylibmc", "memcache", "aiomcache"),
    "SAML": ("saml2", "onelogin", "pysaml2"),
    "WebRTC": ("aiortc", "aioice"),
    "codes by phone": ("twilio", "vonage", "phonenumbers"),
    "JNDI": ("jpype", "py4j"),
    "code in requests": ("cloudpickle", "dill", "pickle", "shelve", "marshal"),
}


@cache
def parsed(room: str) -> list[tuple[Path, ast.Module]]:
    return [(path, ast.parse(path.read_text())) for path in sorted((ROOT / room).rglob("*.py"))]


def trees(rooms: tuple[str, ...] = ROOMS) -> Iterator[tuple[Path, ast.Module]]:
    for room in rooms:
        yield from parsed(room)


@cache
def imported(tree: ast.Module) -> set[str]:
    """First names of the modules that a file imports."""
    found = {
        one.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names
    }
    return found | {
        (node.module or "").partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and not node.level
    }


def modules(tree: ast.Module) -> Iterator[str]:
    """Dotted names of the modules that a file imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@cache
def calls(tree: ast.Module) -> list[tuple[str, ast.Call]]:
    """Dotted names of what a file calls."""
    return [(ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("technology", ABSENT)
def test_no_library_of_a_technology_that_is_not_used_is_installed(technology: str) -> None:
    """No room imports one; what other libraries install for themselves is not reached from a request."""
    users = [path for path, tree in trees() if imported(tree) & set(ABSENT[technology])]
    assert users == []


def test_no_room_parses_xml() -> None:
    """Documents of reports are written by means that escape; nothing reads XML.

    `ginja demo --case` reads the pages of its own console as HTML, in which no entity is defined or fetched.
    """
    parsers = ("xml.etree", "xml.dom", "xml.sax", "xml.parsers", "defusedxml", "html.parser")
    found = [
        (path.relative_to(ROOT).as_posix(), name)
        for path, tree in trees()
        for name in modules(tree)
        if name.startswith(parsers) and name != "xml.sax.saxutils"
    ]
    pages = "cli/demo/case/pages.py"
    assert sorted(found) == [(pages, "html.parser"), (pages, "xml.etree.ElementTree")]


def test_no_room_starts_a_shell() -> None:
    starts = [
        (path, name)
        for path, tree in trees()
        for name, call in calls(tree)
        if name in ("os.system", "os.popen", "subprocess.getoutput", "asyncio.create_subprocess_shell")
        or any(one.arg == "shell" for one in call.keywords)
    ]
    assert starts == []


def test_nothing_is_evaluated_as_code() -> None:
    found = [
        (path, name)
        for path, tree in trees()
        for name, call in calls(tree)
        if name in ("eval", "exec", "compile", "__import__", "yaml.unsafe_load")
        or (name == "yaml.load" and not ast.unparse(call).endswith("Loader=_BoundedLoader)"))
        or (name in ("np.load", "numpy.load") and "allow_pickle=False" not in ast.unparse(call))
    ]
    assert found == []


def test_regular_expressions_of_the_api_are_constants() -> None:
    """Names of constants and literals; a text from a request is escaped first."""
    built = [
        (path, ast.unparse(call))
        for path, tree in trees(IN_PROCESSES)
        for name, call in calls(tree)
        if name.startswith("re.")
        and call.args
        and isinstance(call.args[0], ast.JoinedStr)
        and any(
            isinstance(part, ast.FormattedValue) and "escape" not in ast.unparse(part) for part in call.args[0].values
        )
    ]
    assert [one for one in built if not re.fullmatch(r".*\{_?[A-Z_]+( - 1)?\}.*", one[1])] == []


def test_templates_are_files_of_the_package() -> None:
    found = [
        (path, name)
        for path, tree in trees()
        for name, call in calls(tree)
        if name in ("Template", "DictLoader", "jinja2.Template")
        or (name.endswith(".from_string") and not is_constant(call.args[0], tree))
    ]
    assert found == []


def is_constant(text: ast.expr, tree: ast.Module) -> bool:
    """Whether a text is a literal, or a name that the module gives one once."""
    if isinstance(text, ast.Name):
        given = [
            one.value for one in tree.body if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == text.id
        ]
        return len(given) == 1 and isinstance(given[0], ast.Constant)
    return isinstance(text, ast.Constant)


def routes(of: list[BaseRoute]) -> Iterator[BaseRoute]:
    for route in of:
        yield route
        if isinstance(route, Mount):
            yield from routes(list(route.routes))


def test_no_route_is_a_websocket() -> None:
    app = create_app(Settings(), "postgresql://nowhere")
    assert [route for route in routes(app.routes) if isinstance(route, WebSocketRoute)] == []
    assert [path for path, tree in trees(("api", "serving")) if "websockets" in imported(tree)] == []


def test_no_route_is_an_authorization_server_for_others() -> None:
    paths = {getattr(route, "path", "") for route in routes(create_app(Settings(), "postgresql://nowhere").routes)}
    words = ("authorize", "oauth", "register", "introspect", "consent/", "saml", "backchannel")
    assert [path for path in paths for word in words if word in path.lower()] == []


def test_no_application_is_in_debug_mode() -> None:
    app = create_app(Settings(), "postgresql://nowhere")
    consoles = [route.app for route in app.routes if isinstance(route, Mount)]
    assert not app.debug
    assert not any(getattr(one, "debug", False) for one in consoles)


def test_no_weak_hash_or_cipher_is_named() -> None:
    """SHA-1 and MD5 for no purpose, no block mode without authentication."""
    weak = ("hashlib.md5", "hashlib.sha1", "hashlib.new", "modes.ECB", "modes.CBC", "hashes.MD5", "hashes.SHA1")
    found = [(path, name) for path, tree in trees() for name, _ in calls(tree) if name in weak or name.endswith(weak)]
    assert found == []


def test_cryptography_comes_from_libraries() -> None:
    """`cryptography`, `joserfc`, `pwdlib`, `pyotp`, and `hashlib`, `hmac`, `secrets` of the standard library."""
    others = {"Crypto", "Cryptodome", "nacl", "rsa", "ecdsa", "jwt", "jose", "passlib", "bcrypt", "M2Crypto", "OpenSSL"}
    assert [path for path, tree in trees() if imported(tree) & others] == []


def test_the_api_draws_no_pseudo_random_numbers() -> None:
    """Ids, secrets, tokens and nonces come from the system; delays of retries may vary by `random`."""
    users = {path.relative_to(ROOT).as_posix() for path, tree in trees(("api",)) if "random" in imported(tree)}
    drawn = {path for path in users if "secret" in (ROOT / path).read_text() or "token" in (ROOT / path).read_text()}
    assert drawn == set()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_of_the_console_use_no_dangerous_interface(script: Path) -> None:
    if script.name.endswith(".min.js"):
        pytest.skip("a library, pinned by its hash")
    text = script.read_text()
    words = ("innerHTML", "outerHTML", "document.write", "insertAdjacentHTML", "eval(", "new Function", "postMessage")
    words += ("localStorage", "sessionStorage", "indexedDB", "__proto__", "onmessage")
    assert [word for word in words if word in text] == []
