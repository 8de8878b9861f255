"""Certificates, kubeconfigs and where they are written."""

import base64
import json
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store

from devcluster.kubeconfig import kubeconfig
from devcluster.layout import Layout, Ports
from devcluster.pki import Authority, KeyPair


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create("test authority")


def loaded(pair: KeyPair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate)


def test_user_and_groups_are_where_kubernetes_reads_them(authority: Authority) -> None:
    subject = loaded(authority.issue("asha", ["traders", "people"])).subject
    assert [name.value for name in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["asha"]
    groups = [name.value for name in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    assert groups == ["traders", "people"]


def test_a_users_certificate_cannot_serve(authority: Authority) -> None:
    usage = loaded(authority.issue("asha")).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_a_server_certificate_is_verified_strictly_by_its_authority(authority: Authority) -> None:
    server = loaded(authority.issue("server", server_names=["localhost", "127.0.0.1"]))
    verifier = PolicyBuilder().store(Store([authority.certificate])).build_server_verifier(x509.DNSName("localhost"))
    assert [server, authority.certificate] == verifier.verify(server, [])


def test_another_authority_does_not_verify_it(authority: Authority) -> None:
    server = loaded(authority.issue("server", server_names=["localhost"]))
    other = Authority.create("test authority")
    verifier = PolicyBuilder().store(Store([other.certificate])).build_server_verifier(x509.DNSName("localhost"))
    with pytest.raises(x509.verification.VerificationError):
        verifier.verify(server, [])


def test_the_key_is_not_in_the_repr(authority: Authority) -> None:
    pair = authority.issue("asha")
    assert "PRIVATE KEY" in pair.key.decode()
    assert "PRIVATE" not in repr(pair)
    assert "PrivateKey" not in repr(authority)


def test_a_kubeconfig_verifies_the_server_and_carries_the_identity() -> None:
    content = json.loads(kubeconfig("https://127.0.0.1:6443", b"CA", KeyPair(b"CERT", b"KEY"), user="asha"))
    cluster, user = content["clusters"][0]["cluster"], content["users"][0]
    assert {"server": "https://127.0.0.1:6443", "certificate-authority-data": encoded(b"CA")} == cluster
    assert {"client-certificate-data": encoded(b"CERT"), "client-key-data": encoded(b"KEY")} == user["user"]
    assert content["contexts"][0]["context"]["user"] == user["name"] == "asha"


def test_the_api_server_s_certificate_is_good_for_where_it_listens_and_for_its_names_in_the_cluster(
    tmp_path: Path,
) -> None:
    layout = Layout(tmp_path, Ports(1, 2, 3, 4), "198.18.0.1")
    layout.write_keys()
    certificate = x509.load_pem_x509_certificate((layout.keys / "api-server.crt").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"127.0.0.1", "10.0.0.1", "198.18.0.1"} == {str(each) for each in names.get_values_for_type(x509.IPAddress)}
    assert "kubernetes.default.svc" in names.get_values_for_type(x509.DNSName)


def test_every_written_file_is_private(tmp_path: Path) -> None:
    layout = Layout(tmp_path, Ports(1, 2, 3, 4))
    layout.write_keys()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert layout.kubeconfig in files
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in files}
    assert stat.S_IMODE(layout.keys.stat().st_mode) == 0o700


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()
