"""Verifies bearer tokens with cached, rotating OIDC keys; independent of HTTP and gRPC."""

import asyncio
import hashlib
import json
import time
import urllib.request
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

import jwt
from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from chassis.errors import Kind, TransientError, UsageError
from chassis.logs import get_logger

logger = get_logger(__name__)

_ALGORITHMS = ("RS256", "ES256", "EdDSA")
_LEEWAY_SECONDS = 30  # between the clocks of issuers and ours
_KEYS_FRESH_SECONDS = 600.0
_KEYS_RETRY_SECONDS = 15.0  # unknown key ids must not flood the issuer with requests
_FETCH_SECONDS = 5.0
_KEYS_BYTES = 1_000_000
_CACHED_TOKENS = 4096
_CACHED_SECONDS = 300.0  # also the longest time that a revoked key is still accepted


class AuthConfig(BaseSettings):
    """Mixin: which tokens are accepted."""

    issuer: str = Field(title="Issuer", description="The `iss` that every token must have")
    audience: str = Field(
        default="carina", title="Audience", description="The `aud` that every token must have"
    )
    insecure_development_issuer: bool = Field(
        default=False,
        title="Development issuer",
        description="Accept keys from a file: or http: URL; never in production",
    )
    jwks_url: str = Field(title="JWKS", description="https: or, for development only, file: URL")
    subject_claim: str = Field(
        default="sub", title="Subject claim", description="Holds the name of the caller"
    )
    site_claim: str = Field(
        default="site", title="Site claim", description="Holds the site (tenant) of the caller"
    )
    roles_claim: str = Field(
        default="roles",
        title="Roles claim",
        description="Holds the roles: a list, or words separated by spaces",
    )

    @field_validator("jwks_url")
    @classmethod
    def _check_jwks_url(cls, url: str, info: ValidationInfo) -> str:
        scheme = urlsplit(url).scheme
        if scheme not in {"https", "http", "file"}:
            raise ValueError("expected an https: URL")
        if scheme != "https" and not info.data.get("insecure_development_issuer"):
            raise ValueError("expected an https: URL, unless the development issuer is accepted")
        return url


class _Settings(Protocol):
    """The part of AuthConfig that the verifier reads."""

    @property
    def jwks_url(self) -> str: ...
    @property
    def issuer(self) -> str: ...
    @property
    def audience(self) -> str: ...
    @property
    def subject_claim(self) -> str: ...
    @property
    def site_claim(self) -> str: ...
    @property
    def roles_claim(self) -> str: ...


@dataclass(frozen=True)
class Principal:
    """The caller. Its claims may name a person, so they are never logged."""

    subject: str
    site: str
    roles: frozenset[str]
    claims: Mapping[str, Any] = field(repr=False)


class UnauthenticatedError(UsageError):
    """The caller is unknown."""

    kind: ClassVar[Kind] = Kind.UNAUTHENTICATED


class TokenMissingError(UnauthenticatedError):
    """The call has no bearer token."""

    reason: ClassVar[str] = "TOKEN_MISSING"

    def __init__(self) -> None:
        super().__init__("A bearer token is required.")


class TokenInvalidError(UnauthenticatedError):
    """The token is not valid here; the caller is not told why."""

    reason: ClassVar[str] = "TOKEN_INVALID"

    def __init__(self) -> None:
        super().__init__("The bearer token is not valid here.")


class TokenExpiredError(UnauthenticatedError):
    """The token has expired."""

    reason: ClassVar[str] = "TOKEN_EXPIRED"

    def __init__(self) -> None:
        super().__init__("The bearer token has expired.")


class IssuerUnavailableError(TransientError):
    """The keys cannot be fetched, and none are cached."""

    reason: ClassVar[str] = "ISSUER_UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("The keys of the token issuer cannot be read.")


_principal: ContextVar[Principal | None] = ContextVar("principal", default=None)


def current_principal() -> Principal:
    """Return the caller of the current call; raises TokenMissingError if there is none."""
    principal = _principal.get()
    if principal is None:
        raise TokenMissingError
    return principal


def set_principal(principal: Principal | None) -> None:
    """Set the caller of the current call; for interceptors and middleware."""
    _principal.set(principal)


def bearer_token(header: str | None) -> str:
    """Return the token of an Authorization header."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenMissingError
    return token.strip()


class TokenVerifier:
    """Checks signature, issuer, audience and times; caches verified tokens."""

    def __init__(self, config: _Settings) -> None:
        self._config = config
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = -_KEYS_FRESH_SECONDS
        self._tried = -_KEYS_RETRY_SECONDS
        self._fetching = asyncio.Lock()
        # By SHA-256, so that a memory dump contains no token.
        self._verified: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()

    async def verify(self, token: str) -> Principal:
        """Return the principal; raises UnauthenticatedError or IssuerUnavailableError."""
        digest = hashlib.sha256(token.encode()).digest()
        cached = self._verified.get(digest)
        if cached is not None and time.time() < cached[1]:
            self._verified.move_to_end(digest)
            return cached[0]
        self._verified.pop(digest, None)
        claims = self._decode(token, await self._key_of(token))
        principal = self._principal(claims)
        until = min(float(claims["exp"]) + _LEEWAY_SECONDS, time.time() + _CACHED_SECONDS)
        self._verified[digest] = (principal, until)
        if len(self._verified) > _CACHED_TOKENS:
            self._verified.popitem(last=False)
        return principal

    def _decode(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                key,
                algorithms=list(_ALGORITHMS),
                audience=self._config.audience,
                issuer=self._config.issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.ExpiredSignatureError:
            raise TokenExpiredError from None
        except (jwt.PyJWTError, ValueError, TypeError):
            raise TokenInvalidError from None

    def _principal(self, claims: dict[str, Any]) -> Principal:
        subject = claims.get(self._config.subject_claim)
        site = claims.get(self._config.site_claim)
        roles = claims.get(self._config.roles_claim, [])
        if isinstance(roles, str):
            roles = roles.split()
        if not (isinstance(subject, str) and subject and subject.isprintable()):
            raise TokenInvalidError
        # One path segment: the site is part of every key in the blob store.
        if not (
            isinstance(site, str) and site.strip(".") and site.isprintable() and "/" not in site
        ):
            raise TokenInvalidError
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise TokenInvalidError
        return Principal(subject, site, frozenset(roles), claims)

    async def _key_of(self, token: str) -> jwt.PyJWK:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise TokenInvalidError from None
        if header.get("alg") not in _ALGORITHMS:
            raise TokenInvalidError
        key_id = header.get("kid", "")
        key = self._keys.get(key_id)
        if key is None or time.monotonic() - self._fetched > _KEYS_FRESH_SECONDS:
            await self._refresh()
            key = self._keys.get(key_id)
        if key is not None:
            return key
        if not self._keys:
            raise IssuerUnavailableError
        raise TokenInvalidError

    async def _refresh(self) -> None:
        """Fetch the keys, not too often; old keys are used while the issuer is unavailable."""
        async with self._fetching:
            if time.monotonic() - self._tried < _KEYS_RETRY_SECONDS:
                return
            self._tried = time.monotonic()
            try:
                found = await asyncio.to_thread(_fetch_keys, self._config.jwks_url)
            except (OSError, ValueError, KeyError, jwt.PyJWTError) as error:
                logger.warning("fetching keys failed", reason=type(error).__name__)
                return
            if found.keys() != self._keys.keys():
                self._verified.clear()  # tokens of a withdrawn key are no longer valid
            self._keys = found
            self._fetched = self._tried


def _fetch_keys(url: str) -> dict[str, jwt.PyJWK]:
    if url.startswith("file:"):
        text = Path(urlsplit(url).path).read_bytes()
    else:
        # The configuration allows only https, and http in development.
        with urllib.request.urlopen(url, timeout=_FETCH_SECONDS) as answer:  # noqa: S310
            text = answer.read(_KEYS_BYTES)
    return _signing_keys(json.loads(text)["keys"])


def _signing_keys(keys: Iterable[dict[str, Any]]) -> dict[str, jwt.PyJWK]:
    found = {}
    for key in keys:
        if key.get("use", "sig") != "sig":
            continue
        try:
            made = jwt.PyJWK.from_dict(key)
        except jwt.PyJWTError:
            continue  # of a type that we do not accept
        if made.algorithm_name in _ALGORITHMS:
            found[str(key.get("kid", ""))] = made
    return found
