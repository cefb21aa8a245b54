"""Only what the tenant signed for this app, and for now, says who calls."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.tokens import FETCH_AGAIN_SECONDS, FRESH_SECONDS, EntraTokens, SigningKeys
from domain.caller import Role
from domain.errors import Permanent, Transient
from local.azure.directory import Directory
from local.azure.simulator import Simulator
from local.clock import VirtualClock
from tests.journeys.callers import ALICE, MONITOR, PIPELINE, RITA
from tests.journeys.world import shop_estate

OTHER = "9d0b6d1e-0000-4000-8000-0a1c2f3e4d5b"


@pytest.fixture(scope="module")
def azure() -> Iterator[Simulator]:
    """Run one tenant for the tests that leave it as it is."""
    with Simulator(shop_estate(), VirtualClock()) as made:
        yield made


@pytest.fixture
def tenant(azure: Simulator) -> Directory:
    """Let the test trust the tenant's certificate, as the app does: by its environment."""
    os.environ.update(azure.environment())
    return azure.directory


@pytest.fixture
def tokens(tenant: Directory) -> EntraTokens:
    """Verify as the app does."""
    return verifier(tenant)


def verifier(tenant: Directory) -> EntraTokens:
    return EntraTokens(tenant.authority, tenant.tenant, tenant.audience)


def refused(tokens: EntraTokens, token: str) -> str:
    with pytest.raises(Permanent) as refusal:
        tokens.verify(token)
    return refusal.value.message


def test_a_person_is_known_by_the_directory_s_id_and_shown_by_name(
    tenant: Directory, tokens: EntraTokens
) -> None:
    caller = tokens.verify(tenant.token(ALICE))
    claims = jwt.decode(tenant.token(ALICE), options={"verify_signature": False})
    assert (caller.id, caller.name, caller.is_app) == (claims["oid"], ALICE, False)
    assert caller.roles == {Role.READ, Role.OPERATE, Role.APPROVE}
    assert tokens.verify(tenant.token(RITA)).roles == {Role.READ}


def test_an_app_is_known_as_one_and_never_approves(tenant: Directory, tokens: EntraTokens) -> None:
    sender = tokens.verify(tenant.token(MONITOR))
    assert (sender.name, sender.is_app, set(sender.roles)) == (MONITOR, True, {Role.SIGNAL})
    app = tokens.verify(tenant.token(PIPELINE, roles=[role.value for role in Role]))
    assert app.objection_to(Role.OPERATE) is None
    assert "an app cannot approve" in str(app.objection_to(Role.APPROVE))


@pytest.mark.parametrize("claims", [{"scp": None}, {"scp": ""}, {"idtyp": "app"}])
def test_what_does_not_prove_to_be_a_person_is_an_app(
    tenant: Directory, tokens: EntraTokens, claims: dict[str, Any]
) -> None:
    assert tokens.verify(tenant.token(ALICE, **claims)).is_app


@pytest.mark.parametrize(
    "roles",
    [None, [], "Leeward.Read", ["leeward.read"], [["Leeward.Read"]], {"Leeward.Read": 1}, 7],
)
def test_a_role_is_one_of_a_list_and_spelt_exactly(
    tenant: Directory, tokens: EntraTokens, roles: Any
) -> None:
    assert tokens.verify(tenant.token(ALICE, roles=roles)).roles == frozenset()


def test_the_clocks_of_both_sides_may_differ_by_a_minute(
    tenant: Directory, tokens: EntraTokens
) -> None:
    now = int(time.time())
    assert tokens.verify(tenant.token(ALICE, exp=now - 50)).name == ALICE
    assert tokens.verify(tenant.token(ALICE, nbf=now + 50, iat=now + 50)).name == ALICE


@pytest.mark.parametrize(
    ("claims", "because"),
    [
        ({"exp": -70}, "expired"),
        ({"nbf": 600}, "not valid yet"),
        ({"exp": None}, "lacks a claim"),
        ({"nbf": None}, "lacks a claim"),
        ({"exp": "tomorrow"}, "malformed"),
        ({"exp": float("inf")}, "malformed"),
        ({"aud": OTHER}, "another app"),
        ({"aud": None}, "lacks a claim"),
        ({"aud": []}, "lacks a claim"),
        ({"iss": f"https://sts.windows.net/{OTHER}/"}, "another issuer"),
        ({"iss": None}, "lacks a claim"),
        ({"tid": OTHER}, "another tenant"),
        ({"tid": None}, "another tenant"),
        ({"oid": None}, "whom it speaks for"),
        ({"oid": ""}, "whom it speaks for"),
        ({"oid": ["a"]}, "whom it speaks for"),
        ({"oid": "x" * 101}, "whom it speaks for"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_token_for_somebody_else_or_another_time_is_refused(
    tenant: Directory, tokens: EntraTokens, claims: dict[str, Any], because: str
) -> None:
    now = int(time.time())
    from_now = {name: now + value for name, value in claims.items() if type(value) is int}
    assert because in refused(tokens, tenant.token(ALICE, **{**claims, **from_now}))


def test_a_list_of_audiences_is_refused_though_ours_is_in_it(
    tenant: Directory, tokens: EntraTokens
) -> None:
    assert refused(tokens, tenant.token(ALICE, aud=[OTHER, tenant.audience]))


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_signature_that_anybody_could_have_made_is_refused(
    tenant: Directory, tokens: EntraTokens
) -> None:
    good = tenant.token(ALICE)
    header = jwt.get_unverified_header(good)
    claims = jwt.decode(good, options={"verify_signature": False})
    mine = rsa.generate_private_key(65537, 2048)
    theirs = SigningKeys(tenant.issuer).key(header["kid"])
    pem = theirs.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    body = good.split(".")[1]
    by_hmac = jwt.api_jws.PyJWS().encode(
        json.dumps(claims).encode(),
        base64.b64encode(pem),
        "HS256",
        headers={"kid": header["kid"]},
    )
    forgeries = {
        "alg none": f"{part({'alg': 'none', 'kid': header['kid']})}.{body}.",
        "alg None": f"{part({'alg': 'None', 'kid': header['kid']})}.{body}.",
        "public key as secret": by_hmac,
        "another key under this id": jwt.encode(claims, mine, "RS256", {"kid": header["kid"]}),
        "another algorithm": jwt.encode(claims, mine, "RS512", {"kid": header["kid"]}),
        "another kind of key": jwt.encode(
            claims, ec.generate_private_key(ec.SECP256R1()), "ES256", {"kid": header["kid"]}
        ),
        "a key of its own": jwt.encode(
            claims, mine, "RS256", {"kid": "me", "jku": "https://evil.example/keys"}
        ),
        "no key": jwt.encode(claims, mine, "RS256"),
        "a path as key": jwt.encode(claims, mine, "RS256", {"kid": "../../../dev/null"}),
        "other claims": f"{good.split('.')[0]}.{part({**claims, 'oid': OTHER})}.{good.split('.')[2]}",
        "no signature": f"{good.rsplit('.', 1)[0]}.",
    }
    for name, forged in forgeries.items():
        assert refused(tokens, forged), name
    assert tokens.verify(good).name == ALICE


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b.c", "a.b", "é.é.é", "x" * 20_000, "e30.e30.e30", "W10.W10.", "\0", "a,b"],
    ids=lambda token: repr(token[:10]),
)
def test_what_is_no_token_is_refused(tokens: EntraTokens, token: str) -> None:
    assert refused(tokens, token)


@pytest.mark.parametrize("kid", [None, 7, ["a"], {"a": 1}])
def test_a_header_may_hold_anything(tenant: Directory, tokens: EntraTokens, kid: Any) -> None:
    _, body, signature = tenant.token(ALICE).split(".")
    assert refused(tokens, f"{part({'alg': 'RS256', 'kid': kid})}.{body}.{signature}")


def test_a_name_can_be_read_and_has_an_end(tenant: Directory, tokens: EntraTokens) -> None:
    strange = "al\u202eice\n\0" + "x" * 500
    name = tokens.verify(tenant.token(ALICE, preferred_username=strange)).name
    assert name.startswith("al ice  x")
    assert len(name) == 200
    bare = tenant.token(ALICE, preferred_username=" ", name=7)
    assert tokens.verify(bare).name == tokens.verify(bare).id


# -- keys ----------------------------------------------------------------------------------


class Hands:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def asked_for_keys(azure: Simulator) -> int:
    return sum(record.operation == "directory/keys" for record in azure.requests)


def kid_of(tenant: Directory) -> str:
    return str(jwt.get_unverified_header(tenant.token(ALICE))["kid"])


def test_keys_are_fetched_once_and_a_new_one_when_it_is_first_seen() -> None:
    with Simulator(shop_estate(), VirtualClock()) as azure:
        os.environ.update(azure.environment())
        hands = Hands()
        keys = SigningKeys(azure.directory.issuer, hands)
        old = kid_of(azure.directory)
        for _ in range(3):
            assert keys.key(old)
        assert asked_for_keys(azure) == 1
        azure.directory.rotate()
        hands.at += FETCH_AGAIN_SECONDS
        assert keys.key(kid_of(azure.directory))
        assert asked_for_keys(azure) == 2
        with pytest.raises(Permanent):  # what the tenant shows no longer is trusted no longer
            keys.key(old)


def test_forgeries_do_not_make_the_app_ask_again_and_again() -> None:
    with Simulator(shop_estate(), VirtualClock()) as azure:
        os.environ.update(azure.environment())
        hands = Hands()
        keys = SigningKeys(azure.directory.issuer, hands)
        for number in range(50):
            with pytest.raises(Permanent):
                keys.key(f"forged-{number}")
        assert asked_for_keys(azure) == 1
        hands.at += FETCH_AGAIN_SECONDS
        with pytest.raises(Permanent):
            keys.key("forged")
        assert asked_for_keys(azure) == 2


def test_a_tenant_that_does_not_answer_blinds_nobody_who_was_seen_before() -> None:
    hands = Hands()
    with Simulator(shop_estate(), VirtualClock()) as azure:
        os.environ.update(azure.environment())
        kid = kid_of(azure.directory)
        keys = SigningKeys(azure.directory.issuer, hands)
        assert keys.key(kid)
    hands.at += 100 * FRESH_SECONDS
    assert keys.key(kid)
    for thread in threading.enumerate():
        if thread.name == "tenant-keys":
            thread.join(30)
    with pytest.raises(Transient) as nobody_can_say:
        keys.key("unseen")
    assert nobody_can_say.value.after is not None
    assert keys.key(kid)


def test_without_any_key_nobody_can_say_and_the_next_try_is_not_at_once() -> None:
    hands = Hands()
    with Simulator(shop_estate(), VirtualClock()) as azure:
        os.environ.update(azure.environment())
        issuer, kid = azure.directory.issuer, kid_of(azure.directory)
        keys = SigningKeys(issuer, hands)
        del os.environ["REQUESTS_CA_BUNDLE"]
        with pytest.raises(Transient, match="cannot be fetched"):
            keys.key(kid)
        os.environ.update(azure.environment())
        with pytest.raises(Transient):
            keys.key(kid)
        hands.at += FETCH_AGAIN_SECONDS
        assert keys.key(kid)


def test_keys_of_another_issuer_are_not_taken() -> None:
    with Simulator(shop_estate(), VirtualClock()) as azure:
        os.environ.update(azure.environment(), NO_PROXY="127.0.0.1,localhost")
        kid = kid_of(azure.directory)
        elsewhere = azure.directory.issuer.replace("127.0.0.1", "localhost")
        with pytest.raises(Transient):
            SigningKeys(elsewhere).key(kid)
        assert asked_for_keys(azure) == 0
        assert SigningKeys(azure.directory.issuer).key(kid)


def test_old_keys_are_looked_at_again_in_the_background() -> None:
    with Simulator(shop_estate(), VirtualClock()) as azure:
        os.environ.update(azure.environment())
        hands = Hands()
        keys = SigningKeys(azure.directory.issuer, hands)
        kid = kid_of(azure.directory)
        assert keys.key(kid)
        azure.directory.rotate()
        hands.at += FRESH_SECONDS + 1
        assert keys.key(kid), "nobody waits for it"
        give_up = time.monotonic() + 30
        while not (refreshed := keys.refresh()) and time.monotonic() < give_up:
            time.sleep(0)
        assert refreshed
        with pytest.raises(Permanent):
            keys.key(kid)
