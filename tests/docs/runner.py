"""Executes the fenced blocks of a document in order, as a reader would who copies each into a shell.

Sybil finds the blocks and the comments that mark them (docs/adr/0127-documents-are-executed.md):

- `sh` blocks run under bash with errexit, nounset and pipefail. Variables last until the end of the page.
- `python` blocks run under the same Python, in the same folder.
- `json` directly after an executed `sh` block is its answer: the last JSON printed must have the same keys.
- `<!-- skip: next "REASON" -->` before a block says why it does not run here.
- `<!-- background: URL … -->` before a block starts it and waits until each URL answers 200.
- `<!-- continues: PAGE -->` says that the page needs what another one leaves behind: it runs in the home of that page,
  after it. Every other page runs in a fresh home.
- Other languages (`yaml`, `toml`, `text`, `csv`, Sphinx directives) are not executed.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from unittest import SkipTest

import httpx
from sybil import Document, Example, Region
from sybil.parsers.markdown.lexers import DirectiveInHTMLCommentLexer, RawFencedCodeBlockLexer
from sybil.parsers.markdown.skip import SkipParser

from core.embedded import tail
from core.supervision import Processes, ReadyCheck
from tests.models.stores import new_store

EXECUTED = {"sh", "python"}
NOT_EXECUTED = {"json", "yaml", "toml", "text", "csv", "mermaid"}
_INFO = re.compile(r"(?P<language>[^\n]*)\n")
_READY_S = 1800.0
_BLOCK_S = 1800.0
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one block."""

    line: int
    language: str
    skipped: str | None
    """The reason why it was not executed."""


class Workplace:
    """A folder, an environment and the background processes of a page and of those that continue it."""

    def __init__(self, folder: Path, environment: Mapping[str, str], replaced: Mapping[str, str]) -> None:
        """`replaced` maps addresses in the documents to those of this run, whose ports are free."""
        self.folder = folder
        self.environment = dict(environment)
        self._replaced = replaced
        # The MLflow UI takes a minute to start on a busy machine, and no page uses it: name its store instead.
        store = folder / ".ginja" / "mlflow" / "mlflow.db"
        new_store(folder / ".ginja")  # MLflow's migrations of an empty store take seconds
        self.processes = Processes(folder / "run", {**environment, "GINJA_MLFLOW_URL": f"sqlite:///{store}"})

    def surroundings(self) -> dict[str, str]:
        """The environment of a block: this process's, without what MLflow's client left there.

        `mlflow.set_registry_uri` sets `MLFLOW_REGISTRY_URI` for child processes, and a reader's shell has none.
        """
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
        return kept | self.environment

    def localized(self, text: str) -> str:
        """`text` with this run's addresses."""
        for documented, actual in self._replaced.items():
            text = text.replace(documented, actual)
        return text


class Page:
    """One document, executed top to bottom."""

    def __init__(self, path: Path, workplace: Workplace) -> None:
        self._path = path
        self._workplace = workplace
        self._state = workplace.folder / f".{path.stem}.state"
        self._state.write_text("")
        self._ready_urls: list[str] = []
        self._answer: str | None = None
        """What the block before printed, if that block is directly before."""

    def run(self) -> list[Outcome]:
        """Execute every block; raises `AssertionError` naming file and line of the first that fails."""
        document = Document.parse(str(self._path), self._blocks, SkipParser(), self._backgrounds)
        outcomes = []
        for example in document.examples():
            language = example.region.lexemes.get("language")
            reason = None
            try:
                example.evaluate()
            except SkipTest as skipped:
                reason, self._answer, self._ready_urls = str(skipped), None, []
            except Exception as error:
                raise AssertionError(f"{self._path}, line {example.line}: {error}") from error
            if language in EXECUTED:
                outcomes.append(Outcome(example.line, language, reason))
        return outcomes

    def _blocks(self, document: Document) -> Iterable[Region]:
        for region in RawFencedCodeBlockLexer(_INFO)(document):
            language = region.lexemes["language"].strip()
            region.lexemes["language"] = language
            if language.startswith("{"):  # a Sphinx directive
                continue
            assert language in EXECUTED | NOT_EXECUTED, (
                f"{document.path}, {document.line_column(region.start)}: "
                f"a block needs one of the languages {', '.join(sorted(EXECUTED | NOT_EXECUTED))}, not {language!r}"
            )
            region.parsed = str(region.lexemes["source"])
            region.evaluator = self._evaluate
            yield region

    def _backgrounds(self, document: Document) -> Iterable[Region]:
        for region in DirectiveInHTMLCommentLexer("background")(document):
            region.parsed = str(region.lexemes["arguments"]).strip()
            region.evaluator = self._remember_background
            yield region

    def _remember_background(self, example: Example) -> None:
        self._ready_urls = self._workplace.localized(example.parsed).split()

    def _evaluate(self, example: Example) -> None:
        language, source = example.region.lexemes["language"], self._workplace.localized(example.parsed)
        if language == "sh" and self._ready_urls:
            self._start(source, self._ready_urls)
            self._ready_urls, self._answer = [], None
        elif language == "sh":
            self._answer = self._shell(source)
        elif language == "python":
            self._answer = self._finish([sys.executable, "-"], source)
        elif language == "json":
            document = json.loads(source)
            if self._answer is not None:
                _compare(document, _last_json(self._answer))
            self._answer = None
        else:
            self._answer = None

    def _start(self, source: str, ready_urls: list[str]) -> None:
        script = self._workplace.folder / f".{self._path.stem}.background.sh"
        script.write_text(f"set -eu\n{source}")
        start = f"import os; os.execvp('bash', ['bash', {str(script)!r}])"
        self._workplace.processes.start(self._path.stem, ["-c", start], ready=ReadyCheck(ready_urls[0]))
        self._workplace.processes.wait(self._path.stem, seconds=_READY_S)
        for url in ready_urls[1:]:
            self._await(url)

    def _await(self, url: str) -> None:
        """Wait until the background block answers `url`; raises with the logs when it ends or is late."""
        processes, name = self._workplace.processes, self._path.stem
        deadline = time.monotonic() + _READY_S
        while not _answers(url):
            if not processes.running(name) or time.monotonic() > deadline:
                state = "is not ready" if processes.running(name) else "ended"
                raise AssertionError(f"{name} {state} before {url} answered; the logs:\n{self._logs()}")
            time.sleep(_POLL_S)

    def _shell(self, source: str) -> str:
        script = f"set -eu -o pipefail -a\n. '{self._state}'\n{source}\nexport -p > '{self._state}'\n"
        return self._finish(["bash", "-s"], script)

    def _logs(self) -> str:
        """The ends of the logs of the platform, for a failure whose cause is in another process."""
        folder = self._workplace.folder
        logs = sorted({*(folder / "run").glob("*.log"), *(folder / ".ginja" / "run").glob("*.log")})
        return "\n".join(f"{log.name} ends:\n{tail(log)}" for log in logs)

    def _finish(self, command: list[str], source: str) -> str:
        """What `command` printed on standard output, reading `source`; raises where its exit code is not 0."""
        finished = subprocess.run(
            command,
            input=source,
            capture_output=True,
            text=True,
            timeout=_BLOCK_S,
            cwd=self._workplace.folder,
            env=self._workplace.surroundings(),
            check=False,
        )
        if finished.returncode:
            raise AssertionError(
                f"exit code {finished.returncode} of\n{source}\nOutput:\n{finished.stdout[-3000:]}\n"
                f"Errors:\n{finished.stderr[-3000:]}\n{self._logs()}"
            )
        return finished.stdout


class Documents:
    """The pages of a checkout, in any order: what a page continues is executed before it, once."""

    def __init__(self, root: Path, fresh: Callable[[], AbstractContextManager[Workplace]], opened: ExitStack) -> None:
        """`fresh` opens a workplace; those that pages continue stay open in `opened`."""
        self._root = root
        self._fresh = fresh
        self._opened = opened
        self._executed: dict[str, Workplace | AssertionError] = {}

    def execute(self, name: str, *, continued: bool) -> None:
        """Execute a page, unless it was before; `continued`: another page continues it, so its workplace is kept.

        Raises `AssertionError` as `Page.run`, also where the page that it continues fails.
        """
        first = page_continued(self._root / name)
        if first is not None:
            Page(self._root / name, self._kept(first)).run()
        elif continued:
            self._kept(name)
        else:
            with self._fresh() as workplace:
                Page(self._root / name, workplace).run()

    def _kept(self, name: str) -> Workplace:
        if name not in self._executed:
            workplace = self._opened.enter_context(self._fresh())
            try:
                Page(self._root / name, workplace).run()
                self._executed[name] = workplace
            except AssertionError as error:
                self._executed[name] = error
        executed = self._executed[name]
        if isinstance(executed, AssertionError):
            raise AssertionError(str(executed)) from executed
        return executed


def page_continued(path: Path) -> str | None:
    """The page that a page continues, by its path from the root of the checkout."""
    marked = re.search(r"^<!-- continues: (\S+) -->$", path.read_text(), re.MULTILINE)
    return None if marked is None else marked.group(1)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=10.0).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _last_json(output: str) -> object:
    """The JSON document that ends `output`: its last line, or all of it."""
    lines = output.strip().splitlines()
    for text in (lines[-1] if lines else "", output):
        try:
            return json.loads(text)
        except ValueError:
            continue
    raise AssertionError(f"the block printed no JSON: {output[-2000:]}")


def _compare(documented: object, actual: object) -> None:
    if isinstance(documented, dict) and isinstance(actual, dict) and set(documented) != set(actual):
        raise AssertionError(
            f"the answer has other fields than the document shows.\nOnly in the document: "
            f"{sorted(set(documented) - set(actual))}\n"
            f"Only in the answer: {sorted(set(actual) - set(documented))}\n{actual}"
        )
