"""The project's own keys, shared by replicas: Secret `kite-operator-keys`, created once by POST, never changed.

A *version* is a keyed hash of a source value: it shows that a value changed, and reveals nothing of the value to
readers of the account Lease. Without the key, a four-digit change of a password could be guessed from a plain hash.
"""

import base64
import binascii
import hashlib
import hmac
import secrets

from kite_operator.cluster.api import Cluster, secrets_path
from kite_operator.model.errors import Conflict, OperatorError
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import Session

KEYS_SECRET = "kite-operator-keys"  # noqa: S105 - the name of a Secret
HASH_KEY = "version-hash-key"
_KEY_BYTES = 32
_VERSION_CHARACTERS = 32
_KEY_CHARACTERS = 8


class Keyring:
    """Makes versions: 128-bit hex prefixes of an HMAC-SHA-256."""

    def __init__(self, key: Sensitive) -> None:
        """`key` is base64 of 32 random bytes."""
        self._key = base64.b64decode(key.reveal(), validate=True)

    def __repr__(self) -> str:
        return "Keyring(***)"

    def version(self, purpose: str, *values: Sensitive | str) -> str:
        """Return the version of `values` for one `purpose`: equal inputs give equal versions, and nothing else does."""
        digest = hmac.new(self._key, purpose.encode(), hashlib.sha256)
        for value in values:
            text = (value.reveal() if isinstance(value, Sensitive) else value).encode()
            digest.update(len(text).to_bytes(8) + text)
        return digest.hexdigest()[:_VERSION_CHARACTERS]

    def derived(self, label: str) -> bytes:
        """Return a key for one other use; it reveals nothing of this key or of any version."""
        return hmac.new(self._key, b"derived key\0" + label.encode(), hashlib.sha256).digest()

    def token_version(self, session: Session) -> str:
        """Return the token version: it distinguishes sessions without revealing them.

        It begins with a part that identifies this key: token versions under different keys cannot be compared.
        """
        version = self.version("session", session.api_key, session.access_token)
        return f"{self.version('key')[:_KEY_CHARACTERS]}.{version}"


async def load_keyring(cluster: Cluster, namespace: str) -> Keyring:
    """Return the keyring of this account namespace: read, or made once for all replicas."""
    existing = await cluster.find(secrets_path(namespace, KEYS_SECRET))
    if existing is None:
        key = base64.b64encode(secrets.token_bytes(_KEY_BYTES))
        manifest = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": KEYS_SECRET, "labels": {"app.kubernetes.io/managed-by": "kite-operator"}},
            "type": "kite-operator.dev/keys",
            "immutable": True,
            "data": {HASH_KEY: base64.b64encode(key).decode()},
        }
        try:
            existing = await cluster.create(secrets_path(namespace), manifest)
        except Conflict:
            existing = await cluster.get(secrets_path(namespace, KEYS_SECRET))
    return Keyring(_key_of(existing, namespace))


def _key_of(secret: dict[str, object], namespace: str) -> Sensitive:
    data = secret.get("data")
    try:
        key = base64.b64decode(data[HASH_KEY], validate=True).decode("ascii")  # type: ignore[index]  # checked by except
        length = len(base64.b64decode(key, validate=True))
    except (KeyError, TypeError, ValueError, binascii.Error):
        key, length = "", 0
    if length != _KEY_BYTES:
        raise OperatorError(
            f"Secret {namespace}/{KEYS_SECRET} has no valid key {HASH_KEY!r}. Delete it: the operator makes a new one "
            "and then tries blocked credentials again. The attempt counts stay"
        )
    return Sensitive(key)
