from __future__ import annotations

from pathlib import Path

import pytest

from adapters.places import BlobUrl, ContainerUrl
from adapters.settings import OPTIONAL, REQUIRED, Settings, SettingsMissing

WHOLE = {
    "ARM_ENDPOINT": "https://management.azure.com/",
    "AZURE_CLIENT_ID": "11111111-2222-3333-4444-555555555555",
    "ENTRA_TENANT_ID": "5B9D1C1E-7a36-4c3f-9d55-0a1c2f3e4d5b",
    "ENTRA_CLIENT_ID": "0a1c2f3e-4d5b-4c3f-9d55-5b9d1c1e7a36",
    "PLAN_STORE": "plans",
    "EVIDENCE_STORE": "out/evidence",
}


def test_the_settings_are_read() -> None:
    settings = Settings.read(
        {
            **WHOLE,
            "ARM_ENDPOINT": "https://arm.local:8443/",
            "ARM_AUDIENCE": "https://management.usgovcloudapi.net/",
            "ENTRA_AUTHORITY": "https://login.microsoftonline.us/",
            "REQUESTS_PER_MINUTE": "90",
            "DNS_RESOLVERS": "10.0.0.4, 127.0.0.1:5353",
            "LEDGER": "/mnt/pair/ledger",
            "PROBE_PROXY": "http://proxy:3128",
            "EVENT_TOPIC_ENDPOINT": "https://t.westus-1.eventgrid.azure.net/api/events",
        }
    )
    assert settings == Settings(
        arm_endpoint="https://arm.local:8443",
        arm_audience="https://management.usgovcloudapi.net",
        client_id=WHOLE["AZURE_CLIENT_ID"],
        entra_authority="https://login.microsoftonline.us",
        entra_tenant="5b9d1c1e-7a36-4c3f-9d55-0a1c2f3e4d5b",
        entra_client_id="0a1c2f3e-4d5b-4c3f-9d55-5b9d1c1e7a36",
        requests_per_minute=90,
        plan_store=Path("plans"),
        evidence_store=Path("out/evidence"),
        ledger=Path("/mnt/pair/ledger"),
        resolvers=(("10.0.0.4", 53), ("127.0.0.1", 5353)),
        probe_proxy="http://proxy:3128",
        event_topic="https://t.westus-1.eventgrid.azure.net/api/events",
    )


@pytest.mark.parametrize("empty", [{}, {"DNS_RESOLVERS": "", "PROBE_PROXY": " "}])
def test_what_may_be_left_out_has_a_default(empty: dict[str, str]) -> None:
    settings = Settings.read({**WHOLE, **empty})
    assert settings.resolvers == (("1.1.1.1", 53), ("8.8.8.8", 53), ("9.9.9.9", 53))
    assert settings.arm_audience == "https://management.azure.com"
    assert settings.ledger == Path("out/evidence/ledger")
    assert settings.entra_authority == "https://login.microsoftonline.com"
    assert settings.requests_per_minute == 600
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
    assert len(str(refused.value).splitlines()) == 1 + (len(REQUIRED) - 1) + 1 + 2


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


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ENTRA_TENANT_ID", "contoso.onmicrosoft.com"),
        ("ENTRA_TENANT_ID", "common"),
        ("ENTRA_CLIENT_ID", "api://leeward"),
        ("ENTRA_AUTHORITY", "http://login.microsoftonline.com"),
        ("ENTRA_AUTHORITY", "login.microsoftonline.com"),
        ("REQUESTS_PER_MINUTE", "0"),
        ("REQUESTS_PER_MINUTE", "-1"),
        ("REQUESTS_PER_MINUTE", "often"),
    ],
)
def test_who_may_call_is_not_left_to_a_typing_error(key: str, value: str) -> None:
    with pytest.raises(SettingsMissing, match=f"{key}: '{value}' is no"):
        Settings.read({**WHOLE, key: value})


ACCOUNT = "https://stleewardx7.blob.core.windows.net"
IN_CONTAINERS = {
    "PLAN_STORE": f"{ACCOUNT}/plans",
    "EVIDENCE_STORE": f"{ACCOUNT}/evidence/",
    "LEDGER": f"{ACCOUNT}/shared",
    "CHAT_PEOPLE": f"{ACCOUNT}/shared/people/chat.yaml",
}


def test_what_is_kept_may_lie_in_containers() -> None:
    settings = Settings.read({**WHOLE, **IN_CONTAINERS})
    assert settings.plan_store == ContainerUrl(ACCOUNT, "plans")
    assert settings.evidence_store == ContainerUrl(ACCOUNT, "evidence")
    assert settings.ledger == ContainerUrl(ACCOUNT, "shared")
    people = BlobUrl(ContainerUrl(ACCOUNT, "shared"), "people/chat.yaml")
    assert settings.chat.people == people
    assert str(people) == IN_CONTAINERS["CHAT_PEOPLE"]


@pytest.mark.parametrize("host", ["127.0.0.1:10000", "localhost:10000", "[::1]:10000"])
def test_where_a_host_has_no_room_for_the_account_the_path_begins_with_it(host: str) -> None:
    settings = Settings.read({**WHOLE, "PLAN_STORE": f"https://{host}/devstoreaccount1/plans"})
    assert settings.plan_store == ContainerUrl(f"https://{host}/devstoreaccount1", "plans")


@pytest.mark.parametrize("key", IN_CONTAINERS)
@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://127.0.0.1:10000/devstoreaccount1/plans", "is no https:// address"),
        ("ftp://x.blob.core.windows.net/plans", "is no https:// address"),
        (ACCOUNT, "names no container"),
        ("https://127.0.0.1:10000/devstoreaccount1", "names no container"),
        (f"{ACCOUNT}/Plans/a.yaml", "names no container"),
        (f"{ACCOUNT}/plans//a.yaml", "names no container"),
        (f"{ACCOUNT}/plans/a.yaml?sv=1&sig=hush", "no signature"),
        ("https://me:hush@x.blob.core.windows.net/plans/a.yaml", "no signature"),
        ("https://x.blob.core.windows.net:99999/plans", "is no URL"),
        ("https://[/plans", "is no URL"),
    ],
)
def test_an_address_that_nothing_can_be_kept_at_is_told(key: str, url: str, told: str) -> None:
    with pytest.raises(SettingsMissing, match=f"{key}: .* {told}") as refused:
        Settings.read({**WHOLE, **IN_CONTAINERS, key: url})
    assert "hush" not in str(refused.value)


def test_a_container_is_no_file_and_a_blob_no_container() -> None:
    with pytest.raises(SettingsMissing, match=r"PLAN_STORE: .* is no container; write https://ACC"):
        Settings.read({**WHOLE, "PLAN_STORE": f"{ACCOUNT}/plans/shop.yaml"})
    with pytest.raises(SettingsMissing, match=r"CHAT_PEOPLE: .* is no blob; write https://ACC"):
        Settings.read({**WHOLE, "CHAT_PEOPLE": f"{ACCOUNT}/plans"})


def test_a_ledger_has_no_room_where_nothing_may_change() -> None:
    with pytest.raises(SettingsMissing, match=r"LEDGER is not set: .* name another container"):
        Settings.read({**WHOLE, "EVIDENCE_STORE": f"{ACCOUNT}/evidence"})
