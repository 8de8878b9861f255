"""The sample as the demo reads it: the sandbox's account fits it, and its secrets do not show."""

from pathlib import Path

import pytest

from demo.__main__ import SAMPLE
from demo.errors import NotVerified
from demo.sample import Sample

TEXT = """
kind: Secret
metadata: {name: keys}
stringData: {api_key: madeupkey, api_secret: madeupsecret}
---
kind: Secret
metadata: {name: factors}
stringData: {password: made-up-password, totp_secret: MADE UPTO}
---
kind: KiteCredential
metadata: {name: charlie}
spec:
  clientID: EF9012
  appSecretRef: {name: keys}
  redirectURL: https://example.com/back
  login: {mode: TOTP, totp: {secretRef: {name: factors}}}
  target: {name: charlie-token}
"""
SECRETS = ("madeupkey", "madeupsecret", "made-up-password", "MADE UPTO")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sample.yaml"
    path.write_text(TEXT)
    return path


def test_the_sandbox_is_seeded_with_the_very_values_of_the_file(file: Path) -> None:
    app = {"api_key": "madeupkey", "api_secret": "madeupsecret", "redirect_url": "https://example.com/back"}
    account = {"client_id": "EF9012", "password": "made-up-password", "totp_secret": "MADE UPTO"}
    assert {"apps": [app], "accounts": [account]} == Sample.read(file).sandbox_seed()


def test_what_is_not_secret_is_read_from_the_credential(file: Path) -> None:
    sample = Sample.read(file)
    assert ("charlie", "EF9012", "charlie-token") == (sample.name, sample.client_id, sample.target)


def test_its_secrets_do_not_show(file: Path) -> None:
    shown = repr(Sample.read(file))
    assert [] == [secret for secret in SECRETS if secret in shown]


def test_the_projects_own_sample_can_be_shown() -> None:
    assert "TOTP" in SAMPLE.read_text()
    assert Sample.read(SAMPLE).target


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just words",
        "kind: Secret\nmetadata: {name: keys}\nstringData: {}",
        TEXT.replace("name: factors}\nstring", "name: others}\nstring"),
        TEXT.replace("password: made-up-password, ", ""),
        TEXT.replace("login: {mode: TOTP, totp: {secretRef: {name: factors}}}", "login: {mode: Manual}"),
        TEXT + "\n  broken: [made-up-password",
    ],
)
def test_another_file_is_refused_without_quoting_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.yaml"
    path.write_text(text)
    with pytest.raises(NotVerified) as refused:
        Sample.read(path)
    assert f"{path} has no KiteCredential of mode TOTP with both its Secrets" == str(refused.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotVerified, match="No such file"):
        Sample.read(tmp_path / "absent.yaml")
