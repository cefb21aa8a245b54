from __future__ import annotations

import re
from pathlib import Path

import pytest

from adapters.places import BlobUrl, ContainerUrl
from adapters.settings import OPTIONAL, REQUIRED, Settings, SettingsMissing

WHOLE = {
    "ARM_ENDPOINT": "https://management.azure.com/",
    "OBSERVE_CLIENT_ID": "11111111-2222-3333-4444-555555555551",
    "DRILL_CLIENT_ID": "11111111-2222-3333-4444-555555555552",
    "FAILOVER_CLIENT_ID": "11111111-2222-3333-4444-555555555553",
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
            "STANCE": "standby",
            "REGION_NAME": "West US 2",
            "WEBSITE_SITE_NAME": "func-leeward-west",
            "WEBSITE_SLOT_NAME": "staging",
            "DNS_RESOLVERS": "10.0.0.4, 127.0.0.1:5353",
            "LEDGER": "/mnt/pair/ledger",
            "PROBE_PROXY": "http://proxy:3128",
            "EVENT_TOPIC_ENDPOINT": "https://t.westus-1.eventgrid.azure.net/api/events",
        }
    )
    assert settings == Settings(
        arm_endpoint="https://arm.local:8443",
        arm_audience="https://management.usgovcloudapi.net",
        observe_client_id=WHOLE["OBSERVE_CLIENT_ID"],
        drill_client_id=WHOLE["DRILL_CLIENT_ID"],
        failover_client_id=WHOLE["FAILOVER_CLIENT_ID"],
        entra_authority="https://login.microsoftonline.us",
        entra_tenant="5b9d1c1e-7a36-4c3f-9d55-0a1c2f3e4d5b",
        entra_client_id="0a1c2f3e-4d5b-4c3f-9d55-5b9d1c1e7a36",
        requests_per_minute=90,
        app="func-leeward-west-staging",
        region="West US 2",
        standby=True,
        plan_store=Path("plans"),
        evidence_store=Path("out/evidence"),
        ledger=Path("/mnt/pair/ledger"),
        resolvers=(("10.0.0.4", 53), ("127.0.0.1", 5353)),
        probe_proxy="http://proxy:3128",
        event_topic="https://t.westus-1.eventgrid.azure.net/api/events",
    )


def test_no_two_identities_are_one_or_a_drill_could_fail_over() -> None:
    same = {**WHOLE, "FAILOVER_CLIENT_ID": f" {WHOLE['DRILL_CLIENT_ID'].upper()} "}
    with pytest.raises(SettingsMissing, match="FAILOVER_CLIENT_ID is the identity of DRILL_CLIENT"):
        Settings.read(same)


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


@pytest.mark.parametrize(
    "key",
    [
        "SLACK_SIGNING_SECRET",
        "TEAMS_WEBHOOK_URL",
        "PUBLIC_URL",
        "ACTION_SECRET_LEDGER",
        "AzureWebJobsStorage",
        "OTHER",
    ],
)
def test_a_key_vault_reference_that_was_not_resolved_stops_the_start(key: str) -> None:
    given = {**WHOLE, key: " @Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/s)"}
    with pytest.raises(SettingsMissing) as refused:
        Settings.read(given)
    assert f"{key}: its Key Vault reference was not resolved; look at the" in str(refused.value)
    assert "vault.azure.net" not in str(refused.value)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (
            "SLACK_WEBHOOK_URL",
            "http://hooks.slack.com/services/canary",
            "it is no https:// address",
        ),
        (
            "SLACK_WEBHOOK_URL",
            "https://hooks.slack.com.evil.example/canary",
            "hooks.slack.com.evil.example takes no",
        ),
        ("SLACK_WEBHOOK_URL", "https://x.hooks.slack.com/canary", "takes no messages"),
        (
            "SLACK_WEBHOOK_URL",
            "https://169.254.169.254/canary",
            "169.254.169.254 takes no messages",
        ),
        (
            "SLACK_WEBHOOK_URL",
            "https://hooks.slack.com@evil.example/canary",
            "it is no https:// address",
        ),
        ("TEAMS_WEBHOOK_URL", "https://evillogic.azure.com/?sig=canary", "takes no messages"),
        (
            "TEAMS_WEBHOOK_URL",
            "https://logic.azure.com.evil.example/?sig=canary",
            "takes no messages",
        ),
        ("PUBLIC_URL", "http://leeward.example.com", "it is no https:// address"),
        (
            "REACH",
            "10.0.0.0/8,10.2.1.4/16",
            "REACH: '10.2.1.4/16' is no network; write one like 10.2.0.0/16",
        ),
        ("ACTION_SECRETS", "ledger", "'ledger' is no secret's name and host; write name=host"),
        ("ACTION_SECRETS", "ledger=https://x.example/", "is no secret's name and host"),
        (
            "ACTION_SECRETS",
            "ledger=ledger.example.com",
            "ACTION_SECRET_LEDGER is not set: it is the value of",
        ),
    ],
)
def test_where_secrets_go_is_not_left_to_a_typing_error(key: str, value: str, said: str) -> None:
    with pytest.raises(SettingsMissing, match=re.escape(said)) as refused:
        Settings.read({**WHOLE, key: value})
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T/B/x"),
        ("SLACK_WEBHOOK_URL", "https://hooks.slack-gov.com/services/T/B/x"),
        ("TEAMS_WEBHOOK_URL", "https://prod-01.westus.logic.azure.com:443/workflows/x?sig=y"),
        ("TEAMS_WEBHOOK_URL", "https://default1.2.environment.api.powerplatform.com:443/x?sig=y"),
    ],
)
def test_the_chats_own_hosts_take_messages(key: str, value: str) -> None:
    chat = Settings.read({**WHOLE, key: value}).chat
    assert value in (chat.slack_webhook, chat.teams_webhook)


def test_an_action_secret_is_read_with_its_host_and_is_shown_nowhere() -> None:
    given = {"ACTION_SECRETS": "ledger-1=ledger.example.com", "ACTION_SECRET_LEDGER_1": "canary"}
    settings = Settings.read({**WHOLE, **given})
    assert settings.action_secrets.headers({"X": "ledger-1"}, "ledger.example.com") == {
        "X": "canary"
    }
    assert "canary" not in repr(settings)


def test_the_places_that_the_app_needs_are_named_by_their_settings(tmp_path: Path) -> None:
    store = "https://st.blob.core.windows.net"
    told = {
        "EVIDENCE_STORE": f"{store}/evidence",
        "LEDGER": f"{store}/shared",
        "REGION_NAME": "West US 2",
        "PROBE_PROXY": "http://proxy:3128",
    }
    assert Settings.read({**WHOLE, **told}).places == told


def test_a_stance_is_active_or_standby() -> None:
    assert Settings.read({**WHOLE, "STANCE": " "}).standby is False
    with pytest.raises(SettingsMissing, match="STANCE: 'asleep' is no stance; write active or"):
        Settings.read({**WHOLE, "STANCE": "asleep"})


def test_the_most_that_plans_may_name_is_read_and_without_it_plans_say_alone() -> None:
    assert Settings.read(WHOLE).bounds.holds("anything.example.org")
    bounds = Settings.read({**WHOLE, "REACH": "*.example.com, 10.2.0.0/16"}).bounds
    assert bounds.holds("10.2.1.4")
    assert not bounds.holds("anything.example.org")
