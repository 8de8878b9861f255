"""Writes kubeconfig files, whose certificates and keys are embedded so that the file alone is enough."""

from __future__ import annotations

import base64
import json
from typing import Any

from devcluster.pki import KeyPair


def kubeconfig(server: str, authority: bytes, identity: KeyPair, *, user: str = "admin") -> bytes:
    """A kubeconfig for `server` (a URL) that verifies it by `authority` (PEM) and authenticates by `identity`.

    It is written as JSON, which every reader of YAML reads.
    """
    content: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "devcluster",
        "clusters": [
            {"name": "devcluster", "cluster": {"server": server, "certificate-authority-data": _encode(authority)}}
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": _encode(identity.certificate),
                    "client-key-data": _encode(identity.key),
                },
            }
        ],
        "contexts": [
            {"name": "devcluster", "context": {"cluster": "devcluster", "user": user, "namespace": "default"}}
        ],
    }
    return json.dumps(content, indent=2).encode() + b"\n"


def _encode(content: bytes) -> str:
    return base64.b64encode(content).decode()
