"""Delegations as they are stored, without any server."""

import pytest

from services.imports.sealing import Seal, SealBroken

DELEGATION = "0" * 24 + "." + "s" * 43


class TestSeal:
    def test_hides_and_gives_back(self) -> None:
        seal = Seal(lambda: "a secret")

        stored = seal.close(DELEGATION)

        assert "s" * 43 not in stored
        assert seal.open(stored) == DELEGATION
        # What the validator of jobs takes.
        assert len(stored) <= 300

    def test_lets_what_the_release_before_stored_be(self) -> None:
        assert Seal(lambda: "a secret").open(DELEGATION) == DELEGATION

    @pytest.mark.parametrize("damage", [lambda text: text[:-8], lambda _: "", lambda _: "abc"])
    def test_refuses_what_was_altered(self, damage: object) -> None:
        assert callable(damage)
        seal = Seal(lambda: "a secret")

        with pytest.raises(SealBroken):
            seal.open(damage(seal.close(DELEGATION)))

    def test_refuses_what_another_key_sealed(self) -> None:
        with pytest.raises(SealBroken):
            Seal(lambda: "a secret").open(Seal(lambda: "another").close(DELEGATION))

    def test_reads_its_secret_when_it_is_needed(self) -> None:
        secrets = ["a secret"]
        seal = Seal(secrets.pop)
        assert secrets == ["a secret"]

        assert seal.open(seal.close(DELEGATION)) == DELEGATION

        assert secrets == []
