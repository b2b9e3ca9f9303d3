from pathlib import Path
from typing import Any

import orjson
import pytest

from shared.api_client import (
    TRIES,
    ApiClient,
    ApiRefused,
    ApiUnreachable,
    GivenToken,
    RefreshedToken,
)
from shared.local.ports import LOOPBACK, free_port
from tests.support.clock import Clock
from tests.support.scripted_server import Answer, ScriptedServer

NO_ANSWER = Answer(body=b"{", missing=100)


class TestCall:
    def test_asks_as_somebody(self, server: ScriptedServer) -> None:
        server.say(Answer(body=b'{"items": []}'))
        client = ApiClient(server.url + "/", GivenToken("abc"))

        answer = client.get("/v1/orders", {"status": "paid"})

        (asked,) = server.asked
        assert answer == {"items": []}
        assert (asked.method, asked.path) == ("GET", "/v1/orders?status=paid")
        assert asked.headers["Authorization"] == "Bearer abc"

    def test_asks_as_nobody_without_a_token(self, server: ScriptedServer) -> None:
        ApiClient(server.url).get("/v1/orders")

        assert "Authorization" not in server.asked[0].headers

    def test_sends_json(self, server: ScriptedServer) -> None:
        ApiClient(server.url).post("/v1/orders", {"a": "ž"}, headers={"Idempotency-Key": "k"})

        (asked,) = server.asked
        assert orjson.loads(asked.body) == {"a": "ž"}
        assert asked.headers["Content-Type"] == "application/json"
        assert asked.headers["Idempotency-Key"] == "k"

    def test_takes_an_empty_answer_for_an_empty_object(self, server: ScriptedServer) -> None:
        server.say(Answer(status=204, body=b""))

        assert ApiClient(server.url).post("/v1/orders", {}) == {}

    def test_lets_no_proxy_and_no_netrc_come_between(
        self, server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "netrc").write_text(f"machine {LOOPBACK} login ann password secret\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        monkeypatch.setenv("HTTP_PROXY", f"http://{LOOPBACK}:{free_port()}")

        ApiClient(server.url, GivenToken("abc")).get("/v1/orders")

        assert server.asked[0].headers["Authorization"] == "Bearer abc"


class TestOutage:
    @pytest.mark.parametrize(
        "outage",
        [Answer(status=502), Answer(status=503), Answer(status=504), NO_ANSWER],
        ids=["502", "503", "504", "cut short"],
    )
    def test_is_waited_out(
        self, server: ScriptedServer, waits: list[float], outage: Answer
    ) -> None:
        server.say(outage, outage, Answer(body=b'{"a": 1}'))

        answer = ApiClient(server.url, sleep=waits.append).post("/v1/orders", {"b": 2})

        assert answer == {"a": 1}
        assert [asked.body for asked in server.asked] == [b'{"b":2}'] * 3
        assert waits == [1, 2]

    def test_ends_in_the_end(self, server: ScriptedServer, waits: list[float]) -> None:
        server.say(Answer(status=503))

        with pytest.raises(ApiUnreachable, match=r"does not answer \(status 503\)"):
            ApiClient(server.url, sleep=waits.append).get("/v1/orders")

        assert len(server.asked) == TRIES
        assert waits == [1, 2, 4]

    def test_of_a_server_that_is_not_there_is_named(self, waits: list[float]) -> None:
        with pytest.raises(ApiUnreachable, match="ConnectionError"):
            ApiClient(f"http://{LOOPBACK}:{free_port()}", sleep=waits.append).get("/v1/orders")

        assert len(waits) == TRIES - 1

    @pytest.mark.parametrize("status", [400, 401, 404, 409, 429, 500])
    def test_is_not_what_a_refusal_is(
        self, server: ScriptedServer, waits: list[float], status: int
    ) -> None:
        server.say(Answer(status=status))

        with pytest.raises(ApiRefused):
            ApiClient(server.url, sleep=waits.append).get("/v1/orders")

        assert waits == []


class TestRefusal:
    def test_says_what_the_service_said(self, server: ScriptedServer) -> None:
        problem = {"type": "urn:kith:problem:stale", "detail": "Reload it."}
        server.say(Answer(status=412, body=orjson.dumps(problem)))

        with pytest.raises(ApiRefused) as refusal:
            ApiClient(server.url).get("/v1/orders")

        assert refusal.value.status == 412
        assert refusal.value.problem == problem
        assert str(refusal.value) == "Reload it."

    @pytest.mark.parametrize("status", [200, 401, 500])
    @pytest.mark.parametrize("body", [b"<html>", b"[]", b"null", b"5", b"\xff"])
    def test_is_what_becomes_of_an_answer_of_no_service_of_ours(
        self, server: ScriptedServer, status: int, body: bytes
    ) -> None:
        server.say(Answer(status=status, body=body))

        with pytest.raises(ApiRefused, match=f"answered {status} without a JSON object"):
            ApiClient(server.url).get("/v1/orders")

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_is_what_becomes_of_a_redirect(self, server: ScriptedServer, status: int) -> None:
        server.say(Answer(status=status, headers={"Location": "/elsewhere"}))

        with pytest.raises(ApiRefused) as refusal:
            ApiClient(server.url, GivenToken("abc")).get("/v1/orders")

        assert refusal.value.status == status
        assert [asked.path for asked in server.asked] == ["/v1/orders"]


class TestPostStream:
    def test_sends_its_body_once(self, server: ScriptedServer) -> None:
        client = ApiClient(server.url, GivenToken("abc"))

        client.post_stream("/v1/imports", b"file", headers={"Content-Type": "text/csv"})

        (asked,) = server.asked
        assert (asked.method, asked.body) == ("POST", b"file")
        assert asked.headers["Content-Type"] == "text/csv"
        assert asked.headers["Authorization"] == "Bearer abc"

    def test_is_not_tried_again(self, server: ScriptedServer) -> None:
        server.say(Answer(status=503))

        with pytest.raises(ApiRefused):
            ApiClient(server.url).post_stream("/v1/imports", b"file", headers={})

        assert len(server.asked) == 1

    @pytest.mark.parametrize("there", [True, False])
    def test_says_when_nobody_answers(self, server: ScriptedServer, there: bool) -> None:
        server.say(NO_ANSWER)
        url = server.url if there else f"http://{LOOPBACK}:{free_port()}"

        with pytest.raises(ApiUnreachable):
            ApiClient(url).post_stream("/v1/imports", b"file", headers={})


class TestRefreshedToken:
    def test_asks_for_a_token_when_it_is_needed(self, server: ScriptedServer, clock: Clock) -> None:
        server.say(tokens(1))
        token = RefreshedToken(server.url, "refresh-0", clock=clock)
        assert server.asked == []

        assert [token() for _ in range(3)] == ["access-1"] * 3

        (asked,) = server.asked
        assert asked.path == "/v1/tokens/refresh"
        assert orjson.loads(asked.body) == {"refresh_token": "refresh-0"}

    def test_asks_again_a_minute_before_it_expires(
        self, server: ScriptedServer, clock: Clock
    ) -> None:
        server.say(tokens(1), tokens(2))
        token = RefreshedToken(server.url, "refresh-0", clock=clock)
        token()

        clock.advance(539)
        assert token() == "access-1"
        clock.advance(1)

        assert token() == "access-2"
        assert orjson.loads(server.asked[1].body) == {"refresh_token": "refresh-1"}

    def test_says_when_the_session_has_ended(self, server: ScriptedServer) -> None:
        server.say(Answer(status=401, body=b'{"detail": "Sign in again."}'))
        token = RefreshedToken(server.url, "refresh-0")

        with pytest.raises(ApiRefused, match="Sign in again"):
            token()

    def test_is_fresh_for_each_call_of_a_client(self, server: ScriptedServer, clock: Clock) -> None:
        server.say(tokens(1), Answer(), tokens(2), Answer())
        client = ApiClient(server.url, RefreshedToken(server.url, "refresh-0", clock=clock))

        client.get("/v1/orders")
        clock.advance(600)
        client.get("/v1/orders")

        asked = [each for each in server.asked if each.path == "/v1/orders"]
        assert [each.headers["Authorization"] for each in asked] == [
            "Bearer access-1",
            "Bearer access-2",
        ]

    def test_is_replaced_once_if_it_is_not_taken(self, server: ScriptedServer) -> None:
        waits: list[float] = []
        refused = Answer(status=401, body=b'{"detail": "Revoked."}')
        server.say(tokens(1), refused, tokens(2), Answer(), refused, tokens(3), refused)
        client = ApiClient(server.url, RefreshedToken(server.url, "refresh-0"), sleep=waits.append)

        client.get("/v1/orders")
        with pytest.raises(ApiRefused, match="Revoked"):
            client.get("/v1/orders")

        asked = [each.headers.get("Authorization") for each in server.asked]
        assert [token for token in asked if token] == [
            "Bearer access-1",
            "Bearer access-2",
            "Bearer access-2",
            "Bearer access-3",
        ]


def tokens(number: int) -> Answer:
    """What accounts answers to a refresh token."""
    body: dict[str, Any] = {
        "access_token": f"access-{number}",
        "refresh_token": f"refresh-{number}",
        "expires_in": 600,
    }
    return Answer(body=orjson.dumps(body))


@pytest.fixture
def waits() -> list[float]:
    """The seconds that were waited, or rather would have been."""
    return []
