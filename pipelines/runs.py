"""What every recorded run states about itself: command line, commit, libraries, and where its reports are kept."""

import shlex
import subprocess
import sys
from pathlib import Path


def command_line() -> str:
    """The command that started this process, quoted for a shell."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def git_commit() -> str | None:
    """The commit of the code, with `+` where files differ from it; None outside a repository."""
    try:
        head = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return head.stdout.strip() or None


def reports_folder(home: Path) -> Path:
    """Where reports of runs are kept."""
    return home / "reports"
