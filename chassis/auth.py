"""Bearer tokens to principals: OIDC keys with rotation and caching; knows neither HTTP nor gRPC."""

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
from pydantic import Field, model_validator
from pydantic_settings import BaseSettings

from chassis.errors import Kind, TransientError, UsageError
from chassis.logs import get_logger

logger = get_logger(__name__)

_ALGORITHMS = ("RS256", "ES256", "EdDSA")
_LEEWAY_SECONDS = 30  # clocks of issuers and ours
_KEYS_FRESH_SECONDS = 600.0
_KEYS_RETRY_SECONDS = 15.0  # unknown key ids must not make us hammer the issuer
_FETCH_SECONDS = 5.0
_KEYS_BYTES = 1_000_000
_CACHED_TOKENS = 4096
_CACHED_SECONDS = 300.0  # also the longest a revoked key lives on


class AuthConfig(BaseSettings):
    """A mixin: who issues the tokens we accept."""

    jwks_url: str = Field(title="JWKS", description="https: or, for development only, file: URL")
    issuer: str = Field(title="Issuer", description="The `iss` every token must carry")
    audience: str = Field(
        default="carina", title="Audience", description="The `aud` it must be made for"
    )
    insecure_development_issuer: bool = Field(
        default=False,
        title="Development issuer",
        description="Accept keys from a file: or plain http: URL; never in production",
    )
    subject_claim: str = Field(default="sub", title="Subject claim")
    site_claim: str = Field(
        default="site", title="Site claim", description="Which tenant it speaks for"
    )
    roles_claim: str = Field(default="roles", title="Roles claim", description="A list, or words")

    @model_validator(mode="after")
    def _keys_from_a_safe_place(self) -> "AuthConfig":
        if urlsplit(self.jwks_url).scheme not in {"https", "http", "file"}:
            raise ValueError("jwks_url must be an https: URL")
        if not self.jwks_url.startswith("https:") and not self.insecure_development_issuer:
            raise ValueError("jwks_url must be https: unless insecure_development_issuer is set")
        return self


class _Settings(Protocol):
    """What the verifier reads of AuthConfig, which a service mixes into its own settings."""

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
    """Who calls. Its claims may name a person: they never go to a log."""

    subject: str
    site: str
    roles: frozenset[str]
    claims: Mapping[str, Any] = field(repr=False)


class UnauthenticatedError(UsageError):
    """We do not know who calls."""

    kind: ClassVar[Kind] = Kind.UNAUTHENTICATED


class TokenMissingError(UnauthenticatedError):
    """There is no bearer token."""

    reason: ClassVar[str] = "TOKEN_MISSING"

    def __init__(self) -> None:
        super().__init__("A bearer token is required.")


class TokenInvalidError(UnauthenticatedError):
    """The token is not one of ours; why is not told."""

    reason: ClassVar[str] = "TOKEN_INVALID"

    def __init__(self) -> None:
        super().__init__("The bearer token is not valid here.")


class TokenExpiredError(UnauthenticatedError):
    """The token was good once."""

    reason: ClassVar[str] = "TOKEN_EXPIRED"

    def __init__(self) -> None:
        super().__init__("The bearer token has expired.")


class IssuerUnavailableError(TransientError):
    """The keys cannot be fetched, and there are none from before."""

    reason: ClassVar[str] = "ISSUER_UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("The keys of the token issuer cannot be read.")


_principal: ContextVar[Principal | None] = ContextVar("principal", default=None)


def current_principal() -> Principal:
    """Return who makes the current call; raises TokenMissingError outside of an authentic call."""
    principal = _principal.get()
    if principal is None:
        raise TokenMissingError
    return principal


def set_principal(principal: Principal | None) -> None:
    """Bind who makes the current call; for interceptors and middleware."""
    _principal.set(principal)


def bearer_token(header: str | None) -> str:
    """Return the token of an Authorization header."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenMissingError
    return token.strip()


class TokenVerifier:
    """Checks signature, issuer, audience and times; remembers what it checked."""

    def __init__(self, config: _Settings) -> None:
        self._config = config
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = -_KEYS_FRESH_SECONDS
        self._tried = -_KEYS_RETRY_SECONDS
        self._fetching = asyncio.Lock()
        # By sha256, so that a dump of our memory holds no token.
        self._verified: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()

    async def verify(self, token: str) -> Principal:
        """Return whose token it is; raises UnauthenticatedError or IssuerUnavailableError."""
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
        # One segment of a path: the site stands in every key of the blob store.
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
        """Fetch the keys, at most once in a while; old keys serve while the issuer is away."""
        async with self._fetching:
            if time.monotonic() - self._tried < _KEYS_RETRY_SECONDS:
                return
            self._tried = time.monotonic()
            try:
                found = await asyncio.to_thread(_fetch_keys, self._config.jwks_url)
            except (OSError, ValueError, KeyError, jwt.PyJWTError) as error:
                logger.warning("keys not read", reason=type(error).__name__)
                return
            if found.keys() != self._keys.keys():
                self._verified.clear()  # a key that was withdrawn vouches for nothing any more
            self._keys = found
            self._fetched = self._tried


def _fetch_keys(url: str) -> dict[str, jwt.PyJWK]:
    if url.startswith("file:"):
        text = Path(urlsplit(url).path).read_bytes()
    else:
        # The configuration allows https, and http in development, and nothing else.
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
            continue  # of a kind we do not take
        if made.algorithm_name in _ALGORITHMS:
            found[str(key.get("kid", ""))] = made
    return found
