"""What `ginja up` prepares before it starts the parts, in a child process.

Training needs libraries of several hundred megabytes. In the supervisor's own process they would stay for as long as
the platform runs; in a child they end with it.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Final, NoReturn

from cli.demo import platform as bring_up
from cli.demo.platform import Platform
from cli.errors import Failure, failure_of
from cli.exit_codes import ExitCode
from core.supervision import end_of

LIVE_CLAIMS: Final = 500
"""Claims stored in `upcoming.parquet`, to be submitted by hand."""
END_S: Final = 5.0
"""How long the child has to end after a signal; training ends between two rounds."""


class PreparationError(Exception):
    """The preparation failed; the message is that of its cause."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.exit_code = failure.exit_code


def make_what_is_missing(platform: Platform, claims: int) -> None:
    """Simulate and load an insurer, train and promote a model where there is none; fill online store and review list.

    Raises what the steps raise.
    """
    from models.artefact import read_pointer
    from pipelines.store import DATASET

    if not (platform.data / DATASET).exists():
        bring_up.simulate(platform, claims=claims, live_claims=LIVE_CLAIMS)
    elif not bring_up.is_loaded(platform):
        bring_up.load(platform)
    if read_pointer(platform.settings.home) is None:
        bring_up.train(platform)
        bring_up.promote(platform)
    bring_up.fill_online_store(platform)
    bring_up.fill_review_list(platform)


def run_in_child(work: Callable[[], None]) -> None:
    """Run `work` in a forked child, which shares the terminal, and wait until it ends.

    The child ends with this process, and on an exception here, such as a signal. Raises `PreparationError` with the
    message and exit code of what `work` raised; a defect's message is its traceback.
    """
    forked = multiprocessing.get_context("fork")
    receiver, sender = forked.Pipe(duplex=False)
    alive, held = os.pipe()
    child = forked.Process(target=_child, args=(work, sender, alive, held), name="preparation")
    child.start()
    sender.close()
    os.close(alive)
    try:
        failure = _outcome(receiver)
        child.join()
    except BaseException:
        child.terminate()
        child.join(END_S)
        child.kill()
        child.join()
        raise
    finally:
        os.close(held)
        receiver.close()
    if failure is not None:
        raise PreparationError(failure)
    if child.exitcode != 0:
        raise PreparationError(Failure(f"the preparation {end_of(child.exitcode or 0)}", ExitCode.FAILED))


def _outcome(receiver: Connection) -> Failure | None:
    """What the child reports; `None` if all went well, or if it ended without a report."""
    try:
        reported: Failure | None = receiver.recv()
    except EOFError:
        return None
    return reported


def _child(work: Callable[[], None], sender: Connection, alive: int, held: int) -> NoReturn:
    """Run `work` and report how it went. Does not return: what the parent would clean up is the parent's."""
    os.close(held)
    threading.Thread(target=_end_with_parent, args=(alive,), daemon=True).start()
    code = ExitCode.OK
    try:
        work()
        sender.send(None)
    except (KeyboardInterrupt, SystemExit):
        code = ExitCode.INTERRUPTED
    except Exception as error:
        code = ExitCode.FAILED
        defect = Failure("".join(traceback.format_exception(error)).rstrip(), ExitCode.FAILED)
        sender.send(failure_of(error) or defect)
    raise SystemExit(code)


def _end_with_parent(alive: int) -> None:
    """End this process when the parent, which holds the other end of this pipe, has ended for any reason."""
    with contextlib.suppress(OSError):
        os.read(alive, 1)
    os.kill(os.getpid(), signal.SIGTERM)
