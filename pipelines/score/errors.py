"""What can be wrong with a file of claims that is to be scored.

InputError    it cannot be read as a claims frame; the message says what to change
"""


class InputError(Exception):
    """The file cannot be read as a claims frame."""

    exit_code = 2
