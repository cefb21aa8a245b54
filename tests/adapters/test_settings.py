from __future__ import annotations

from pathlib import Path

import pytest

from adapters.settings import OPTIONAL, REQUIRED, Settings, SettingsMissing

WHOLE = {
    "ARM_ENDPOINT": "https://management.azure.com/",
    "AZURE_CLIENT_ID": "11111111-2222-3333-4444-555555555555",
    "PLAN_STORE": "plans",
    "EVIDENCE_STORE": "out/evidence",
}


def test_the_settings_are_read() -> None:
    settings = Settings.read(
        {
            **WHOLE,
            "ARM_ENDPOINT": "https://arm.local:8443/",
            "ARM_AUDIENCE": "https://management.usgovcloudapi.net/",
            "DNS_RESOLVERS": "10.0.0.4, 127.0.0.1:5353",
            "PROBE_PROXY": "http://proxy:3128",
            "EVENT_TOPIC_ENDPOINT": "https://t.westus-1.eventgrid.azure.net/api/events",
        }
    )
    assert settings == Settings(
        arm_endpoint="https://arm.local:8443",
        arm_audience="https://management.usgovcloudapi.net",
        client_id=WHOLE["AZURE_CLIENT_ID"],
        plan_store=Path("plans"),
        evidence_store=Path("out/evidence"),
        resolvers=(("10.0.0.4", 53), ("127.0.0.1", 5353)),
        probe_proxy="http://proxy:3128",
        event_topic="https://t.westus-1.eventgrid.azure.net/api/events",
    )


@pytest.mark.parametrize("empty", [{}, {"DNS_RESOLVERS": "", "PROBE_PROXY": " "}])
def test_what_may_be_left_out_has_a_default(empty: dict[str, str]) -> None:
    settings = Settings.read({**WHOLE, **empty})
    assert settings.resolvers == (("1.1.1.1", 53), ("8.8.8.8", 53), ("9.9.9.9", 53))
    assert settings.arm_audience == "https://management.azure.com"
    assert settings.probe_proxy is None
    assert settings.event_topic is None


@pytest.mark.parametrize("environ", [{}, dict.fromkeys(REQUIRED, "  ")])
def test_every_missing_key_is_named_at_once(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsMissing) as refused:
        Settings.read(environ)
    for key, meaning in REQUIRED.items():
        assert f"{key} is not set: it is {meaning}" in str(refused.value)


@pytest.mark.parametrize("key", REQUIRED)
def test_a_single_missing_key_is_named_alone(key: str) -> None:
    with pytest.raises(SettingsMissing) as refused:
        Settings.read({k: v for k, v in WHOLE.items() if k != key})
    assert str(refused.value).count("is not set") == 1
    assert f"{key} is not set" in str(refused.value)


@pytest.mark.parametrize(
    "resolver",
    ["resolver.example", "1.1.1.1:x", "1.1.1.1:0", "1.1.1.1:70000", "1.1.1", ":53", "::1"],
)
def test_a_resolver_is_an_address(resolver: str) -> None:
    with pytest.raises(SettingsMissing, match="is no resolver; write ip or ip:port"):
        Settings.read({**WHOLE, "DNS_RESOLVERS": f"1.1.1.1,{resolver}"})


@pytest.mark.parametrize("key", ["ARM_ENDPOINT", "EVENT_TOPIC_ENDPOINT", "PROBE_PROXY"])
@pytest.mark.parametrize(
    "value", ["management.azure.com", "proxy:3128", "https://", "https://[", "ftp://x"]
)
def test_an_endpoint_is_a_url(key: str, value: str) -> None:
    with pytest.raises(SettingsMissing, match=f"{key}: .* is no URL; write it with its https://"):
        Settings.read({**WHOLE, key: value})


def test_everything_wrong_is_named_at_once() -> None:
    with pytest.raises(SettingsMissing) as refused:
        Settings.read({"ARM_ENDPOINT": "x", "DNS_RESOLVERS": "y", "PROBE_PROXY": "z"})
    assert len(str(refused.value).splitlines()) == 1 + 3 + 1 + 2


def test_every_setting_has_a_meaning() -> None:
    assert all((REQUIRED | OPTIONAL).values())
    assert not REQUIRED.keys() & OPTIONAL.keys()


def test_a_plan_folder_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsMissing, match="PLAN_STORE: there is no folder 'nowhere'"):
        Settings.read({**WHOLE, "PLAN_STORE": "nowhere"}, tmp_path)


def test_folders_that_are_not_absolute_lie_in_the_apps_own(tmp_path: Path) -> None:
    (tmp_path / "plans").mkdir()
    settings = Settings.read({**WHOLE, "EVIDENCE_STORE": "/kept/elsewhere"}, tmp_path)
    assert settings.plan_store == tmp_path / "plans"
    assert settings.evidence_store == Path("/kept/elsewhere")
