"""Authorities and certificates of one test session, as PEM files for Kafka, Redis and their clients."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from trustme import CA, LeafCert


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFiles:
    """A certificate with its chain, its key, and both in one file, as a Kafka broker needs them."""

    certificate: Path
    key: Path
    both: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """The certificates of the servers and of the worker, and their authority.

    stranger   an authority that signed none of the certificates
    elsewhere  a certificate for another host name
    """

    authority: Path
    stranger: Path
    server: CertificateFiles
    expired: CertificateFiles
    elsewhere: CertificateFiles
    worker: CertificateFiles


def make_certificates(directory: Path) -> Certificates:
    """Write all files to a directory."""
    authority, stranger = CA(), CA()
    paths = {"authority": directory / "authority.pem", "stranger": directory / "stranger.pem"}
    authority.cert_pem.write_to_path(str(paths["authority"]))
    stranger.cert_pem.write_to_path(str(paths["stranger"]))
    past = datetime.now(UTC) - timedelta(days=1)
    return Certificates(
        **paths,
        server=_write(directory, "server", authority.issue_cert("localhost", "127.0.0.1")),
        expired=_write(
            directory, "expired", authority.issue_cert("localhost", not_before=past - timedelta(days=1), not_after=past)
        ),
        elsewhere=_write(directory, "elsewhere", authority.issue_cert("elsewhere.example")),
        worker=_write(directory, "worker", authority.issue_cert("worker.example", common_name="worker")),
    )


def _write(directory: Path, name: str, leaf: LeafCert) -> CertificateFiles:
    # Kafka reads no other format than PKCS#8.
    key = load_pem_private_key(leaf.private_key_pem.bytes(), password=None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
    files = CertificateFiles(
        certificate=directory / f"{name}.crt", key=directory / f"{name}.key", both=directory / f"{name}.pem"
    )
    files.certificate.write_bytes(chain)
    files.key.write_bytes(key)
    files.both.write_bytes(key + chain)
    return files
