"""The command tree: the one table of commands. A command's module is imported only when the command is called."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

from cli.command import HELP_OPTIONS, Command, Group
from cli.groups import GROUPS


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """One command."""

    path: str
    """The words that call it, without `ginja`."""
    target: str
    """Where it is declared: `module:attribute`."""
    spellings: tuple[str, ...] = ()
    """Other words that call it; they are not listed in the help."""


COMMANDS: tuple[CommandEntry, ...] = (
    CommandEntry("up", "cli.demo:up"),
    CommandEntry("demo", "cli.demo:demo"),
    CommandEntry("doctor", "cli.platform.doctor:doctor"),
    CommandEntry("status", "cli.platform.status:status"),
    CommandEntry("run api", "cli.platform.run:api", ("api",)),
    CommandEntry("run scorer", "cli.platform.run:scorer", ("serve",)),
    CommandEntry("run worker", "cli.platform.run:worker", ("worker",)),
    CommandEntry("run tasks", "cli.platform.run:tasks"),
    CommandEntry("run migrate", "cli.platform.run:migrate", ("db upgrade",)),
    CommandEntry("servers start", "cli.platform.servers:start"),
    CommandEntry("servers show", "cli.platform.servers:show"),
    CommandEntry("servers stop", "cli.platform.servers:stop"),
    CommandEntry("keys create", "cli.platform.keys:create"),
    CommandEntry("keys list", "cli.platform.keys:list_"),
    CommandEntry("keys rotate", "cli.platform.keys:rotate"),
    CommandEntry("keys revoke", "cli.platform.keys:revoke"),
    CommandEntry("keys pin", "cli.platform.keys:pin"),
    CommandEntry("keys signing-key create", "cli.platform.signing_keys:create"),
    CommandEntry("keys signing-key add", "cli.platform.signing_keys:add"),
    CommandEntry("keys signing-key list", "cli.platform.signing_keys:list_"),
    CommandEntry("keys signing-key revoke", "cli.platform.signing_keys:revoke"),
    CommandEntry("keys sign-request", "cli.platform.signing_keys:sign_request"),
    CommandEntry("crypto status", "cli.platform.crypto:status"),
    CommandEntry("crypto encrypt", "cli.platform.crypto:encrypt"),
    CommandEntry("crypto rotate", "cli.platform.crypto:rotate"),
    CommandEntry("users create", "cli.platform.users:create"),
    CommandEntry("users list", "cli.platform.users:list_"),
    CommandEntry("users disable", "cli.platform.users:disable"),
    CommandEntry("users enable", "cli.platform.users:enable"),
    CommandEntry("users reset-password", "cli.platform.users:reset_password"),
    CommandEntry("users emergency-access", "cli.platform.emergency:begin"),
    CommandEntry("users end-emergency-access", "cli.platform.emergency:end"),
    CommandEntry("users emergency-report", "cli.platform.emergency:report"),
    CommandEntry("users link", "cli.platform.user_access:link"),
    CommandEntry("users unlink", "cli.platform.user_access:unlink"),
    CommandEntry("users reset-totp", "cli.platform.users:reset_totp"),
    CommandEntry("tokens rotate-keys", "cli.platform.tokens:rotate_keys"),
    CommandEntry("dead-letters list", "cli.platform.dead_letters:list_"),
    CommandEntry("dead-letters show", "cli.platform.dead_letters:show"),
    CommandEntry("dead-letters replay", "cli.platform.dead_letters:replay"),
    CommandEntry("dead-letters discard", "cli.platform.dead_letters:discard"),
    CommandEntry("audit list", "cli.audit_log:list_"),
    CommandEntry("audit show", "cli.audit_log:show"),
    CommandEntry("audit export", "cli.audit_log:export"),
    CommandEntry("audit verify", "cli.audit_log:verify"),
    CommandEntry("audit archive", "cli.audit_log:archive"),
    CommandEntry("tasks list", "cli.platform.tasks:list_"),
    CommandEntry("tasks show", "cli.platform.tasks:show"),
    CommandEntry("tasks replay", "cli.platform.tasks:replay"),
    CommandEntry("tasks discard", "cli.platform.tasks:discard"),
    CommandEntry("webhook endpoints", "cli.platform.webhook:endpoints"),
    CommandEntry("webhook deliveries", "cli.platform.webhook:deliveries"),
    CommandEntry("webhook replay", "cli.platform.webhook:replay"),
    CommandEntry("notifications add", "cli.platform.notifications:add"),
    CommandEntry("notifications list", "cli.platform.notifications:list_"),
    CommandEntry("notifications remove", "cli.platform.notifications:remove"),
    CommandEntry("notifications test", "cli.platform.notifications:test"),
    CommandEntry("notifications mails", "cli.platform.notifications:mails"),
    CommandEntry("notifications retry", "cli.platform.notifications:retry"),
    CommandEntry("data simulate", "cli.data.simulate:simulate", ("simulate",)),
    CommandEntry("data ingest authorizations", "cli.data.authorizations:authorizations"),
    CommandEntry("data ingest csv", "cli.data.ingest:csv", ("ingest csv",)),
    CommandEntry("data ingest provider-fraud", "cli.data.ingest:provider_fraud", ("ingest provider-fraud",)),
    CommandEntry("data ingest fhir", "cli.data.fhir:fhir", ("ingest fhir",)),
    CommandEntry("data ingest history", "cli.data.ingest:history"),
    CommandEntry("data ingest members", "cli.data.members:members", ("ingest members",)),
    CommandEntry("data ingest plans", "cli.data.plans:plans", ("ingest plans",)),
    CommandEntry("data ingest requirements", "cli.data.authorizations:requirements"),
    CommandEntry("data ingest x12", "cli.data.x12:x12", ("ingest x12",)),
    CommandEntry("data check", "cli.data.check:check", ("gate",)),
    CommandEntry("data load", "cli.data.load:load", ("db load",)),
    CommandEntry("data erase-member", "cli.data.erase:erase_member"),
    CommandEntry("data reapply-erasures", "cli.data.erase:reapply_erasures"),
    CommandEntry("data consents import", "cli.data.consents:import_"),
    CommandEntry("data consents list", "cli.data.consents:list_"),
    CommandEntry("data consents record", "cli.data.consents:record"),
    CommandEntry("data consents withdraw", "cli.data.consents:withdraw"),
    CommandEntry("data hold add", "cli.data.holds:add"),
    CommandEntry("data hold release", "cli.data.holds:release"),
    CommandEntry("data hold list", "cli.data.holds:list_"),
    CommandEntry("data check-residency", "cli.data.check_residency:check_residency"),
    CommandEntry("data archive run", "cli.data.archive:run"),
    CommandEntry("data archive verify", "cli.data.archive:verify"),
    CommandEntry("data archive restore", "cli.data.archive:restore"),
    CommandEntry("data retention", "cli.data.retention:retention"),
    CommandEntry("data model-report", "cli.data.model_report:model_report"),
    CommandEntry("data find-member", "cli.data.find_member:find_member"),
    CommandEntry("data export-member", "cli.data.export_member:export_member"),
    CommandEntry("reference import", "cli.code_tables:import_"),
    CommandEntry("reference list", "cli.code_tables:list_"),
    CommandEntry("reference rollback", "cli.code_tables:rollback"),
    CommandEntry("features apply", "cli.features.commands:apply"),
    CommandEntry("features build", "cli.features.commands:build"),
    CommandEntry("features rebuild", "cli.features.commands:rebuild"),
    CommandEntry("features roll-over", "cli.features.commands:roll_over"),
    CommandEntry("features verify", "cli.features.commands:verify"),
    CommandEntry("features docs", "cli.features.commands:docs"),
    CommandEntry("model train", "cli.model.train:train", ("train",)),
    CommandEntry("model evaluate", "cli.model.evaluate:evaluate", ("evaluate",)),
    CommandEntry("model explain", "cli.model.explain:explain", ("explain",)),
    CommandEntry("model score", "cli.model.score:score", ("score",)),
    CommandEntry("model threshold", "cli.model.threshold:threshold", ("threshold",)),
    CommandEntry("model promote", "cli.model.promotion:promote", ("promote",)),
    CommandEntry("model rollback", "cli.model.promotion:rollback", ("rollback",)),
    CommandEntry("model retrain", "cli.model.retrain:retrain", ("retrain",)),
    CommandEntry("model sign", "cli.model.signature:sign"),
    CommandEntry("model public-key", "cli.model.signature:public_key"),
    CommandEntry("model list", "cli.model.stored:list_"),
    CommandEntry("model show", "cli.model.stored:show"),
    CommandEntry("model trial start", "cli.model.trial:start", ("challenger start",)),
    CommandEntry("model trial report", "cli.model.trial:report", ("challenger report",)),
    CommandEntry("model trial stop", "cli.model.trial:stop", ("challenger stop",)),
    CommandEntry("review list", "cli.review.commands:list_"),
    CommandEntry("review select", "cli.review.commands:select", ("loop select",)),
    CommandEntry("review backfill", "cli.review.backfill:backfill"),
    CommandEntry("review record", "cli.review.commands:record", ("loop record",)),
    CommandEntry("review evaluate", "cli.review.commands:evaluate", ("loop judge",)),
    CommandEntry("review simulate", "cli.review.simulate:simulate", ("loop simulate",)),
    CommandEntry("review simulate-clock", "cli.review.clock:simulate_clock", ("simulate-review",)),
    CommandEntry("sample frame", "cli.sample:frame"),
    CommandEntry("sample size", "cli.sample:size"),
    CommandEntry("sample draw", "cli.sample:draw_"),
    CommandEntry("sample worksheet", "cli.sample:worksheet"),
    CommandEntry("sample estimate", "cli.sample:estimate"),
    CommandEntry("sample export", "cli.sample:export"),
    CommandEntry("report ai-use", "cli.report:ai_use"),
    CommandEntry("report remittance", "cli.remittance:remittance"),
    CommandEntry("report daily-decisions", "cli.report_documents:daily_decisions"),
    CommandEntry("report list", "cli.stored_reports:list_"),
    CommandEntry("report save", "cli.stored_reports:save"),
    CommandEntry("report provider-scorecard", "cli.report_documents:provider_scorecard"),
    CommandEntry("review edits", "cli.review.edits:edits"),
    CommandEntry("review rescreening", "cli.review.rescreening:rescreening"),
    CommandEntry("review resume-edit", "cli.review.edits:resume_edit"),
    CommandEntry("dossier write", "cli.dossier:write"),
    CommandEntry("dossier verify", "cli.dossier:verify"),
    CommandEntry("evidence write", "cli.evidence:write"),
    CommandEntry("evidence verify", "cli.evidence:verify"),
    CommandEntry("evidence narrate", "cli.evidence:narrate"),
    CommandEntry("policy list", "cli.policy.versions:list_"),
    CommandEntry("policy show", "cli.policy.versions:show"),
    CommandEntry("policy diff", "cli.policy.versions:diff"),
    CommandEntry("policy draft", "cli.policy.versions:draft"),
    CommandEntry("policy test", "cli.policy.replay:test"),
    CommandEntry("policy replay", "cli.policy.stored:replay"),
    CommandEntry("policy activate", "cli.policy.versions:activate"),
    CommandEntry("policy rollback", "cli.policy.versions:rollback"),
    CommandEntry("policy verify", "cli.policy.verify:verify"),
    CommandEntry("policy backtest", "cli.policy.backtest:backtest"),
    CommandEntry("monitor drift", "cli.monitor:drift", ("drift",)),
    CommandEntry("monitor prompt-pay", "cli.monitor:prompt_pay"),
    CommandEntry("bench score", "cli.bench:score"),
    CommandEntry("bench features", "cli.bench:features"),
    CommandEntry("bench training-set", "cli.bench:training_set"),
    CommandEntry("bench behaviour", "cli.bench:behaviour"),
    CommandEntry("bench chaos", "cli.bench:chaos"),
    CommandEntry("bench crash", "cli.bench:crash"),
    CommandEntry("bench overload", "cli.bench:overload"),
    CommandEntry("bench soak", "cli.bench:soak"),
    CommandEntry("bench api", "cli.bench:api"),
    CommandEntry("bench rescreen", "cli.bench:rescreen"),
    CommandEntry("bench retries", "cli.bench:retries"),
    CommandEntry("bench tasks", "cli.bench_tasks:tasks"),
    CommandEntry("bench console", "cli.bench_console:console"),
    CommandEntry("bench recovery", "cli.bench_lists:recovery"),
    CommandEntry("bench audit-share", "cli.bench_lists:audit_share"),
)

SECTIONS: dict[str, tuple[str, ...]] = {
    "Platform": (
        "up",
        "demo",
        "doctor",
        "status",
        "run",
        "servers",
        "keys",
        "crypto",
        "users",
        "tokens",
        "dead-letters",
        "audit",
        "tasks",
        "webhook",
        "notifications",
    ),
    "Data and features": ("data", "reference", "features"),
    "Models": ("model", "policy", "monitor"),
    "Investigation": ("review", "sample", "evidence", "report", "dossier"),
    "Benchmarks": ("bench",),
}
"""Headings of `ginja --help`, in order, each with its commands and groups."""

EXAMPLES = (
    "ginja demo",
    "ginja up",
    "ginja data simulate && ginja model train && ginja model promote",
    "ginja model explain --json",
)

_BY_WORDS: dict[tuple[str, ...], CommandEntry] = {
    tuple(words.split()): entry for entry in COMMANDS for words in (entry.path, *entry.spellings)
}


class TreeGroup(Group):
    """A group of the tree; its commands are imported when they are called."""

    def __init__(self, path: str = "", **attributes: Any) -> None:
        super().__init__(**attributes)
        self._path = tuple(path.split())

    @property
    def default(self) -> str | None:
        """The command that options alone call; `None`: none."""
        about = GROUPS.get(" ".join(self._path))
        return None if about is None else about.default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Options alone are those of the default command, except a request for help."""
        if self.default is not None and args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the listed commands and groups, in the order of the table."""
        depth = len(self._path)
        paths = [tuple(entry.path.split()) for entry in COMMANDS]
        if not any(path[:depth] == self._path for path in paths):  # a group that exists as another spelling only
            paths = list(_BY_WORDS)
        return list(dict.fromkeys(path[depth] for path in paths if path[:depth] == self._path and len(path) > depth))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command or group of this name, listed or not."""
        words = (*self._path, cmd_name)
        entry = _BY_WORDS.get(words)
        return group(words) if entry is None else load(entry)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, under the headings of `SECTIONS` at the root."""
        sections = {"Commands": tuple(self.list_commands(ctx))} if self._path else SECTIONS
        for heading, names in sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name, self._summary(ctx, name)) for name in names])

    def _summary(self, ctx: click.Context, name: str) -> str:
        found = self.get_command(ctx, name)
        return "" if found is None else found.get_short_help_str(100)


def load(entry: CommandEntry) -> click.Command:
    """Import the command of an entry."""
    module, _, attribute = entry.target.partition(":")
    found: click.Command = getattr(import_module(module), attribute)
    if isinstance(found, Command):
        found.path = entry.path
    return found


def group(words: Sequence[str]) -> TreeGroup | None:
    """The group called by these words; `None` if no command is below it."""
    path, depth = " ".join(words), len(words)
    below = [entry for spelling, entry in _BY_WORDS.items() if spelling[:depth] == tuple(words)]
    if not below:
        return None
    about = GROUPS.get(path) or GROUPS[below[0].path.rpartition(" ")[0]]
    return TreeGroup(path, name=words[-1], help=about.summary, examples=about.examples, context_settings=HELP_OPTIONS)
