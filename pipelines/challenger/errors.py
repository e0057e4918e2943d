"""ChallengerError: a trial that cannot begin, or of which nothing can be told; the message says why and what to do."""


class ChallengerError(Exception):
    """Whatever ran before goes on."""

    exit_code = 2
