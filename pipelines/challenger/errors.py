"""ChallengerError: a trial cannot start or be reported; the message says why and what to do."""


class ChallengerError(Exception):
    """The trial cannot start or be reported; the previous state is unchanged."""

    exit_code = 2
