"""Tries to sign in, counted, and the waits that they lead to.

Pure: no database, no clock, no hash. A try is counted before the password is looked at, as if it
had failed, and a success makes up for it: sixteen at once get no more guesses than five in a row.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Self

from services.accounts.model import FREE_TRIES, MAX_WAIT, wait_after
from shared.values.email import email_key

KNOWN_FOR = timedelta(days=30)
"""How long an address stays known to an account that signed in from there."""

MOST_KNOWN_FAILURES = 1_000
"""Wrong passwords in a row after which a known address counts as any other.

NIST 800-63B allows 100 over all addresses, and would let any stranger shut an owner out by them;
this many guesses find no password of twelve signs that is not a common one.
"""

BURST = timedelta(seconds=1)
"""In this time a known address gets `FREE_TRIES`: more than a stranger there can take who tries
twice a second, so the owner beside them gets in."""

WINDOW = timedelta(minutes=15)
FREE_IN_WINDOW = 20
"""Failures of one address over all accounts, or of one account over all unknown addresses, in a
`WINDOW`, after which others there wait."""

PAIR_LASTS = timedelta(days=1)
"""How long failures of an account at one address are remembered after the last one."""


@dataclass(frozen=True, kw_only=True)
class Attempts(ABC):
    """Tries of one kind. `revision` rises with each, so that none is counted over another."""

    id: str
    expires_at: datetime
    revision: int = 0
    failures: int = 0
    began_at: datetime | None = None
    in_burst: int = 0
    next_try_at: datetime | None = None
    signed_in_at: datetime | None = None

    def wait(self, now: datetime) -> timedelta:
        """The time until the next try is let through; nothing or less if that is now."""
        return timedelta(0) if self.next_try_at is None else self.next_try_at - now

    @abstractmethod
    def tried(self, now: datetime) -> Self:
        """These with one more failure."""


class Pair(Attempts):
    """Tries for one account at one address, since it last signed in there."""

    def is_known(self, now: datetime) -> bool:
        """True if the account signed in here lately, and not too much has failed since."""
        return (
            self.signed_in_at is not None
            and now - self.signed_in_at < KNOWN_FOR
            and self.failures < MOST_KNOWN_FAILURES
        )

    def tried(self, now: datetime) -> Self:
        """These with one more failure, which at a known address leads to no long wait."""
        if self.is_known(now):
            return self._tried_in_burst(now)
        failures = self.failures + 1
        known_until = now if self.signed_in_at is None else self.signed_in_at + KNOWN_FOR
        return replace(
            self,
            revision=self.revision + 1,
            failures=failures,
            next_try_at=now + wait_after(failures),
            expires_at=max(now + PAIR_LASTS, known_until),
        )

    def _tried_in_burst(self, now: datetime) -> Self:
        goes_on = self.began_at is not None and now - self.began_at < BURST
        began_at, so_far = (self.began_at or now, self.in_burst) if goes_on else (now, 0)
        return replace(
            self,
            revision=self.revision + 1,
            failures=self.failures + 1,
            began_at=began_at,
            in_burst=so_far + 1,
            next_try_at=began_at + BURST if so_far + 1 >= FREE_TRIES else None,
        )

    def succeeded(self, now: datetime) -> Self:
        """These from the beginning, after the right password; the address is known from now on."""
        return replace(
            self,
            revision=self.revision + 1,
            failures=0,
            began_at=None,
            in_burst=0,
            next_try_at=None,
            signed_in_at=now,
            expires_at=now + KNOWN_FOR,
        )


class Crowd(Attempts):
    """Tries of many kinds in a window: of all accounts at an address, or the other way round."""

    def tried(self, now: datetime) -> Self:
        """These with one more failure; the first after a window begins the next."""
        is_over = self.began_at is None or now - self.began_at >= WINDOW
        failures = 1 if is_over else self.failures + 1
        return replace(
            self,
            revision=self.revision + 1,
            failures=failures,
            began_at=now if is_over else self.began_at,
            next_try_at=now + wait_after(failures - FREE_IN_WINDOW + FREE_TRIES),
            expires_at=now + WINDOW + MAX_WAIT,
        )

    def made_up_for(self) -> Self:
        """These without the last failure, which was none."""
        return replace(
            self,
            revision=self.revision + 1,
            failures=max(self.failures - 1, 0),
            next_try_at=None,
        )


def account_mark(email: str) -> str:
    """What stands for an account, whether there is one or not.

    A plain hash: what was typed as an address may be a password, and is kept nowhere in clear.
    """
    return sha256(email_key(email).encode()).hexdigest()


def address_mark(address: str) -> str:
    """What stands for an address. One customer of a provider has a whole /64 of IPv6."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return sha256(address.encode()).hexdigest()
    if isinstance(parsed, IPv6Address):
        parsed = parsed.ipv4_mapped or ip_network((parsed.packed, 64), strict=False)[0]
    return sha256(str(parsed).encode()).hexdigest()
