"""The sample of deploy/samples as values: what it names, and the made-up Kite account that fits it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from demo.errors import NotVerified
from kite_operator.model.sensitive import Sensitive


@dataclass(frozen=True, slots=True)
class Sample:
    """A KiteCredential of mode TOTP and the values of the Secrets that it names."""

    file: Path
    name: str
    client_id: str
    redirect_url: str
    target: str
    api_key: Sensitive
    api_secret: Sensitive
    password: Sensitive
    totp_secret: Sensitive

    @classmethod
    def read(cls, file: Path) -> Self:
        """Parse the file; NotVerified when it does not hold what the demo shows."""
        try:
            return cls._of(file, [each for each in yaml.safe_load_all(file.read_text()) if each])
        except OSError as error:
            raise NotVerified(f"{file}: {error.strerror}") from None
        except (KeyError, TypeError, StopIteration, yaml.YAMLError):  # whose own words may quote a value
            raise NotVerified(f"{file} has no KiteCredential of mode TOTP with both its Secrets") from None

    @classmethod
    def _of(cls, file: Path, documents: list[Mapping[str, Any]]) -> Self:
        secrets = {each["metadata"]["name"]: each["stringData"] for each in documents if each["kind"] == "Secret"}
        credential = next(each for each in documents if each["kind"] == "KiteCredential")
        spec = credential["spec"]
        app = secrets[spec["appSecretRef"]["name"]]
        login = secrets[spec["login"]["totp"]["secretRef"]["name"]]
        return cls(
            file=file,
            name=credential["metadata"]["name"],
            client_id=spec["clientID"],
            redirect_url=spec["redirectURL"],
            target=spec["target"]["name"],
            api_key=Sensitive(app["api_key"]),
            api_secret=Sensitive(app["api_secret"]),
            password=Sensitive(login["password"]),
            totp_secret=Sensitive(login["totp_secret"]),
        )

    def sandbox_seed(self) -> dict[str, Any]:
        """Return what the sandbox starts with, in the shape of its POST /admin/registry. Holds the secrets in clear."""
        app = {
            "api_key": self.api_key.reveal(),
            "api_secret": self.api_secret.reveal(),
            "redirect_url": self.redirect_url,
        }
        account = {
            "client_id": self.client_id,
            "password": self.password.reveal(),
            "totp_secret": self.totp_secret.reveal(),
        }
        return {"apps": [app], "accounts": [account]}
