"""Load generators that submit the claims of a running platform, each with other claims than the one before."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.bodies import submission_bodies
from benchmarks.load import LoadSummary, Response
from benchmarks.ownership import owner_pipe
from benchmarks.platform import BenchPlatform

_OTHER_CLAIMS = 5_000
"""By how many claims each generator starts behind the one before, so that few are duplicates."""


class ClaimLoad:
    """Starts generators (`benchmarks.load`) in processes of their own."""

    def __init__(self, running: BenchPlatform, folder: Path, claims: int) -> None:
        self.running = running
        self.folder = folder
        self._bodies = submission_bodies(claims, running.stage.home)
        self._started = 0

    @asynccontextmanager
    async def generator(self, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """A generator with these options; it prints its summary. Ended with the block, and with this process."""
        at = self._started * _OTHER_CLAIMS % len(self._bodies)
        self._started += 1
        file = self.folder / f"claims-{self._started}.jsonl"
        file.write_bytes(b"\n".join(self._bodies[at:] + self._bodies[:at]))
        command = ["-m", "benchmarks.load", "--port", str(self.running.routes.api_port), "--path", "/v1/claims"]
        command += ["--bodies", str(file), "--unique-keys", "--header", f"authorization: Bearer {self.running.key}"]
        with owner_pipe() as owner:
            command += owner.options
            process = await asyncio.create_subprocess_exec(
                sys.executable, *command, *options, stdout=asyncio.subprocess.PIPE, pass_fds=[owner.fd]
            )
            try:
                yield process
            finally:
                if process.returncode is None:
                    process.terminate()
                    await process.communicate()

    async def run(self, *options: str) -> LoadSummary:
        """Run a generator with these options to its end."""
        async with self.generator(*options) as process:
            printed, _ = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"the load generator ended with exit status {process.returncode}")
        return LoadSummary(**json.loads(printed))


def responses_of(file: Path) -> Iterator[Response]:
    """The responses that a load generator wrote."""
    return map(Response.parse, file.read_text().splitlines())
