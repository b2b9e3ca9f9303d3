"""Client of one service over HTTP, in somebody's name.

Keeps tokens fresh, waits outages out and raises refusals. Knows no address of a service.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self

import orjson
import requests

from shared.document import Document
from shared.failures import Plain

TIMEOUT_SECONDS = (3, 20)
"""To connect, and between two bytes of an answer."""
TRIES = 4
EXPIRY_MARGIN_SECONDS = 60
# The last two are a service that was stopped in the middle of its answer, or none of ours.
_AWAY = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)


class ApiRefused(Exception):
    """The service refused; `problem` is what it said (RFC 9457)."""

    def __init__(self, status: int, problem: Document) -> None:
        super().__init__(problem.get("detail") or f"The service answered {status}.")
        self.status = status
        self.problem = problem


class ApiUnreachable(Plain):
    """The service did not answer, after several tries."""


class TokenSource(Protocol):
    """A source of access tokens for the calls of a client."""

    def __call__(self) -> str:
        """An access token that is still good for a while."""

    def renew(self) -> bool:
        """Give another token from now on, as this one is not taken; False if there is no other."""


class GivenToken:
    """A token that somebody handed over; when it expires, so be it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self) -> str:
        """The token."""
        return self._token

    def renew(self) -> bool:
        """There is no other."""
        return False


class RefreshedToken:
    """A token that is replaced, by a refresh token, shortly before it expires."""

    def __init__(
        self,
        accounts_url: str,
        refresh_token: str,
        *,
        tries: int = TRIES,
        timeout: float | tuple[float, float] = TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._accounts = ApiClient(accounts_url, tries=tries, timeout=timeout)
        self._refresh_token = refresh_token
        self._clock = clock
        self._access_token = ""
        self._good_until = float("-inf")

    def __call__(self) -> str:
        """The token, new if need be.

        :raises ApiRefused: the session has ended.
        :raises ApiUnreachable: accounts does not answer.
        """
        if self._clock() >= self._good_until:
            tokens = self._accounts.post(
                "/v1/tokens/refresh", {"refresh_token": self._refresh_token}
            )
            self._refresh_token = tokens["refresh_token"]
            self._access_token = tokens["access_token"]
            self._good_until = self._clock() + tokens["expires_in"] - EXPIRY_MARGIN_SECONDS
        return self._access_token

    def renew(self) -> bool:
        """The next token is a new one: this was revoked, for the user has got another role."""
        self._good_until = float("-inf")
        return True


class ApiClient:
    """Calls one service.

    What it sends has to be safe to send again, since it does when no answer comes.
    """

    def __init__(
        self,
        base_url: str,
        token: TokenSource | None = None,
        *,
        tries: int = TRIES,
        timeout: float | tuple[float, float] = TIMEOUT_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._token = token
        self._tries = tries
        self._timeout = timeout
        self._sleep = sleep
        self._session = requests.Session()
        # A proxy of this machine would come between the services, and a .netrc put its own password
        # in the place of our token.
        self._session.trust_env = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def get(
        self, path: str, params: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> Document:
        """The answer of a path.

        :raises ApiRefused: it refused.
        :raises ApiUnreachable: it did not answer.
        """
        return self._json(self.request("GET", path, params=params, headers=headers))

    def post(self, path: str, body: Any, *, headers: dict[str, str] | None = None) -> Document:
        """The answer of a path to a JSON body.

        :raises ApiRefused: it refused.
        :raises ApiUnreachable: it did not answer.
        """
        content = {"Content-Type": "application/json", **(headers or {})}
        return self._json(self.request("POST", path, data=orjson.dumps(body), headers=content))

    def post_stream(self, path: str, body: Any, *, headers: dict[str, str]) -> Document:
        """The answer of a path to a body that is read as it is sent, and so is sent once.

        :raises ApiRefused: it refused.
        :raises ApiUnreachable: it did not answer.
        """
        try:
            answer = self._session.post(
                self._base_url + path,
                data=body,
                timeout=(3, 300),
                allow_redirects=False,
                headers={**headers, **self._authorization()},
            )
        except _AWAY as error:
            raise ApiUnreachable(
                f"{self._base_url} does not answer ({type(error).__name__})."
            ) from error
        return self._json(answer)

    def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any
    ) -> requests.Response:
        """One call, tried again while the service is away (no connection, 502, 503, 504).

        Once more with a new token where the first is not taken, if there is a new one.

        :raises ApiUnreachable: it did not answer.
        """
        reason = ""
        for attempt in range(self._tries):
            if attempt:
                self._sleep(0.5 * 2**attempt)
            try:
                answer = self._session.request(
                    method,
                    self._base_url + path,
                    headers={**(headers or {}), **self._authorization()},
                    timeout=self._timeout,
                    allow_redirects=False,
                    **options,
                )
            except _AWAY as error:
                reason = type(error).__name__
                continue
            if answer.status_code == 401 and attempt == 0 and self._renew():
                continue
            if answer.status_code not in {502, 503, 504}:
                return answer
            reason = f"status {answer.status_code}"
        raise ApiUnreachable(f"{self._base_url} does not answer ({reason}).")

    def _authorization(self) -> dict[str, str]:
        return {} if self._token is None else {"Authorization": f"Bearer {self._token()}"}

    def _renew(self) -> bool:
        return self._tries > 1 and self._token is not None and self._token.renew()

    def _json(self, answer: requests.Response) -> Document:
        try:
            body = orjson.loads(answer.content) if answer.content else {}
        except orjson.JSONDecodeError:
            body = None
        if not isinstance(body, dict):
            # No service of ours: something in between, or another program on its port.
            sentence = f"{self._base_url} answered {answer.status_code} without a JSON object."
            raise ApiRefused(answer.status_code, {"detail": sentence})
        if not 200 <= answer.status_code < 300:
            raise ApiRefused(answer.status_code, body)
        return body
