import re
import runpy
from datetime import timedelta

import pytest
from pydantic_settings import SettingsConfigDict

from chassis.config import NatsConfig, ServiceConfig, load_config
from chassis.durations import write_duration


class Config(NatsConfig, ServiceConfig):
    model_config = SettingsConfigDict(env_prefix="CARINA_TEST_")

    limit: int = 3


def test_settings_are_read_with_the_prefix_of_their_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CARINA_TEST_LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("CARINA_TEST_NATS_URL", "nats://a:1")
    monkeypatch.setenv("CARINA_TEST_OTLP_ENDPOINT", "http://own:4317")
    config = load_config(Config)
    assert config.log_level == "DEBUG"
    assert config.nats_url == "nats://a:1"
    assert config.otlp_endpoint == "http://own:4317"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7.5", 7.5),
        ("PT7.5S", 7.5),
        ("250ms", 0.25),
        ("20s", 20),
        (" 20S ", 20),
        ("5m", 300),
        ("1.5h", 5400),
        ("1h30m", 5400),
        ("30d", 30 * 86_400),
        ("P30D", 30 * 86_400),
        ("2w", 14 * 86_400),
        ("0", 0),
    ],
)
def test_a_duration_has_the_spellings_that_people_use(
    monkeypatch: pytest.MonkeyPatch, text: str, seconds: float
) -> None:
    monkeypatch.setenv("CARINA_TEST_SHUTDOWN_GRACE", text)
    assert load_config(Config).shutdown_grace == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "soon", "20 parsecs", "s", "-5", "-PT5S", "P", "nan", "inf", "1e300", "5m later"]
)
def test_what_is_not_a_duration_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    monkeypatch.setenv("CARINA_TEST_SHUTDOWN_GRACE", text)
    with pytest.raises(SystemExit):
        load_config(Config)
    written = capsys.readouterr().err
    assert written == (
        "CARINA_TEST_SHUTDOWN_GRACE: expected a duration, such as 20s, 1.5h, 30d, 1h30m or PT20S\n"
    )


PROGRAMS = (
    *(f"services.{name}.main" for name in ("gateway", "inference", "jobs", "preprocess")),
    *(f"services.jobs.commands.{name}" for name in ("migrate", "restored", "retention")),
)


@pytest.mark.filterwarnings("ignore::RuntimeWarning:runpy")  # other tests have imported it
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_explains_itself_without_a_setting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], program: str
) -> None:
    monkeypatch.setattr("sys.argv", [program, "--help"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    assert not stopped.value.code
    written = capsys.readouterr().out
    assert written.startswith(f"usage: python -m {program}")
    assert re.search(r"^  CARINA_[A-Z_]+\n      \S.*\n      \S.*required", written, re.MULTILINE)


def test_a_duration_is_shown_as_a_setting_accepts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for seconds in (0, 0.005, 1.5, 7, 90, 300, 5400, 86_400, 30 * 86_400):
        monkeypatch.setenv("CARINA_TEST_SHUTDOWN_GRACE", write_duration(timedelta(seconds=seconds)))
        assert load_config(Config).shutdown_grace == timedelta(seconds=seconds)


def test_the_standard_otlp_variable_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317")
    assert load_config(Config).otlp_endpoint == "http://collector:4317"


def test_an_invalid_setting_ends_the_process_and_only_its_name_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CARINA_TEST_LIMIT", "secret")
    with pytest.raises(SystemExit) as stopped:
        load_config(Config)
    assert stopped.value.code == 78
    written = capsys.readouterr().err
    assert written.startswith("CARINA_TEST_LIMIT: ")
    assert "secret" not in written
