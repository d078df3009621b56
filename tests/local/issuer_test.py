"""The development issuer and the command that signs tokens with it."""

import asyncio
import sys
from pathlib import Path

import jwt
import pytest

from deploy.local.issuer import DevelopmentIssuer
from deploy.local.settings import ROOT


async def token(*arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.local", "token", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    out, err = await process.communicate()
    assert b"Traceback" not in err
    return process.returncode or 0, out.decode().strip()


async def test_tokens_of_the_development_issuer_verify_with_its_keys(tmp_path: Path) -> None:
    patient = ("--role", "patient", "--patient", "P1", "--site", "north", "--data", str(tmp_path))
    tokens = [await token(*patient), await token(*patient, "--lifetime", "5m")]
    jwks = jwt.PyJWKSet.from_json((tmp_path / "issuer" / "jwks.json").read_text())
    for code, signed in tokens:
        assert code == 0
        key = jwks[jwt.get_unverified_header(signed)["kid"]]
        claims = jwt.decode(signed, key, algorithms=["ES256"], audience="carina")
        assert claims["roles"] == ["patient"]
        assert claims["patient_id"] == "P1"
        assert claims["site"] == "north"
    assert (tmp_path / "issuer" / "key.pem").stat().st_mode & 0o777 == 0o600


async def test_wrong_arguments_exit_with_2(tmp_path: Path) -> None:
    for arguments in (
        (),
        ("--role", "nurse"),
        ("--role", "patient"),
        ("--role", "doctor", "--lifetime", "long"),
    ):
        assert (await token(*arguments, "--data", str(tmp_path)))[0] == 2


async def test_an_unusable_folder_exits_with_1(tmp_path: Path) -> None:
    (tmp_path / "issuer").write_text("a file where the folder should be")
    assert (await token("--role", "doctor", "--data", str(tmp_path)))[0] == 1


async def test_issuers_that_start_concurrently_share_one_key(tmp_path: Path) -> None:
    issuers = await asyncio.gather(
        *(asyncio.to_thread(DevelopmentIssuer, tmp_path / "issuer") for _ in range(8))
    )
    assert len({issuer._key_id for issuer in issuers}) == 1
    assert len(list((tmp_path / "issuer").iterdir())) == 2


async def test_the_key_is_that_of_the_stack_whose_folder_data_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    DevelopmentIssuer(tmp_path / "issuer")
    monkeypatch.setenv("DATA", str(tmp_path))
    code, signed = await token("--role", "doctor")
    assert code == 0
    jwks = jwt.PyJWKSet.from_json((tmp_path / "issuer" / "jwks.json").read_text())
    assert jwt.get_unverified_header(signed)["kid"] in {key.key_id for key in jwks.keys}
