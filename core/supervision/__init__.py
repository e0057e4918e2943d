"""Supervision: child processes, the ports and states of a platform, and restarts.

guard.py       the small program around each child process: ends it with its owner, bounds its log
processes.py   starting child processes, and proof that an answer is theirs
ports.py       ports reserved from their choice to the end of the platform
parts.py       a child process or an embedded server as a part of a platform
backoff.py     pauses between restarts
supervisor.py  watching parts and starting them again
state.py       the state of a running platform, for `ginja status`
instance.py    which start of a part is this home's
signals.py     the signals that end a program
"""

from core.supervision.backoff import Backoff
from core.supervision.instance import begin_instance, instance_of
from core.supervision.parts import Part, ProcessPart, ServerPart
from core.supervision.ports import (
    Reservation,
    inherited_socket,
    reserve_address,
    reserve_socket,
    reserve_this_or_another,
)
from core.supervision.processes import Processes, Proof, ReadyCheck, end_of, local_url
from core.supervision.signals import StopSignals, delayed_signals
from core.supervision.state import (
    RUNNING,
    PartState,
    PartStatus,
    PlatformState,
    platform_lock,
    read_state,
    running_platform,
)
from core.supervision.supervisor import Supervisor

__all__ = [
    "RUNNING",
    "Backoff",
    "Part",
    "PartState",
    "PartStatus",
    "PlatformState",
    "ProcessPart",
    "Processes",
    "Proof",
    "ReadyCheck",
    "Reservation",
    "ServerPart",
    "StopSignals",
    "Supervisor",
    "begin_instance",
    "delayed_signals",
    "end_of",
    "inherited_socket",
    "instance_of",
    "local_url",
    "platform_lock",
    "read_state",
    "reserve_address",
    "reserve_socket",
    "reserve_this_or_another",
    "running_platform",
]
