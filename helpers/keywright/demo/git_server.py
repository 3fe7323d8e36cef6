"""`git http-backend` behind HTTP Basic authentication, serving bare repositories from a throw-away folder.

    GET /acme/app.git/info/refs?service=git-upload-pack HTTP/1.1
    Git-Protocol: version=2
    Authorization: Basic eC1hY2Nlc3MtdG9rZW46Z2hzXzlm…

The protocol is git's own (gitprotocol-http(5)); this module only turns a request into a CGI call (RFC 3875) and
streams the answer. No configuration of the user or the machine takes part.
"""

import os
import ssl
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Final
from urllib.parse import unquote

from keywright.demo.exchange import Call, Reply, basic_credentials
from keywright.demo.issuer import Clock, LoopbackServer, real_clock

PIECE_BYTES: Final = 64 * 1024
REFS_ROUTE: Final = "GET /{repository*}.git/info/refs"
READ_ROUTE: Final = "POST /{repository*}.git/git-upload-pack"
WRITE_ROUTE: Final = "POST /{repository*}.git/git-receive-pack"
ROUTES: Final = (REFS_ROUTE, READ_ROUTE, WRITE_ROUTE)
FIRST_COMMIT: Final = b"""\
commit refs/heads/main
committer Demo <demo@example.invalid> 1767225600 +0000
data 13
First commit

M 100644 inline README
data 6
hello

"""
"""A stream for git-fast-import(1)."""


class GitServer(LoopbackServer):
    """Serves `/{repository}.git` for reading and writing; each repository starts with one commit on `main`."""

    def __init__(
        self,
        *,
        authorises: Callable[[str, str], bool],
        repositories: tuple[str, ...] = ("acme/app",),
        tls: ssl.SSLContext | None = None,
        clock: Clock = real_clock,
    ) -> None:
        """Prepare a server that lets in whoever brings a user name and password that `authorises` says yes to.

        Args:
            authorises: asked on every request.
            repositories: paths without `.git`, which a client may leave out too.
            tls: a server context for https; None for http.
            clock: the server's time.
        """
        super().__init__(
            dict.fromkeys((*ROUTES, *(route.replace(".git/", "/") for route in ROUTES)), self._guarded),
            tls=tls,
            clock=clock,
        )
        self._authorises = authorises
        self._repositories = repositories
        self._folder: TemporaryDirectory[str] | None = None

    def start(self) -> None:
        """Make the repositories and listen."""
        self._folder = TemporaryDirectory(prefix="keywright-demo-")
        for repository in self._repositories:
            where = Path(self._folder.name, f"{repository}.git")
            _git("init", "--quiet", "--bare", "--initial-branch=main", str(where))
            _git("-C", str(where), "fast-import", "--quiet", stdin=FIRST_COMMIT)
        super().start()

    def stop(self) -> None:
        """Stop listening and remove the repositories."""
        super().stop()
        if self._folder is not None:
            self._folder.cleanup()

    def _guarded(self, call: Call) -> Reply:
        pair = basic_credentials(call)
        if pair is None or not self._authorises(*pair):
            return Reply(status=401, headers=(("WWW-Authenticate", 'Basic realm="demo"'),))
        if call.values["repository"] not in self._repositories:
            return Reply(status=404)
        return self._backend(call, username=pair[0])

    def _backend(self, call: Call, username: str) -> Reply:
        """Run `git http-backend` on the call. Its body goes through a file, so that neither side waits on the other."""
        folder, repository = self._folder.name if self._folder else "", call.values["repository"]
        environment = _environment() | {
            "GIT_PROJECT_ROOT": folder,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": str(call.headers.get("Git-Protocol", "")),
            "HTTP_CONTENT_ENCODING": str(call.headers.get("Content-Encoding", "")),
            "CONTENT_TYPE": str(call.headers.get("Content-Type", "")),
            "CONTENT_LENGTH": str(len(call.body)),
            "PATH_INFO": unquote(call.path).replace(f"{repository}/", f"{repository}.git/", 1),
            "QUERY_STRING": call.query,
            "REMOTE_ADDR": "127.0.0.1",
            "REMOTE_USER": username,
            "REQUEST_METHOD": call.method,
        }
        with TemporaryFile() as body:
            body.write(call.body)
            body.seek(0)
            return Backend(body, environment).reply()


class Backend:
    """A running `git http-backend`; iterating yields the body of its answer as it comes."""

    def __init__(self, stdin: IO[bytes], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            ["git", "http-backend"],  # noqa: S607 - the git on PATH is the one the demo shows
            bufsize=0,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        assert self._process.stdout is not None  # noqa: S101 - Popen was given a pipe
        self._stdout = self._process.stdout

    def reply(self) -> Reply:
        """Read the CGI headers; the body stays a stream."""
        status, headers = 200, []
        while line := self._stdout.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            if name.lower() == "status":
                status = int(value.split()[0])
            else:
                headers.append((name, value.strip()))
        return Reply(status=status, headers=tuple(headers), body=self)

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._stdout.read(PIECE_BYTES):
            yield piece
        self._process.wait()

    def close(self) -> None:
        """End the backend, if the client went away before it did."""
        self._stdout.close()
        self._process.kill()
        self._process.wait()


def _git(*arguments: str, stdin: bytes = b"") -> None:
    subprocess.run(["git", *arguments], input=stdin, env=_environment(), check=True, capture_output=True)  # noqa: S607


def _environment() -> dict[str, str]:
    """Return an environment in which git reads no configuration of the user or the machine."""
    return {"PATH": os.environ.get("PATH", os.defpath), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
