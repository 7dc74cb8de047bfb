"""A certificate authority of the test, and what it signs for servers on loopback."""

from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


@dataclass(frozen=True)
class Certificates:
    """Paths of PEM files: who signs, a server's certificate and key, and both of these in one file."""

    authority: Path
    certificate: Path
    key: Path
    both: Path


def make_certificates(folder: Path, *hosts: str) -> Certificates:
    """Make an authority and a certificate of a server reached under these names; keys are PKCS #8, as Kafka wants."""
    authority = trustme.CA()
    signed = authority.issue_cert(*hosts)
    key = load_pem_private_key(signed.private_key_pem.bytes(), None)
    key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = b"".join(blob.bytes() for blob in signed.cert_chain_pems)
    files = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key", folder / "server.both.pem")
    authority.cert_pem.write_to_path(str(files.authority))
    files.certificate.write_bytes(chain)
    files.key.touch(mode=0o600)
    files.key.write_bytes(key_pem)
    files.both.touch(mode=0o600)
    files.both.write_bytes(key_pem + chain)
    return files
