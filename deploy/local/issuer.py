"""The development issuer: signs tokens for a local stack. Never for production.

A service accepts its tokens only with the setting INSECURE_DEVELOPMENT_ISSUER.
"""

import hashlib
import json
import os
import tempfile
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm

ISSUER = "https://issuer.carina.localhost"
AUDIENCE = "carina"
_ALGORITHM = "ES256"


class Role(StrEnum):
    """The roles that a token can grant."""

    DOCTOR = "doctor"
    PATIENT = "patient"
    PACS = "pacs"
    ADMIN = "admin"


class DevelopmentIssuer:
    """A signing key in a folder, beside the `jwks.json` that services verify tokens with.

    Both are created if missing. Two processes that start at once end up with the same key.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.jwks_path = folder / "jwks.json"
        self._key = _load_or_create(folder / "key.pem")
        public: dict[str, Any] = ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        self._key_id = _thumbprint(public)
        jwks = {"keys": [{**public, "kid": self._key_id, "alg": _ALGORITHM, "use": "sig"}]}
        text = json.dumps(jwks, indent=2) + "\n"
        if not self.jwks_path.exists() or self.jwks_path.read_text() != text:
            _write_aside(self.jwks_path, text.encode(), mode=0o644).replace(self.jwks_path)

    def mint(
        self,
        roles: Sequence[Role],
        *,
        site: str = "demo",
        subject: str = "",
        lifetime: timedelta = timedelta(hours=12),
        patient_id: str = "",
    ) -> str:
        """Return a signed token; `patient_id` says whose jobs a patient sees."""
        now = datetime.now(UTC)
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject or f"{roles[0]}@{site}",
            "site": site,
            "roles": [str(role) for role in roles],
            "iat": now,
            "exp": now + lifetime,
            "jti": str(uuid.uuid4()),
        }
        if patient_id:
            claims["patient_id"] = patient_id
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM, headers={"kid": self._key_id})


def _load_or_create(path: Path) -> ec.EllipticCurvePrivateKey:
    if not path.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        aside = _write_aside(path, pem, mode=0o600)
        try:
            # Unlike a rename, a link fails if another process was first; then its key counts.
            path.hardlink_to(aside)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    loaded = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path} is not an EC key; delete it to get a new one")
    return loaded


def _write_aside(path: Path, data: bytes, *, mode: int) -> Path:
    """Write a whole file under a temporary name, so that nobody reads half of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    aside = Path(name)
    aside.chmod(mode)
    return aside


def _thumbprint(jwk: dict[str, Any]) -> str:
    """Return the key id of RFC 7638."""
    members = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    digest = hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
