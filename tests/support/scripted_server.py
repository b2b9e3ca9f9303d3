"""A real HTTP server on loopback that answers what it was told to, for tests of those who ask."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from shared.local.ports import LOOPBACK


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer. `missing` bytes are promised, and never sent: the server dies in the middle."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    missing: int = 0


@dataclass(frozen=True, kw_only=True)
class Requester:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class ScriptedServer:
    """Gives its answers in order, the last one again and again; remembers what it was asked."""

    def __init__(self, port: int) -> None:
        self.url = f"http://{LOOPBACK}:{port}"
        self.answers: deque[Answer] = deque([Answer()])
        self.asked: list[Requester] = []

    def say(self, *answers: Answer) -> None:
        """Answer this from now on."""
        self.answers = deque(answers)

    def take(self, asked: Requester) -> Answer:
        """Note a request, and say what to answer."""
        self.asked.append(asked)
        return self.answers.popleft() if len(self.answers) > 1 else self.answers[0]


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    """A server on a free port; it is gone afterwards."""

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            answer = server.take(
                Requester(
                    method=self.command,
                    path=self.path,
                    headers=dict(self.headers),
                    body=self.rfile.read(length),
                )
            )
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body) + answer.missing))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = handle_any  # noqa: N815 - the names that the library asks for

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as http:
        server = ScriptedServer(http.server_port)
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
