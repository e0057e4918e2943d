"""Run one command and end it, with all its descendants, when the parent process ends.

`python guard.py PID_FILE COMMAND…`, with a pipe as standard input: the pipe closes when the parent ends, even by
`kill -9`. Uses the standard library only.
"""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

GRACE_S = 5.0


def main(pid_file: Path, command: list[str]) -> int:
    """Run the command; returns its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the parent, which closes the pipe
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    draft = pid_file.with_suffix(".draft")
    draft.write_text(str(child.pid))
    draft.replace(pid_file)
    signal.signal(signal.SIGTERM, lambda *_: _end(child))
    threading.Thread(target=_end_when_pipe_closes, args=(child,), daemon=True).start()
    code = child.wait()
    _signal(child, signal.SIGKILL)  # remaining members of its process group
    pid_file.unlink(missing_ok=True)
    return code


def _end_when_pipe_closes(child: subprocess.Popen[bytes]) -> None:
    while os.read(0, 1):
        pass
    _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    _signal(child, signal.SIGTERM)
    timer = threading.Timer(GRACE_S, _signal, (child, signal.SIGKILL))
    timer.daemon = True
    timer.start()


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        pass  # the process group has ended


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
