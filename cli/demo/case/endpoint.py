"""An OpenAI-compatible endpoint on this machine that drafts case summaries, and lies when it is asked to."""

import json
import random
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final

from cli.demo.case.drafts import false_sentences, sent_facts, true_sentences
from core.embedded import LOOPBACK

MODEL: Final = "a-model-that-lies"
MOST_SENTENCES: Final = 60
"""Of a draft: further ones are not read."""


class LyingEndpoint:
    """Answers requests for chat completions. Each draft is true from start to end, or false from start to end."""

    def __init__(self) -> None:
        self.lies = False
        """Whether the next draft is false."""
        self.drafted = 0
        """Sentences of all drafts."""
        self._chosen = random.Random(417)
        self._server = ThreadingHTTPServer((LOOPBACK, 0), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, name="lying endpoint", daemon=True)

    def __enter__(self) -> "LyingEndpoint":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """As `GINJA_NARRATIVE_URL` has it."""
        return f"http://{LOOPBACK}:{self._server.server_port}/v1"

    def draft(self, facts: str) -> str:
        """A draft about the facts, one sentence a line."""
        stated = sent_facts(facts)
        if self.lies:
            sentences = false_sentences(stated, MOST_SENTENCES, self._chosen)
        else:
            sentences = [one.text for one in true_sentences(stated)][:MOST_SENTENCES]
        self.drafted += len(sentences)
        return "\n".join(sentences)


def _handler_of(endpoint: LyingEndpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            content = endpoint.draft(asked["messages"][-1]["content"])
            answer = json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Nothing: the demo prints what it does."""

    return Handler
