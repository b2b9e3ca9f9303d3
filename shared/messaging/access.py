"""Users of Redis: what a service may do with which queue, as rules that Redis reads at its start.

A service reads its own queue and what its workers hold of it, and can only add to those of others.
Nobody may run scripts.
"""

import hashlib
from collections.abc import Iterable, Mapping

FILE = "redis_password"
"""The name of the secret by which a user signs in."""

# `info` says whether keys may be evicted. That a client tells its name stays refused: Redis 7.0
# does not know that command, and takes no rules that name it.
_LOOK = ("ping", "select", "info")
_QUEUE = ("llen", "lpush", "rpush", "brpop", "rpop")
_HELD = ("zadd", "zrange", "zrem", "hset", "hget", "hdel")
_TOGETHER = ("watch", "unwatch", "multi", "exec", "discard")
_OWN = (*_LOOK, *_QUEUE, *_HELD, *_TOGETHER)
_OTHERS = ("llen", "lpush")


def held_keys(service: str) -> tuple[str, str]:
    """The keys of the messages that workers of a service have taken and not yet acknowledged."""
    return f"{service}.unacked", f"{service}.unacked_index"


def rules(passwords: Mapping[str, str], *, operator: str) -> str:
    """The users, a line for each; `passwords` has that of each service and of the operator.

    Keys begin with the prefix of an installation, any: that says which shop it is, not who asks.
    """
    services = [name for name in passwords if name != operator]
    return "\n".join(
        [
            # Nobody can be this user, but Redis itself reads its append-only file as this user, and
            # would drop each transaction in it that the user may not make (redis issue 14541).
            "user default reset off ~* &* +@all",
            _line(operator, passwords[operator], ["~*", "+@all", "-@scripting"]),
            *(
                _line(name, passwords[name], _service(name, [x for x in services if x != name]))
                for name in services
            ),
        ]
    )


def _service(name: str, others: Iterable[str]) -> list[str]:
    own = [f"~*:{key}" for key in (name, *held_keys(name))]
    allowed = [f"+{command}" for command in _OWN]
    elsewhere = [f"%W~*:{other}" for other in others]
    to_others = " ".join([*(f"+{command}" for command in _OTHERS), *elsewhere])
    return [*own, "-@all", *allowed, f"({to_others})"]


def _line(name: str, password: str, rights: Iterable[str]) -> str:
    # Redis compares hashes; this file need not hold the password itself.
    digest = hashlib.sha256(password.encode()).hexdigest()
    return " ".join(["user", name, "reset", "on", f"#{digest}", *rights])
