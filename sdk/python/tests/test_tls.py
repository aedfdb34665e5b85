"""Over `https` both sides know each other by certificates."""

from __future__ import annotations

import datetime as dt
import ipaddress
import pathlib
from dataclasses import dataclass

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from played import Played

from altar_grid import AltarClient, AltarRuntime, errors, tool


@dataclass
class Pair:
    """A certificate and its key, as files."""

    certificate: pathlib.Path
    key: pathlib.Path

    def read(self) -> tuple[bytes, bytes]:
        return self.key.read_bytes(), self.certificate.read_bytes()


class Authority:
    """Makes certificates in a folder."""

    def __init__(self, folder: pathlib.Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.own = self._write(name, self._key, self._sign(self._name, self._key, None))

    def issue(self, name: str, *names: x509.GeneralName) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return self._write(name, key, self._sign(subject, key, x509.SubjectAlternativeName(names)))

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, names: x509.SubjectAlternativeName | None
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=names is None, path_length=None), critical=True)
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def _write(self, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> Pair:
        pair = Pair(self._folder / f"{name}.pem", self._folder / f"{name}-key.pem")
        pem = serialization.Encoding.PEM
        pair.certificate.write_bytes(certificate.public_bytes(pem))
        pair.key.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return pair


LOCAL = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


@tool
def add(a: int, b: int = 1) -> int:
    """Adds two whole numbers."""
    return a + b


async def test_both_sides_show_a_certificate(tmp_path: pathlib.Path) -> None:
    authority = Authority(tmp_path, "authority")
    host, agent = authority.issue("host", LOCAL), authority.issue("agent")
    trusted = authority.own.certificate
    demanding = grpc.ssl_server_credentials([host.read()], trusted.read_bytes(), require_client_auth=True)
    own = (agent.certificate, agent.key)
    async with Played(credentials=demanding) as played:
        async with AltarClient(
            played.endpoint, token="secret", authority_file=trusted, client_certificate=own
        ) as client:
            assert await client.call("add", {"a": 41}) == 42
            assert played.callers.tokens == ["Bearer secret"]
        stranger = AltarClient(played.endpoint, authority_file=trusted)
        with pytest.raises((errors.TlsHandshakeFailed, errors.ConnectionFailed)):
            await stranger.call("add", {"a": 41})
        assert len(played.callers.calls) == 1
        await stranger.close()


async def test_a_host_of_another_authority_or_name_is_not_trusted(tmp_path: pathlib.Path) -> None:
    authority, other = Authority(tmp_path, "authority"), Authority(tmp_path, "other")
    named = authority.issue("named", x509.DNSName("grid.example"))
    async with Played(credentials=grpc.ssl_server_credentials([named.read()])) as played:
        trusted = authority.own.certificate
        async with AltarClient(played.endpoint, authority_file=trusted, server_name="grid.example") as client:
            assert await client.call("add") == 42
        for more in [{"authority_file": trusted}, {"authority_file": other.own.certificate}]:
            wrong = AltarClient(played.endpoint, **more)  # type: ignore[arg-type]
            with pytest.raises(errors.TlsHandshakeFailed) as caught:
                await wrong.call("add")
            assert (caught.value.tries, caught.value.unsent) == (1, True)
            await wrong.close()
        with pytest.raises(errors.TlsHandshakeFailed):
            await AltarRuntime("calc", [add], endpoint=played.endpoint, authority_file=trusted).serve()


async def test_a_file_that_cannot_be_read_is_named(tmp_path: pathlib.Path) -> None:
    client = AltarClient("https://127.0.0.1:1", authority_file=tmp_path / "nothing.pem")
    with pytest.raises(errors.SettingError, match=r"nothing\.pem"):
        await client.call("add")
