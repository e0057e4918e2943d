"""Why a task ends without an answer."""


class TaskRefused(Exception):
    """Another attempt at the task would fail in the same way; the message is for an operator."""
