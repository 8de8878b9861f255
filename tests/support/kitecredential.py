"""KiteCredentials for tests against a real API server: a valid one, variations of it, and the server's answers."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import config
from kubernetes.client import ApiClient, ApiException, CustomObjectsApi

GROUP, VERSION, PLURAL = "kite-operator.dev", "v1alpha1", "kitecredentials"
Body = dict[str, Any]


def credential(name: str = "alpha") -> Body:
    """The smallest valid KiteCredential."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "KiteCredential",
        "metadata": {"name": name},
        "spec": {
            "clientID": "AB1234",
            "appSecretRef": {"name": "alpha-app"},
            "redirectURL": "https://kite-login.example.com/callback",
            "login": {"mode": "Manual"},
            "target": {"name": "alpha-kite-token"},
        },
    }


def totp(secret: str) -> Body:
    """A `spec.login` of mode TOTP that reads this Secret."""
    return {"mode": "TOTP", "totp": {"secretRef": {"name": secret}}}


def changed(body: Body, changes: Mapping[str, Any]) -> Body:
    """A copy with fields replaced by dotted path; the value None removes the field."""
    copied = copy.deepcopy(body)
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = copied
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is None:
            del place[last]
        else:
            place[last] = value
    return copied


@dataclass(frozen=True, slots=True)
class Refusal:
    """One cause of the API server's answer 422: the field it blames and its words."""

    field: str
    message: str


class RefusedError(Exception):
    """The API server refused a KiteCredential; `causes` in its order, or none when it could not decode the object."""

    def __init__(self, text: str, causes: tuple[Refusal, ...]) -> None:
        super().__init__(text)
        self.causes = causes


def connect(kubeconfig: Path) -> ApiClient:
    """A client of the server that the file names; to be closed by the caller."""
    client = config.new_client_from_config(config_file=str(kubeconfig))  # type: ignore[no-untyped-call]  # upstream
    assert isinstance(client, ApiClient)
    return client


def _refused(answer: ApiException) -> RefusedError:
    status = json.loads(answer.body or "{}")
    causes = (status.get("details") or {}).get("causes") or []
    return RefusedError(status["message"], tuple(Refusal(cause["field"], cause["message"]) for cause in causes))


class KiteCredentials:
    """The KiteCredentials of one namespace. Every method raises `RefusedError` when the server answers 400 or 422."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self._api = CustomObjectsApi(connect(kubeconfig))
        self._place = (GROUP, VERSION, namespace, PLURAL)

    def close(self) -> None:
        self._api.api_client.close()

    def try_out(self, body: Body) -> Body:
        """What the server would store: a dry run, in which it applies every rule but keeps nothing."""
        return self._create(body, dry_run="All", field_validation="Strict")

    def create(self, body: Body) -> Body:
        return self._create(body, field_validation="Strict")

    def create_leniently(self, body: Body) -> Body:
        """As a client that does not ask for strict fields; the server drops what the schema does not know."""
        return self._create(body, field_validation="Ignore")

    def patch(self, name: str, patch: Body) -> Body:
        """A merge patch of everything but the status."""
        return self._answer(self._api.patch_namespaced_custom_object, name, patch)

    def patch_status(self, name: str, patch: Body) -> Body:
        """A merge patch of the status subresource."""
        return self._answer(self._api.patch_namespaced_custom_object_status, name, patch)

    def replace(self, name: str, body: Body) -> Body:
        """A whole new object under the same name (PUT)."""
        return self._answer(self._api.replace_namespaced_custom_object, name, body)

    def names(self, field_selector: str) -> set[str]:
        answer: Any = self._api.list_namespaced_custom_object(*self._place, field_selector=field_selector)
        return {item["metadata"]["name"] for item in answer["items"]}

    def _create(self, body: Body, **options: str) -> Body:
        return self._answer(self._api.create_namespaced_custom_object, body, **options)

    def _answer(self, call: Any, *arguments: Any, **options: str) -> Body:
        try:
            answer: Body = call(*self._place, *arguments, **options)
        except ApiException as error:
            if error.status not in {400, 422}:
                raise
            raise _refused(error) from None
        return answer
