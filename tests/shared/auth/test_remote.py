from dataclasses import replace

import orjson

from shared.auth.remote import remote_verifier
from shared.mongo.client import Document
from shared.settings import load
from tests.support.forgery import mint
from tests.support.scripted_server import Answer, ScriptedServer


class TestRemoteVerifier:
    def test_takes_the_keys_that_accounts_publishes(
        self, server: ScriptedServer, signing_key: Document
    ) -> None:
        server.say(
            Answer(body=orjson.dumps({"keys": [signing_key["public_key"]]})),
            Answer(body=b'{"users": {}}'),
        )
        verifier = remote_verifier(replace(load(), accounts_url=server.url))

        caller = verifier.caller(mint(signing_key).token(role="sales"))

        assert caller.role == "sales"
