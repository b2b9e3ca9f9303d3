"""What nobody should send to any service, values and whole bodies, and how that is refused."""

from typing import Any

from shared.web.faults import MAX_NAME

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

OPERAND = "operand-that-no-command-may-have"
"""What stands behind every operator that is sent: where it is found, input became a query."""

OPERATORS = tuple(
    {operator: OPERAND}
    for operator in (
        "$gt",
        "$ne",
        "$regex",
        "$where",
        "$expr",
        "$function",
        "$set",
        "$each",
        "$date",
        "$numberDecimal",
        "$binary",
        "$code",
        "$oid",
    )
)
ODD_TEXT = (
    "'",
    '"',
    "\\",
    "' OR '1'='1",
    "'; DROP TABLE customers; --",
    '", "$ne": "',
    "{$gt: ''}",
    "$where",
    "$ne",
    "a.b",
    "__proto__",
    "constructor",
    "../../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "%2e%2e%2f",
    "%00",
    "%s%s%n",
    "{{7*7}}",
    "${jndi:ldap://127.0.0.1:1/a}",
    "#{7*7}",
    "`id`",
    "$(id)",
    "| id",
    "<script>alert(1)</script>",
    "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>&b;",
    "javascript:alert(1)",
    "=HYPERLINK(1)",
    "@SUM(1)",
    "+1",
    "-1",
    "http://169.254.169.254/latest/meta-data",
    "file:///etc/passwd",
    "\r\nSet-Cookie: a=b",
    "a\r\n\r\nb",
    "a\nb",
    "a\tb",
    "\u202eevil",
    "\u2066a\u2069",
    "\u200b",
    "\ufeff",
    "\ufeffa",
    "\uffff",
    "\U0010ffff",
    "\ud800",
    "\udfff\ud800",
    "a\u2028b",
    "e" + "\u0301" * 500,
    "\u1100" * 100,
    "\U0001f469\u200d\U0001f469\u200d\U0001f467",
    "\ufdfa" * 50,
    "\u0130\u0131",
    "x" * 21,
    "x" * 51,
    "x" * 101,
    "x" * 255,
    "x" * 2_001,
    "x" * 20_001,
    "\U0001f600" * 200,
    "null",
    "undefined",
    "true",
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "-0",
    "0x10",
    "1_000",
    "1,5",
    "\uff11\uff12",
    "9" * 40,
    "9" * 5_000,
    "0." + "0" * 40 + "1",
    "0000-00-00T00:00:00Z",
    "2016-12-31T23:59:60Z",
    "9999-12-31T23:59:59.999999-23:59",
    "0001-01-01T00:00:00+14:00",
    "2025-06-01T12:00:00",
    "2025-06-01T12:00:00.123456789Z",
    "2025-W22-7T12:00:00Z",
    "1748779200",
    "a@b",
    '"a b"@example.com',
    "a@[127.0.0.1]",
    "a@example.com,b@example.com",
    "gASVCAAAAAAAAACMBHRlc3SULg==",
    "!!python/object/apply:os.system ['id']",
    "rO0ABXNyAA==",
)
ODD_NUMBERS: tuple[Any, ...] = (
    -0.0,
    0.1,
    1e308,
    5e-324,
    2**31,
    2**53,
    2**53 + 1,
    2**63 - 1,
    2**63,
    -(2**63) - 1,
    2**64,
    10**40,
    10**400,
)
ODD_OBJECTS: tuple[Any, ...] = (
    {"": 1},
    {"a.b": 1},
    {"\x00": 1},
    {"__proto__": {"admin": True}},
    {"constructor": {"prototype": {}}},
    {"_id": "a" * 24},
    {"id": "a" * 24, "version": 99},
    {"x" * 1_000: 1},
    {f"a{number}": number for number in range(200)},
    [*OPERATORS[:2]],
    [0] * 5_000,
    [None, [None]],
    nested(900),
)
EVERYWHERE: tuple[Any, ...] = (
    None,
    *NOT_TEXT,
    *BAD_TEXT,
    *ODD_TEXT,
    *ODD_NUMBERS,
    *ODD_OBJECTS,
    *OPERATORS,
)
"""What is put into every field, whatever is meant to be there."""

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
    """Whether a problem is about this field. Of a long name it repeats the beginning."""
    return any(error["field"].startswith(field[:MAX_NAME]) for error in problem["errors"])


def is_problem(answer: Any) -> bool:
    """Whether an answer says that the caller is wrong, in the form in which problems are said."""
    return bool(
        400 <= answer.status_code < 500 and answer.content_type == "application/problem+json"
    )


def shown(value: Any) -> str:
    """A value as a test's message shows it."""
    return repr(value)[:60]
