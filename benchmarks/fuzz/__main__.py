"""Send generated requests to every route of a running platform, alone and in sequence; exit 1 if a check fails.

Schemathesis makes them from the OpenAPI document: the examples, every boundary of every field, random ones, and
sequences in which a claim that was submitted is read, corrected, voided, decided and appealed. All of its checks apply;
`schemathesis.toml` says where they are weaker than its own, and why.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.platform import create_key, free_routes, platform
from benchmarks.stage import staged

HISTORY: Final = 5_000
_HERE = Path(__file__).parent


def main() -> int:
    """Exit status of Schemathesis: 0 if every check holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--max-examples", type=int, default=100, help="random requests to each route (default: 100)")
    parser.add_argument("--seed", type=int, help="of an earlier run, to repeat it")
    options = parser.parse_args()
    with (
        staged(lambda text: print(text, file=sys.stderr), claims=HISTORY) as stage,
        platform(stage, free_routes()) as running,
    ):
        command = [
            str(Path(sys.executable).with_name("schemathesis")),
            "--config-file",
            str(_HERE / "schemathesis.toml"),
            "run",
        ]
        command += [f"http://127.0.0.1:{running.routes.api_port}/openapi.json", "--exclude-path", "/metrics"]
        command += ["--header", f"Authorization: Bearer {create_key(stage, 'admin')}"]
        command += ["--checks", "all", "--continue-on-failure", "--max-examples", str(options.max_examples)]
        command += [] if options.seed is None else ["--seed", str(options.seed)]
        environment = {**os.environ, "SCHEMATHESIS_HOOKS": "benchmarks.fuzz.hooks", "PYTHONPATH": str(_HERE.parents[1])}
        # It writes a cache into the folder it is run in.
        return subprocess.run(command, cwd=stage.home, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
