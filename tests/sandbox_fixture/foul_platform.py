"""A platform that answers whatever a test puts into its mouth."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from adapters.wire import HttpReply, HttpRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.adapter import ManifestAdapter


@dataclass(slots=True)
class FoulPlatform:
    """What the platform says: `reply` to look-ups and, where it is set, `login_reply` to logins."""

    adapter: ManifestAdapter
    reply: HttpReply
    secrets: dict[str, str]
    address: str = ""
    login_reply: HttpReply | None = None
    asked: list[bytes] = field(default_factory=list)

    def answer(self, request: HttpRequest) -> HttpReply:
        """Answer a request; an honest login gets a token unless the test wants another answer."""
        self.asked.append(request.body)
        if request.path.partition("?")[0] != self.adapter.auth.login_path:
            return self.reply
        if self.login_reply is not None:
            return self.login_reply
        return self.adapter.auth.answer_login(request, secrets=self.secrets, token="SYNTHETIC-TOKEN-0001")


@contextmanager
def foul_platform(adapter: ManifestAdapter, port: int, secrets: dict[str, str]) -> Iterator[FoulPlatform]:
    """Run such a platform on a port."""
    platform = FoulPlatform(adapter, HttpReply(200), secrets)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = platform.answer(HttpRequest(self.command, self.path, headers, body))
            self.send_response_only(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST = _serve  # noqa: N815 - the library finds them by these names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library names its argument so
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    platform.address = f"127.0.0.1:{server.server_address[1]}"
    try:
        yield platform
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
