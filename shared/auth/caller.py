"""Who is asking: the caller of a request, cut loose from tokens and from HTTP."""

from dataclasses import dataclass

ROLES = ("admin", "sales")
ISSUER = "kith-accounts"
AUDIENCE = "kith"
ALGORITHM = "EdDSA"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - the media type of RFC 9068, not a secret
ACCESS_SECONDS = 600


@dataclass(frozen=True)
class Caller:
    """A member of staff, and the service that acts for them, if one does."""

    id: str
    role: str
    via: str | None = None
