"""What nobody should send to any service, values and whole bodies, and how that is refused."""

from typing import Any

TOO_LONG = "x" * 100_000


def nested(depth: int) -> Any:
    """A list in a list in a list, and so on."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


NOT_TEXT: tuple[Any, ...] = (
    True,
    False,
    0,
    -1,
    1.5,
    2**70,
    -(2**63),
    [],
    ["a"],
    [None],
    [[]],
    [{"$gt": ""}],
    nested(100),
    {},
    {"$gt": ""},
    {"$ne": None},
    {"$regex": ".*"},
    {"$where": "sleep(10000)"},
    {"$oid": "0" * 24},
    {"a": {"b": {"c": nested(20)}}},
)
BAD_TEXT = (
    "",
    "   ",
    "\t\n",
    "\x00",
    "a\x00b",
    "\x1b[31mred",
    "\x7f",
    "a\x85b",
    TOO_LONG,
)
NOT_A_LIST: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    2**70,
    "",
    "a",
    "[]",
    "\x00",
    TOO_LONG,
    {},
    {"0": {}},
    {"$each": []},
    {"$gt": ""},
)
NOT_AN_OBJECT: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    2**70,
    "",
    "a",
    "{}",
    "\x00",
    TOO_LONG,
    [],
    ["a"],
    [["a", 1]],
    nested(100),
)

BODIES: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n",
    "null": b"null",
    "number": b"5",
    "huge number": b"1e999",
    "text": b'"text"',
    "true": b"true",
    "list": b"[]",
    "list of lists": b"[[]]",
    "cut short": b'{"last_name": "a"',
    "single quotes": b"{'last_name': 'a'}",
    "NaN": b'{"last_name": NaN}',
    "Infinity": b'{"last_name": Infinity}',
    "lone surrogate": b'{"last_name": "\\ud800"}',
    "not UTF-8": b'{"last_name": "\xff"}',
    "UTF-16": '{"last_name": "a"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"last_name": "a"}',
    "raw control character": b'{"last_name": "a\x00b"}',
    "raw NUL": b"\x00",
    "deep lists": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep and cut short": b"[" * 100_000,
    "something after": b'{"last_name": "a"} {"last_name": "b"}',
    "XML": b"<customer/>",
    "form": b"last_name=a",
    "too large": b'{"last_name": "' + b"x" * (17 * 1024 * 1024) + b'"}',
}


def refused(answer: Any, field: str) -> bool:
    """Whether this is a refusal for the sake of this field."""
    return is_problem(answer) and answer.status_code == 422 and names(answer.json, field)


def names(problem: dict[str, Any], field: str) -> bool:
    """Whether a problem is about this field."""
    return any(error["field"].startswith(field) for error in problem["errors"])


def is_problem(answer: Any) -> bool:
    """Whether an answer says that the caller is wrong, in the form in which problems are said."""
    return bool(
        400 <= answer.status_code < 500 and answer.content_type == "application/problem+json"
    )


def shown(value: Any) -> str:
    """A value as a test's message shows it."""
    return repr(value)[:60]
