from typing import Any

import orjson
import pytest

from shared.values import strict_json
from shared.values.strict_json import LongNumber, NameTwice, NotJson


class TestLoads:
    @pytest.mark.parametrize(
        "value",
        [
            {},
            [],
            None,
            "a: b: c",
            {"at": "2025-06-01T12:00:00Z", "url": "https://x.example:80/:::"},
            {"a": {"a": [{"a": 1}, {"a": 2}]}, "b:c": ":"},
            {"tracking": "00340434161094021501", "n": [2**63 - 1, -(2**63), 0.1, 1e300]},
        ],
    )
    def test_reads_what_means_one_thing(self, value: Any) -> None:
        assert strict_json.loads(orjson.dumps(value)) == value
        assert strict_json.loads(orjson.dumps(value, option=orjson.OPT_INDENT_2)) == value

    def test_reads_escapes(self) -> None:
        assert strict_json.loads(b'{"a\\u003a": "\\u003a\\u003A"}') == {"a:": "::"}

    @pytest.mark.parametrize("depth", [300, 900])
    def test_reads_what_is_nested_deeply_or_refuses_it(self, depth: int) -> None:
        text = b'{"a":' * depth + b"1" + b"}" * depth
        try:
            value = strict_json.loads(text)
        except NotJson:
            return
        for _ in range(depth):
            value = value["a"]
        assert value == 1

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            (b'{"a":1,"a":1}', '"a"'),
            (b'{"a":1,"b":2,"a" : "x:y"}', '"a"'),
            (b'[[{"x":{"":0,"":0}}]]', '""'),
            (b'{"a":1,"\\u0061":1}', '"a"'),
            (b'{"a":1,"a":"\\u003a"}', '"a"'),
            (b'{"a":{"b":":"},"a":{"b":":"}}', '"a"'),
            (b'{"a":"::","a":"\\u003A"}', '"a"'),
            (b'{"%s":1,"%s":1}' % (b"a" * 999, b"a" * 999), f'"{"a" * 60}"'),
        ],
    )
    def test_refuses_a_name_that_is_there_twice(self, text: bytes, name: str) -> None:
        with pytest.raises(NameTwice, match=f"The name {name} is twice in one object"):
            strict_json.loads(text)

    def test_refuses_it_at_any_depth(self) -> None:
        with pytest.raises(NameTwice):
            strict_json.loads(b'{"a":' * 300 + b'{"b":1,"b":1}' + b"}" * 300)

    @pytest.mark.parametrize(
        "text", [b"", b"NaN", b"[Infinity]", b'"\\ud800"', b'"\xff"', b"[" * 5_000, b"1e999", b"01"]
    )
    def test_refuses_what_is_no_json(self, text: bytes) -> None:
        with pytest.raises(NotJson):
            strict_json.loads(text)

    @pytest.mark.parametrize(
        "number",
        [
            "9223372036854775808",
            "-9223372036854775809",
            "18446744073709551616",
            "1" * 300,
            "0." + "1" * 35,
            "-12345678901234567890.1234567890123456e-3",
        ],
    )
    def test_tells_a_number_that_cannot_be_kept(self, number: str) -> None:
        (found,) = strict_json.loads(f"[{number}]".encode())

        assert isinstance(found, LongNumber)
        assert found.text == number

    @pytest.mark.parametrize("number", ["0." + "1" * 34, "1." + "0" * 30, "0." + "0" * 40 + "1"])
    def test_reads_a_decimal_of_no_more_digits(self, number: str) -> None:
        assert strict_json.loads(f"[{number}]".encode()) == [float(number)]
