"""A hub on the loopback interface: enough of its HTTP interface for the real client library, and a log of what it asks.

It can stop in the middle of a file, as lines do.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPO = "owner/Tiny-Coder"


class Hub:
    """One repository out of a folder.

    Attributes:
        url: what HF_ENDPOINT must be.
        asked: (method, file, start of the range or None) of every request for a file's content.
        stalls_at: file and number of bytes after which the server sends nothing more, until it is set to None.
        stalled: set once it has stopped so.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[tuple[str, str, int | None]] = []
        self.stalls_at: tuple[str, int] | None = None
        self.stalled = threading.Event()
        self.goes_on = threading.Event()
        self.hashes: dict[str, str] = {}
        self.url = ""

    def described(self) -> bytes:
        siblings = []
        for path in sorted(path for path in self.folder.rglob("*") if path.is_file()):
            name, size = path.relative_to(self.folder).as_posix(), path.stat().st_size
            item: dict[str, object] = {"rfilename": name, "size": size, "blobId": "0" * 40}
            if path.suffix == ".safetensors":
                item["lfs"] = {"sha256": self.sha256(name), "size": size, "pointerSize": 134}
            siblings.append(item)
        return json.dumps({"id": REPO, "modelId": REPO, "sha": COMMIT, "siblings": siblings}).encode()

    def sha256(self, name: str) -> str:
        return self.hashes.get(name) or hashlib.sha256((self.folder / name).read_bytes()).hexdigest()


@contextmanager
def serve(folder: Path) -> Iterator[Hub]:
    hub = Hub(folder)

    class Handler(_Handler):
        served = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.goes_on.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Hub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        if path in (
            f"/api/models/{REPO}",
            f"/api/models/{REPO}/revision/main",
            f"/api/models/{REPO}/revision/{COMMIT}",
        ):
            return self._send(self.served.described(), {"Content-Type": "application/json"})
        name = path.removeprefix(f"/{REPO}/resolve/{COMMIT}/")
        file = self.served.folder / name
        if name == path or not file.is_file():
            return self._send(b"", {"X-Error-Code": "RepoNotFound"}, 404)
        return self._send_file(name, file.read_bytes())

    def _send_file(self, name: str, data: bytes) -> None:
        etag = self.served.sha256(name) if name.endswith(".safetensors") else hashlib.sha1(data).hexdigest()
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        requested = self.headers.get("Range")
        start = int(requested.removeprefix("bytes=").partition("-")[0]) if requested else None
        self.served.asked.append((self.command, name, start))
        if start is not None:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        stall = self.served.stalls_at
        stops_after = stall[1] if stall is not None and stall[0] == name and self.command == "GET" else None
        self._send(data[start or 0 :], headers, 200 if start is None else 206, stops_after)

    def _send(self, data: bytes, headers: dict[str, str], status: int = 200, stops_after: int | None = None) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(data[:stops_after])
        if stops_after is not None:
            self.wfile.flush()
            self.served.stalled.set()
            self.served.goes_on.wait()

    def log_message(self, format: str, *args: object) -> None:
        """The log is in `Hub.asked`."""
