"""A registered app of the developer console."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from kite_sandbox.confidential import Secret


class AppType(StrEnum):
    """Trading may place orders; Connect only reads."""

    TRADING = "Trading"
    CONNECT = "Connect"


@dataclass(frozen=True, slots=True)
class App:
    """One api_key with what the console knows of it. `clients` None means: every client ID may use it."""

    api_key: str
    api_secret: Secret
    redirect_url: str
    app_type: AppType = AppType.TRADING
    clients: frozenset[str] | None = None
    subscribed: bool = True
    refresh_tokens: bool = False

    def admits(self, client_id: str) -> bool:
        """Return whether this client ID is enabled for the app."""
        return self.clients is None or client_id in self.clients

    def signed(self, token: str, checksum: str) -> bool:
        """Return whether `checksum` is the hex SHA-256 of api_key + token + api_secret."""
        expected = hashlib.sha256(f"{self.api_key}{token}{self.api_secret.reveal()}".encode()).hexdigest()
        return Secret(expected).matches(checksum)
