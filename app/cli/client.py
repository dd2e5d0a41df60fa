"""The client of the API: requests, problems turned into sentences, uploads and downloads as streams."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from app.cli.exits import CommandError, Exit
from app.report.units import one_line

Json = dict[str, Any]
CHUNK = 1 << 18
CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 120.0
INTAKE_SECONDS = 3600.0
"""How long the answer to an upload may take: the table is read and checked before it comes."""
QUIET_SECONDS = 60.0
"""A stream of events that is silent for longer, without even a sign of life, is taken for dead."""
BAD_INPUT_STATUSES = frozenset({400, 411, 413, 414, 415, 422})
PARQUET = "application/vnd.apache.parquet"


class Client:
    """One service and one API key."""

    def __init__(self, url: str, key: str, *, direct: bool = False) -> None:
        """`direct` ignores the proxies of the environment, as a service on this machine needs.

        Raises CommandError where there is no key.
        """
        if not key:
            raise CommandError("expected an API key in LOOKALIKE_KEY or --key, got none", Exit.BAD_INPUT)
        self.url = url.rstrip("/")
        self._http = httpx2.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            trust_env=not direct,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def get(self, path: str, **query: str) -> Json:
        """The JSON at `path`. Raises CommandError with the problem's own sentence where the API refuses."""
        with self._connected():
            return _body(self._http.get(path, params=query))

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Json:
        """The answer to a JSON body. Raises CommandError where the API refuses."""
        with self._connected():
            return _body(self._http.post(path, json=body))

    def synthesize(
        self, file: Path, options: Mapping[str, Any], said: Mapping[str, str | int], told: Callable[[int], None]
    ) -> Json:
        """The job that the table in `file` has become. The file is sent as a stream; `told` hears of each piece."""
        timeout = httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS, read=INTAKE_SECONDS)
        with self._connected(), _Told(file, told) as source:
            return _body(
                self._http.post(
                    "/v1/synthesize",
                    params=dict(said),
                    data={"options": json.dumps(options)},
                    files={"file": (file.name, source)},
                    timeout=timeout,
                )
            )

    def download(self, path: str, target: Path, accept: str, sha256: str | None = None) -> Path:
        """`target`, holding what lies at `path`. Half a file, or one with another hash, is never left there."""
        part = target.with_name(f".{target.name}.part")
        digest = hashlib.sha256()
        try:
            with self._connected(), self._http.stream("GET", path, headers={"Accept": accept}) as answer:
                _raise_problem(answer)
                with part.open("wb") as out:
                    for chunk in answer.iter_bytes(CHUNK):
                        digest.update(chunk)
                        out.write(chunk)
            if sha256 is not None and digest.hexdigest() != sha256:
                raise CommandError("expected a download with the hash that the release names, got another one")
            return part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    def events(self, path: str, after: str) -> Iterator[httpx2.ServerSentEvent]:
        """The server-sent events at `path` that came after the one with the id `after`, until the stream ends.

        Raises CommandError where the API refuses, and httpx2.TransportError where the connection is lost.
        """
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
        timeout = httpx2.Timeout(QUIET_SECONDS, connect=CONNECT_SECONDS)
        with self._http.stream("GET", path, headers=headers, timeout=timeout) as answer:
            _raise_problem(answer)
            yield from httpx2.EventSource(answer)

    @contextmanager
    def _connected(self) -> Iterator[None]:
        try:
            yield
        except httpx2.ConnectError as error:
            raise CommandError(f"expected a Lookalike service at {self.url}, could not connect to it") from error
        except httpx2.TimeoutException as error:
            raise CommandError(f"the service at {self.url} did not answer in time") from error
        except httpx2.TransportError as error:
            raise CommandError(f"the connection to {self.url} was lost ({type(error).__name__})") from error
        except httpx2.InvalidURL as error:
            raise CommandError("--url: expected an address such as http://127.0.0.1:8000", Exit.BAD_INPUT) from error


class _Told(io.FileIO):
    """A file that says how much of it is read."""

    def __init__(self, file: Path, told: Callable[[int], None]) -> None:
        super().__init__(file)
        self._told = told

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes."""
        piece = super().read(size) or b""
        self._told(len(piece))
        return piece


def _body(answer: httpx2.Response) -> Json:
    _raise_problem(answer)
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise CommandError(f"expected an answer of the Lookalike API from {answer.url.host}, got something else")
    return body


def _raise_problem(answer: httpx2.Response) -> None:
    if answer.is_success:
        return
    answer.read()
    code = Exit.BAD_INPUT if answer.status_code in BAD_INPUT_STATUSES else Exit.FAILED
    raise CommandError(sentence(answer), code)


def sentence(answer: httpx2.Response) -> str:
    """What an answer that is not a success says, in one sentence: the problem's title, detail and faulty fields."""
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict) or "title" not in problem:
        return f"the service answered {answer.status_code}"
    said = str(problem["title"])
    if problem.get("detail"):
        said += f": {problem['detail']}"
    faults = [": ".join(str(part) for part in fault.values()) for fault in problem.get("errors") or []]
    return one_line(said + (f" ({'; '.join(faults)})" if faults else ""))
