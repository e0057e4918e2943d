"""Exit codes of every command: the one table, which `docs/reference/exit-codes.md` is generated from."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended."""

    OK = 0
    FAILED = 1
    USAGE = 2
    DATA_REFUSED = 3
    MODEL_REFUSED = 4
    DRIFT = 5
    INTERRUPTED = 130
    TERMINATED = 143

    @property
    def type(self) -> str:
        """The `type` of an error in JSON."""
        return self.name.lower()


MEANINGS: dict[ExitCode, str] = {
    ExitCode.OK: "The command did what it was called for.",
    ExitCode.FAILED: (
        "The command ran and failed: a server is unavailable, a file is damaged, or a check found a fault "
        "(`features verify`, `policy verify`, `evidence verify`, `bench chaos`, `doctor`, `status`). "
        "A Python traceback is a defect of Ginja; please report it."
    ),
    ExitCode.USAGE: (
        "Something the command needs is missing or invalid: an argument, an option, an environment variable, a data "
        "set, a model, a claim, a key. Nothing was changed; the "
        "message says what is allowed or which command creates it."
    ),
    ExitCode.DATA_REFUSED: (
        "A quality gate refused the data, or the rows that ingestion rejected make the others unrepresentative "
        "(`--accept-rejects`); nothing was trained. `ginja data ingest x12`, `fhir` and `members`: claims or members "
        "were refused; the others were taken."
    ),
    ExitCode.MODEL_REFUSED: (
        "A promotion gate refused the model, and the champion is unchanged; or a gate refused a version of the policy "
        "(`policy test`, `policy activate`)."
    ),
    ExitCode.DRIFT: "The command ran, and at least one alarm was raised (`monitor drift`, `monitor prompt-pay`).",
    ExitCode.INTERRUPTED: "Interrupted from the keyboard (Ctrl-C). What the command had started was stopped.",
    ExitCode.TERMINATED: "Terminated by SIGTERM (129: by SIGHUP). What the command had started was stopped.",
}


def type_of(code: int) -> str:
    """The `type` of an error that ends with this exit code."""
    return ExitCode(code).type if code in set(ExitCode) else ExitCode.FAILED.type
