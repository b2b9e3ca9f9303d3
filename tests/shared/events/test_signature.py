"""Signatures: what they hold, whom they are for, and how keys are read and changed."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from shared.events.signature import KeysUnfit, Signer, read_keys

OLD, NEW, STRANGE = (bytes([number]) * 32 for number in (1, 2, 3))
DATA: dict[str, Any] = {"total": "1.50", "at": "2026-01-01T00:00:00+00:00", "n": [1, None, True]}
CONTENT: dict[str, Any] = {"id": "e", "data": DATA}
SIGNED = Signer([OLD]).sign("event", "customers", CONTENT)


class TestSigner:
    def test_knows_what_it_signed_however_it_is_ordered(self) -> None:
        reordered = dict(reversed(CONTENT.items()))

        assert Signer([OLD]).has_signed(SIGNED, "event", "customers", reordered)

    @pytest.mark.parametrize(
        "altered",
        [
            {},
            None,
            CONTENT | {"id": "f"},
            CONTENT | {"more": None},
            CONTENT | {"data": DATA["n"]},
            {"data": DATA},
            CONTENT | {"data": DATA | {"n": [1, None, 1]}},
            CONTENT | {"data": DATA | {"n": [1.0, None, True]}},
            CONTENT | {"data": DATA | {"n": [1, float("nan"), True]}},
            CONTENT | {"id": UUID(int=0)},
            # kombu reads such a thing out of a message.
            CONTENT | {"data": DATA | {"at": datetime(2026, 1, 1, tzinfo=UTC)}},
            CONTENT | {5: 5},
        ],
    )
    def test_does_not_know_what_was_altered(self, altered: Any) -> None:
        assert not Signer([OLD]).has_signed(SIGNED, "event", "customers", altered)

    @pytest.mark.parametrize(
        ("purpose", "to"), [("event", "orders"), ("receipts", "customers"), ("event", "")]
    )
    def test_does_not_take_it_for_another_purpose_or_service(self, purpose: Any, to: str) -> None:
        assert not Signer([OLD]).has_signed(SIGNED, purpose, to, CONTENT)

    @pytest.mark.parametrize("signature", [None, "", 5, [], "é", SIGNED[:-1], SIGNED.upper(), b"x"])
    def test_takes_nothing_else_for_a_signature(self, signature: Any) -> None:
        assert not Signer([OLD]).has_signed(signature, "event", "customers", CONTENT)

    def test_signs_with_the_first_key_and_accepts_both(self) -> None:
        changing = Signer([NEW, OLD])

        assert changing.has_signed(SIGNED, "event", "customers", CONTENT)
        newly = changing.sign("event", "customers", CONTENT)
        assert Signer([NEW]).has_signed(newly, "event", "customers", CONTENT)
        assert not Signer([NEW]).has_signed(SIGNED, "event", "customers", CONTENT)
        assert not Signer([STRANGE]).has_signed(SIGNED, "event", "customers", CONTENT)

    def test_without_a_key_knows_nothing(self) -> None:
        assert not Signer([]).has_signed(SIGNED, "event", "customers", CONTENT)

    def test_bears_what_is_nested_without_end(self) -> None:
        deep: Any = []
        for _ in range(100_000):
            deep = [deep]

        assert not Signer([OLD]).has_signed(SIGNED, "event", "customers", deep)


class TestReadKeys:
    def test_reads_one_or_two(self) -> None:
        assert read_keys(f"{OLD.hex()}\n") == (OLD,)
        assert read_keys(f"{NEW.hex().upper()}\r\n\n{OLD.hex()}") == (NEW, OLD)

    @pytest.mark.parametrize(
        "text", ["", "x", "00", OLD.hex()[:-2], f"{OLD.hex()}00", "\n".join([OLD.hex()] * 3)]
    )
    def test_refuses_all_else_and_repeats_nothing(self, text: str) -> None:
        with pytest.raises(KeysUnfit) as refusal:
            read_keys(text)

        assert "64 hexadecimal digits" in str(refusal.value)
        assert len(text) < 10 or text not in str(refusal.value)
