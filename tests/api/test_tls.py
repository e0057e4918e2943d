"""HTTPS: of the API itself and behind the nginx of `deploy/nginx.conf`, with what both refuse and state."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from core.embedded import free_port, wait_until
from core.errors import TlsError
from core.settings import Settings
from core.tls import pinned_context, server_context
from tests.api.certificates import certificate
from tests.api.makers import ENCRYPTION_KEY

ROOT = Path(__file__).parents[2]
NAME = "claims.example.org"


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate and its private key."""
    folder = tmp_path_factory.mktemp("tls")
    of_cert, _ = certificate(folder, NAME)
    key = of_cert.with_suffix(".key")
    key.chmod(0o600)
    return of_cert, key


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def serve(database_url: str, home: Path, **more: str) -> tuple["subprocess.Popen[bytes]", int]:
    """`ginja run api` over a database; its process and port."""
    port = free_port()
    environment = {
        **os.environ,
        "GINJA_HOME": str(home),
        "GINJA_DATABASE_URL": database_url,
        "GINJA_API_PORT": str(port),
        "GINJA_SCORER_URL": "http://127.0.0.1:1",
        "GINJA_ENCRYPTION_KEYS": ENCRYPTION_KEY,
        **more,
    }
    command = [sys.executable, "-c", "from cli.main import main; main()", "run", "api"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: listens(port) or process.poll() is not None, what="the API to listen", seconds=120)
    assert process.poll() is None
    return process, port


def end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(20)
    finally:
        process.kill()


@pytest.fixture(scope="module")
def https(pem: tuple[Path, Path], module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an API that serves HTTPS."""
    process, port = serve(
        module_database_url,
        tmp_path_factory.mktemp("https"),
        GINJA_TLS_CERTIFICATE=str(pem[0]),
        GINJA_TLS_KEY=str(pem[1]),
    )
    yield port
    end(process)


@pytest.fixture(scope="module")
def proxied(
    pem: tuple[Path, Path], module_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """The port of the nginx of `deploy/nginx.conf` in front of an API that serves HTTP."""
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if nginx is None:
        pytest.skip("nginx is not installed")
    folder = tmp_path_factory.mktemp("nginx")
    process, behind = serve(module_database_url, folder / "home", GINJA_TRUSTED_PROXIES="127.0.0.1/32")
    port, plain = free_port(), free_port()
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    for shipped, ours in (
        ("/etc/ssl/claims.pem", str(pem[0])),
        ("/etc/ssl/claims.key", str(pem[1])),
        ("127.0.0.1:8600", f"127.0.0.1:{behind}"),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("listen [::]:443 ssl;", ""),
        ("listen 80", f"listen 127.0.0.1:{plain}"),
        ("listen [::]:80;", ""),
        ("/run/nginx.pid", str(folder / "pid")),
        ("claims.example.org", NAME),
    ):
        assert shipped in text, shipped
        text = text.replace(shipped, ours)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"    {kind}_temp_path {folder / kind};\n" for kind in kinds)
    text = text.replace("http {\n", f"http {{\n{paths}", 1)
    (folder / "nginx.conf").write_text(text)
    command = [nginx, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    server = subprocess.Popen([*command, "-g", "daemon off;"])
    wait_until(lambda: listens(port), what="nginx to listen")
    yield port
    end(server)
    end(process)


@pytest.fixture(params=["https", "proxied"])
def port(request: pytest.FixtureRequest) -> int:
    """Of each way to HTTPS."""
    return int(request.getfixturevalue(request.param))


def offered(port: int, version: ssl.TLSVersion, ciphers: str = "ALL:@SECLEVEL=0") -> tuple[str, str]:
    """Version and cipher suite of a connection by a client that speaks this version only."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.set_ciphers(ciphers)
    client.minimum_version = client.maximum_version = version
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    with plain, client.wrap_socket(plain, server_hostname=NAME) as secure:
        cipher = secure.cipher()
        assert cipher is not None
        return str(secure.version()), cipher[0]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls_before_1_2_is_refused(port: int, version: ssl.TLSVersion) -> None:
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        offered(port, version)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_have_forward_secrecy_and_authenticated_encryption(port: int, version: ssl.TLSVersion) -> None:
    _, cipher = offered(port, version)
    assert re.search(r"GCM|CHACHA20", cipher)
    assert cipher.startswith(("ECDHE-", "TLS_"))


@pytest.mark.parametrize("ciphers", ["AES256-SHA256", "ECDHE-ECDSA-AES128-SHA256", "AES128-GCM-SHA256"])
def test_weak_cipher_suites_are_refused(port: int, ciphers: str) -> None:
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        offered(port, ssl.TLSVersion.TLSv1_2, f"{ciphers}:@SECLEVEL=0")


def test_the_certificate_is_the_one_of_the_settings(port: int, pem: tuple[Path, Path]) -> None:
    trusting = ssl.create_default_context(cafile=str(pem[0]))
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    with plain, trusting.wrap_socket(plain, server_hostname=NAME) as secure:
        assert secure.getpeercert() is not None


def test_responses_over_https_ask_browsers_to_stay_with_it(port: int, pem: tuple[Path, Path]) -> None:
    with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=pinned_context(pem[0])) as client:
        for path in ("/livez", "/docs", "/console/sign-in", "/v1/claims", "/nothing"):
            answer = client.get(path)
            assert answer.headers.get_list("strict-transport-security") == ["max-age=31536000"], path
            assert answer.headers.get_list("x-content-type-options") == ["nosniff"], path


def test_a_plain_request_to_the_port_of_https_is_not_answered_by_the_api(port: int) -> None:
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/livez")
    except httpx.HTTPError:
        return
    assert answer.status_code == 400


def test_plain_http_states_no_transport_security(module_database_url: str, tmp_path: Path) -> None:
    process, port = serve(module_database_url, tmp_path)
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/livez")
        assert answer.status_code == 200
        assert "strict-transport-security" not in answer.headers
    finally:
        end(process)


def test_a_key_that_others_can_read_is_refused(pem: tuple[Path, Path], tmp_path: Path) -> None:
    key = tmp_path / "open.key"
    shutil.copyfile(pem[1], key)
    key.chmod(0o644)
    with pytest.raises(TlsError, match=f"chmod 600 {key}"):
        server_context(pem[0], key)


def test_files_that_do_not_belong_together_are_refused(pem: tuple[Path, Path], tmp_path: Path) -> None:
    other, _ = certificate(tmp_path, "other.example.org")
    other.with_suffix(".key").chmod(0o600)
    for of_cert, key in ((pem[0], other.with_suffix(".key")), (pem[1], pem[1]), (pem[0], pem[0])):
        with pytest.raises(TlsError, match="PEM"):
            server_context(of_cert, key)
    for of_cert, key in ((pem[0], tmp_path / "none"), (tmp_path / "none", pem[1])):
        with pytest.raises(TlsError, match="none"):
            server_context(of_cert, key)


@pytest.mark.parametrize("alone", ["tls_certificate", "tls_key"])
def test_one_setting_without_the_other_is_refused(alone: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be set together"):
        Settings.model_validate({alone: tmp_path})
