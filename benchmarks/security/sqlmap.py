"""SQL injection as sqlmap looks for it, where it is installed (Debian's package `sqlmap`)."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Final

from benchmarks.security.attempts import AttackClass, Attempt
from benchmarks.security.scene import AttackScene

RUN_S: Final = 240
_TARGETS: Final = (
    (
        "/v1/claims?limit=2&sort=received_at&status=approved&member_id=M1&provider_id=H1",
        "sort,status,member_id,provider_id",
    ),
    ("/v1/members?limit=2&sort=member_id&plan_id=PL1&region=Coast", "sort,plan_id,region"),
    ("/v1/providers?limit=2&sort=provider_id&specialty=cardiology", "sort,specialty"),
)
_SAFE: Final = "do not appear to be injectable"


def sqlmap(scene: AttackScene) -> Iterator[Attempt]:
    """Each list with its filters and its sort field; nothing where sqlmap is not installed."""
    if shutil.which("sqlmap") is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        for path, parameters in _TARGETS:
            yield _attempt(scene, path, parameters, folder)


def _attempt(scene: AttackScene, path: str, parameters: str, folder: str) -> Attempt:
    command = ["sqlmap", "-u", f"http://127.0.0.1:{scene.port}{path}", "-p", parameters, "--batch", "--flush-session"]
    command += ["--headers", f"Authorization: Bearer {scene.keys['admin']}", "--dbms", "PostgreSQL"]
    command += ["--technique", "BEUST", "--level", "1", "--risk", "1", "--output-dir", folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_S, check=False)
    last = next((line for line in reversed(done.stdout.splitlines()) if line.strip()), "")
    return Attempt(AttackClass.SQL, f"sqlmap {path.partition('?')[0]}", _SAFE in done.stdout, last)
