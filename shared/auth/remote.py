"""The verifier of a service that is not accounts: it asks accounts for keys over HTTP."""

from functools import partial

from shared.auth.keyring import Keyring, fetch_published
from shared.auth.tokens import TokenVerifier
from shared.settings import Settings


def remote_verifier(settings: Settings) -> TokenVerifier:
    """Verifies tokens with the keys that accounts publishes."""
    return TokenVerifier(Keyring(partial(fetch_published, settings.accounts_url)))
