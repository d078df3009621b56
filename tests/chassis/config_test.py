from datetime import timedelta

import pytest
from pydantic_settings import SettingsConfigDict

from chassis.config import NatsConfig, ServiceConfig, load_config


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


@pytest.mark.parametrize("text", ["7.5", "PT7.5S"])
def test_a_duration_is_given_in_seconds_or_iso_8601(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("CARINA_TEST_SHUTDOWN_GRACE", text)
    assert load_config(Config).shutdown_grace == timedelta(seconds=7.5)


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
