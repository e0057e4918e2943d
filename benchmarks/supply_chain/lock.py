"""What `uv.lock` names, as the tools of the supply chain read it."""

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


def exported(form: str, *options: str) -> str:
    """The lock in a form of `uv export`, without asking an index."""
    uv = Path(sys.executable).with_name("uv")
    command = [str(uv), "export", "--quiet", "--frozen", "--offline", "--format", form, "--all-extras", *options]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
