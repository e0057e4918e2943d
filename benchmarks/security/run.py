"""All attacks on one platform, counted by class."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from rich.table import Table

from api.identity import ROLES
from benchmarks.security import browser, injection, objects, passive, receivers, signatures, sqlmap, tokens, wire
from benchmarks.security.attempts import Attack, AttackClass, Attempt
from benchmarks.security.requirements import requirements
from benchmarks.security.scene import AttackScene, scene
from benchmarks.stage import ReportProgress

ATTACKS: Final[Sequence[Attack]] = (
    objects.objects,
    objects.functions,
    objects.disclosure,
    signatures.signatures,
    injection.assignment,
    injection.sql,
    sqlmap.sqlmap,
    injection.formulas,
    injection.paths,
    receivers.receivers,
    wire.framing,
    browser.forgery,
    browser.fixation,
    browser.embedding,
    browser.scripts,
    passive.passive,
    tokens.tokens,  # makes a user, after which no key opens the console
    wire.exhaustion,
)


@dataclass(frozen=True, slots=True)
class SecurityFigures:
    """What was tried, and what of it was blocked."""

    attempts: Sequence[Attempt]
    routes: int
    """Operations of the API's description."""
    roles: int

    @property
    def open(self) -> list[Attempt]:
        """Attempts that were not blocked."""
        return [one for one in self.attempts if not one.blocked]

    @property
    def by_class(self) -> dict[AttackClass, tuple[int, int]]:
        """How many were tried and blocked, of each class that was tried."""
        tried = Counter(one.attack for one in self.attempts)
        blocked = Counter(one.attack for one in self.attempts if one.blocked)
        return {kind: (tried[kind], blocked[kind]) for kind in AttackClass if tried[kind]}

    def as_json(self) -> dict[str, object]:
        """`tried`, `blocked`, both by class, and what was not blocked."""
        lines = list(requirements())
        by_class = {kind.value: {"tried": of[0], "blocked": of[1]} for kind, of in self.by_class.items()}
        return {
            "tried": len(self.attempts),
            "blocked": len(self.attempts) - len(self.open),
            "by_class": by_class,
            "routes": self.routes,
            "roles": self.roles,
            "requirements": len(lines),
            "requirements_tested": sum(not one.is_open for one in lines),
            "open": [{**asdict(one), "attack": one.attack.value} for one in self.open],
        }

    def table(self) -> Table:
        """A row for each class."""
        table = Table("attack", "tried", "blocked", title="attacks on a running platform")
        for kind, (tried, blocked) in self.by_class.items():
            table.add_row(kind.value, f"{tried:,}", f"{blocked:,}")
        return table


def run(report: ReportProgress) -> SecurityFigures:
    """Attack a platform of its own, and say how each attempt ended."""
    with scene(report) as attacked:
        attempts = [attempt for attack in ATTACKS for attempt in _noted(attack, attacked, report)]
        return SecurityFigures(attempts, len(attacked.operations), len(ROLES))


def _noted(attack: Attack, attacked: AttackScene, report: ReportProgress) -> list[Attempt]:
    report(attack.__name__)
    return list(attack(attacked))
