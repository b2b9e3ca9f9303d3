"""The command that lets somebody in as an admin again."""

from tests.services.cli.conftest import Call


class TestAdminPassword:
    def test_says_a_password_once(self, call: Call) -> None:
        call("setup")

        code, said, _ = call("admin-password", "boss@example.com")

        first, last = said.splitlines()
        assert code == 0
        assert (
            first == "boss@example.com: nobody had this address, so an admin was registered with it"
        )
        assert last.startswith("one-time password: ")

    def test_takes_an_address_that_begins_with_a_dash(self, call: Call) -> None:
        call("setup")

        code, said, _ = call("admin-password", "-x@example.com")

        assert code == 0
        assert said.startswith("-x@example.com: ")

    def test_ends_with_a_sentence_where_it_cannot(self, call: Call) -> None:
        code, _, complained = call("admin-password", "boss@example.com")

        assert (code, complained) == (
            1,
            "Error: There is no key to sign with yet; run the setup step first.\n",
        )
