"""Addresses of webhooks that lead into a network that is not public, in every spelling that a resolver may read."""

from collections.abc import Iterator
from typing import Final

from benchmarks.security.attempts import AttackClass, Attempt
from benchmarks.security.scene import AttackScene

_HOSTS: Final = (
    *("127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001"),
    *("0", "0.0.0.0", "127.127.127.127", "localhost", "LOCALHOST", "localhost.", "localhost.localdomain"),
    *("[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]"),
    *("[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1]", "[fe80::1%25lo]", "[fc00::1]", "[ff02::1]"),
    *("169.254.169.254", "[::ffff:169.254.169.254]", "metadata.google.internal", "168.63.129.16", "100.100.100.200"),
    *("10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "224.0.0.1", "255.255.255.255"),
    *("127.0.0.1.", "①②⑦.⓪.⓪.①", "127。0。0。1", "example.com@127.0.0.1", "127.0.0.1#example.com", "127.0.0.1%2f"),
    *("user:secret@example.com", "example.com\\@127.0.0.1", "127.0.0.1:80@example.com", "exa mple.com", "-example.com"),
)
_URLS: Final = (
    *("http://example.com/hook", "file:///etc/passwd", "gopher://127.0.0.1:6379/_INFO", "ftp://example.com/"),
    *(
        "https://example.com:22/",
        "https://example.com:6379/",
        "//example.com/hook",
        "https:example.com",
        "javascript:alert(1)",
    ),
    *("https://", "https://:443/", "https://example.com:99999/", "data:text/html,x", "https:///example.com"),
)


def receivers(scene: AttackScene) -> Iterator[Attempt]:
    """Registration of each; delivery checks the address again, which the tests of the address guard show."""
    for url in (*(f"https://{host}/hook" for host in _HOSTS), *_URLS):
        answer = scene.send("POST", "/v1/webhook-endpoints", "admin", json={"url": url, "events": ["claim.decided"]})
        yield Attempt(
            AttackClass.RECEIVERS, url, answer.status_code == 422, f"{answer.status_code}: {answer.text[:80]}"
        )
