"""How claims are taken, as this installation is configured."""

from api.intake.adjudication import Policies
from api.intake.member_queue import MemberQueue
from api.policies import PolicyStore
from api.prompt_pay import prompt_pay_clock
from core.settings import Settings


def queue_of_members(settings: Settings) -> MemberQueue:
    """The queue of each member's claims in one process."""
    return MemberQueue(max_claims=settings.max_claims_per_member, timeout_s=settings.database_lock_timeout_ms / 1_000)


def adjudication_policies(settings: Settings) -> Policies:
    """How claims are decided, as this installation is configured."""
    return Policies(
        versions=PolicyStore(settings),
        time_zone=settings.zone,
        prompt_pay=prompt_pay_clock(settings),
    )
