import asyncio
import json
import time
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from pydantic import ValidationError

from chassis.auth import (
    AuthConfig,
    IssuerUnavailableError,
    TokenExpiredError,
    TokenInvalidError,
    TokenMissingError,
    TokenVerifier,
    bearer_token,
    current_principal,
)
from chassis.grpc_auth import AuthInterceptor
from chassis.grpc_server import build_server

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
KEYS: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "rsa": ("RS256", RSA_KEY, json.loads(RSAAlgorithm.to_jwk(RSA_KEY.public_key()))),
    "ec": ("ES256", EC_KEY, json.loads(ECAlgorithm.to_jwk(EC_KEY.public_key()))),
    "ed": ("EdDSA", ED_KEY, json.loads(OKPAlgorithm.to_jwk(ED_KEY.public_key()))),
}


def write_keys(path: Path, *names: str) -> None:
    keys = [{**KEYS[name][2], "kid": name, "use": "sig"} for name in names]
    path.write_text(json.dumps({"keys": keys}))


def token(name: str = "rsa", **claims: Any) -> str:
    algorithm, key, _ = KEYS[name]
    body = {
        "iss": "https://issuer",
        "aud": "carina",
        "exp": int(time.time()) + 60,
        "sub": "u1",
        "site": "north",
        "roles": ["doctor"],
        **claims,
    }
    body = {claim: value for claim, value in body.items() if value is not None}
    return jwt.encode(body, key, algorithm, headers={"kid": name})


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    write_keys(path, "rsa", "ec", "ed")
    return path


@pytest.fixture
def verifier(keys: Path) -> TokenVerifier:
    config = AuthConfig(
        jwks_url=keys.as_uri(), issuer="https://issuer", insecure_development_issuer=True
    )
    return TokenVerifier(config)


@pytest.mark.parametrize("name", ["rsa", "ec", "ed"])
async def test_a_valid_token_of_every_algorithm_identifies_its_principal(
    verifier: TokenVerifier, name: str
) -> None:
    principal = await verifier.verify(token(name))
    assert (principal.subject, principal.site) == ("u1", "north")
    assert principal.roles == {"doctor"}
    assert principal.claims["iss"] == "https://issuer"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other"},
        {"aud": "other"},
        {"exp": None},
        {"sub": None},
        {"site": ""},
        {"site": "north/../south"},
        {"site": ".."},
        {"site": "no\0rth"},
        {"sub": "u\n1"},
        {"roles": [1]},
        {"nbf": 4_102_444_800},  # in the year 2100
    ],
)
async def test_a_token_with_wrong_claims_is_invalid(
    verifier: TokenVerifier, claims: dict[str, Any]
) -> None:
    with pytest.raises(TokenInvalidError):
        await verifier.verify(token(**claims))


async def test_a_token_expires_after_the_leeway(verifier: TokenVerifier) -> None:
    await verifier.verify(token(exp=int(time.time()) - 20))
    with pytest.raises(TokenExpiredError):
        await verifier.verify(token(exp=int(time.time()) - 40))


async def test_forged_tokens_are_invalid(verifier: TokenVerifier) -> None:
    valid = token("rsa")
    body = {"iss": "https://issuer", "aud": "carina", "exp": time.time() + 60, "sub": "u"}
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    forged = [
        valid[:-4] + "AAAA",
        "not a token",
        jwt.encode(body, "", "none", headers={"kid": "rsa"}),
        jwt.encode(body, "x" * 32, "HS256", headers={"kid": "rsa"}),
        jwt.encode(body, other, "RS256", headers={"kid": "rsa"}),
        jwt.encode(body, other, "RS256", headers={"kid": "unknown"}),
        # Correctly signed, but with the id of a key of another type.
        jwt.encode(body, EC_KEY, "ES256", headers={"kid": "rsa"}),
    ]
    for each in forged:
        with pytest.raises(TokenInvalidError):
            await verifier.verify(each)


async def test_a_new_key_is_loaded_and_a_withdrawn_key_is_dropped(
    verifier: TokenVerifier, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_keys(keys, "rsa")
    old = token("rsa")
    await verifier.verify(old)
    with pytest.raises(TokenInvalidError):
        await verifier.verify(token("ec"))
    monkeypatch.setattr("chassis.auth._KEYS_RETRY_SECONDS", 0)
    write_keys(keys, "ec")
    await verifier.verify(token("ec"))
    with pytest.raises(TokenInvalidError):
        await verifier.verify(old)


async def test_cached_keys_are_used_while_the_issuer_is_unavailable(
    verifier: TokenVerifier, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await verifier.verify(token())
    keys.unlink()  # noqa: ASYNC240
    monkeypatch.setattr("chassis.auth._KEYS_RETRY_SECONDS", 0)
    monkeypatch.setattr("chassis.auth._KEYS_FRESH_SECONDS", 0)
    await verifier.verify(token(sub="u2"))


async def test_without_any_key_the_error_is_transient(verifier: TokenVerifier, keys: Path) -> None:
    keys.unlink()  # noqa: ASYNC240
    with pytest.raises(IssuerUnavailableError):
        await verifier.verify(token())


async def test_keys_are_loaded_over_http(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + keys.read_bytes())  # noqa: ASYNC240
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"
    config = AuthConfig(jwks_url=url, issuer="https://issuer", insecure_development_issuer=True)
    async with server:
        assert (await TokenVerifier(config).verify(token())).subject == "u1"


async def test_a_known_token_is_not_verified_again(
    verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = token()
    first = await verifier.verify(same)
    monkeypatch.setattr(jwt, "decode", None)
    assert await verifier.verify(same) is first


async def test_the_token_cache_is_bounded(
    verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.auth._CACHED_TOKENS", 3)
    for number in range(6):
        await verifier.verify(token("ed", sub=f"u{number}"))
    assert len(verifier._verified) == 3


@pytest.mark.parametrize("url", ["file:///keys", "http://issuer/keys", "ftp://issuer"])
def test_keys_from_an_unsafe_url_require_the_development_setting(url: str) -> None:
    with pytest.raises(ValidationError):
        AuthConfig(jwks_url=url, issuer="i")


@pytest.mark.parametrize("header", [None, "", "Basic x", "Bearer", "Bearer  "])
def test_a_header_without_a_bearer_token_is_refused(header: str | None) -> None:
    with pytest.raises(TokenMissingError):
        bearer_token(header)


async def test_grpc_calls_have_their_principal_and_calls_without_a_token_are_refused(
    verifier: TokenVerifier,
) -> None:
    async def unary(_request: Any, _context: Any) -> bytes:
        await asyncio.sleep(0)
        return current_principal().subject.encode()

    async def stream(_request: Any, _context: Any) -> Any:
        yield current_principal().subject.encode()

    handlers: dict[str, Any] = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "Stream": grpc.unary_stream_rpc_method_handler(stream),
    }
    built = build_server("127.0.0.1:0", domain="test", interceptors=[AuthInterceptor(verifier)])
    built.server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("test.Echo", handlers),)
    )
    await built.server.start()
    channel: Any
    async with grpc.aio.insecure_channel(f"127.0.0.1:{built.port}") as channel:
        unary_call = channel.unary_unary("/test.Echo/Unary")
        stream_call = channel.unary_stream("/test.Echo/Stream")
        callers = [f"u{number}" for number in range(20)]
        answers = await asyncio.gather(
            *(
                unary_call(b"", metadata=[("authorization", f"Bearer {token('ed', sub=caller)}")])
                for caller in callers
            )
        )
        assert answers == [caller.encode() for caller in callers]
        metadata = [("authorization", f"Bearer {token('ed')}")]
        assert [item async for item in stream_call(b"", metadata=metadata)] == [b"u1"]
        for call in (unary_call(b""), stream_call(b"").read()):
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await call
            assert raised.value.code() == grpc.StatusCode.UNAUTHENTICATED
    await built.server.stop(0)
