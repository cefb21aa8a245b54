from __future__ import annotations

import re
from pathlib import Path

import pytest

from adapters.plan_file import read_plan, reader, write_plan
from domain.plan_rules import Mistake, PlanRefused
from domain.reach import Reach
from tests.plan_samples import plan_data

ROOT = Path(__file__).parents[2]
SHOP = (ROOT / "plans/shop.yaml").read_text(encoding="utf-8")
TARGET = SHOP[SHOP.index("target:\n") : SHOP.index("\nvault:")]
WEB = SHOP[
    SHOP.index("      - name: web-prod-01") : SHOP.index("    gate:", SHOP.index("web-prod-01"))
]


def mistakes(text: str) -> list[Mistake]:
    with pytest.raises(PlanRefused) as refused:
        read_plan(text, "plans/shop.yaml")
    return refused.value.mistakes


def line_of(text: str, part: str, nth: int = 1) -> int:
    found = [match.start() for match in re.finditer(re.escape(part), text)]
    return text.count("\n", 0, found[nth - 1]) + 1


def changed(old: str, new: str) -> str:
    assert old in SHOP
    return SHOP.replace(old, new, 1)


def test_the_plans_of_this_project_are_valid() -> None:
    files = sorted((ROOT / "plans").glob("*.yaml"))
    assert files
    for file in files:
        assert read_plan(file.read_text(encoding="utf-8"), file.name).name == file.stem


@pytest.mark.parametrize(
    ("old", "new", "at", "said"),
    [
        pytest.param(
            "  deadline: PT6H", "  dedline: PT6H",
            "dedline", "unknown key; did you mean 'deadline'?", id="a key misspelt",
        ),
        pytest.param(
            "  attempts: 2", "  attempts: 2\n    zzz: 1",
            "zzz", "unknown key; known keys are attempts, pause", id="a key never heard of",
        ),
        pytest.param(
            "- name: app-prod-01", "- name: db-prod-01",
            "- name: db-prod-01#2", "member 'db-prod-01' is there twice", id="a member twice",
        ),
        pytest.param(
            f"    members:\n{WEB}", "    members: []\n",
            "members: []", "name at least one", id="a tier without members",
        ),
        pytest.param(
            "  - name: db\n", "  - name: db\n    after: [web]\n",
            "after: [web]", "the tiers wait for each other in a circle", id="a circle",
        ),
        pytest.param(
            "  - name: db\n", "  - name: db\n    after: [wbe]\n",
            "after: [wbe]", "which is no tier of this plan; use one of db, app, web", id="a tier unknown",
        ),
        pytest.param(
            "target:\n  region: westus\n", "target:\n  region: wetsus\n",
            "wetsus", "unknown region 'wetsus'; did you mean westus", id="a region unknown",
        ),
        pytest.param(
            "region: westus #", "region: eastus #",
            "region: eastus #", "the region it must survive; use a vault in westus", id="vault in the source",
        ),
        pytest.param(
            "  deadline: PT6H", "  deadline: PT6H\n  deadline: PT7H",
            "deadline: PT7H", "key 'deadline' is there twice; keep one", id="a key twice",
        ),
        pytest.param(
            "name: shop\n", "name: &a shop\napplication: *a\n",
            "*a", "a plan has no YAML aliases; write the value out", id="an alias",
        ),
        pytest.param(
            "last day of Mar,Jun", "last Frday of Mar,Jun",
            "when: last", "'Frday' is no weekday; use 0 to 6 or sun to sat", id="a blackout on no day",
        ),
        pytest.param(
            "when: first Sunday 03:00", "when: 0 0 3,15 1 * *",
            "  schedule:", "drills come at one time of a day; name one hour", id="a drill twice a day",
        ),
        pytest.param(
            "lasts: P2D\n      zone: America/New_York", "lasts: P2D\n      zone: CEST",
            "zone: CEST", "unknown time zone 'CEST'", id="an abbreviation for a zone",
        ),
        pytest.param(
            "tcp: 10.9.1.4:5432", "tcp: 10.8.1.4:5432",
            "10.8.1.4", "10.8.1.4 is outside the plan's reach; add 10.8.1.4 to reach, or mend the URL",
            id="an address outside reach",
        ),
        pytest.param(
            "http://canary.example.com/", "http://canary.example.org/",
            "canary.example.org", "canary.example.org is outside the plan's reach", id="a host outside reach",
        ),
        pytest.param(
            "verify: http://shop.traf", "verify: http://other.traf",
            "other.traf", "other.trafficmanager.net is outside the plan's reach", id="where users go outside reach",
        ),
        pytest.param(
            "http: http://10.2.3.4/", "http: http://169.254.169.254/",
            "169.254.169.254", "is link-local, where instance metadata and identities are served, which no plan",
            id="the metadata service",
        ),
        pytest.param(
            "http: http://10.2.3.4/", "http: http://localhost/",
            "localhost", "localhost is outside the plan's reach", id="the app itself",
        ),
        pytest.param(
            "http: http://10.2.3.4/", "http: http://[::ffff:10.2.3.4]/",
            "ffff", "is an IPv4 address written as IPv6, which no plan may reach", id="an address in disguise",
        ),
        pytest.param(
            "http: http://10.2.3.4/", "http: http://10.2.3.4\\evil.example/",
            "evil", "names no host that everybody reads alike", id="a host that is read in two ways",
        ),
        pytest.param(
            "  - 10.2.0.0/16", "  - 0.0.0.0/0",
            "0.0.0.0/0", "is too much of the world; name /8 or less", id="a reach of everything",
        ),
        pytest.param(
            "  - 10.2.0.0/16", "  - 169.254.0.0/16",
            "169.254.0.0/16", "which no plan may reach; remove it", id="a reach of the metadata service",
        ),
        pytest.param(
            "  - canary.example.com", "  - '*.azurewebsites.net'",
            "azurewebsites", "anybody may have a name below azurewebsites.net; write the whole host",
            id="a reach of everybody's names",
        ),
        pytest.param(
            "tiers:\n  - name: db\n",
            "tiers:\n  - name: db\n    pre_actions:\n      - name: tell\n        http: {url: 'https://10.2.1.4/'}\n",
            "https://10.2.1.4/", "is sent data, and the plan's reach names it by a network alone; add 10.2.1.4 to",
            id="an action that a network alone lets through",
        ),
        pytest.param(
            "deadline: PT6H", "deadline: 6h",
            "6h", "'6h' is no duration; write ISO 8601, as in PT30M", id="a duration in words",
        ),
        pytest.param(
            "within: PT30M", "within: 30",
            "within: 30", "30 is no duration", id="a bare number for a duration",
        ),
        pytest.param(
            "within: PT30M", "within: 0:30",
            "within: 0:30", "is no duration", id="a clock for a duration",
        ),
        pytest.param(
            "within: PT30M", "within: P1M",
            "within: P1M", "'P1M' is no duration", id="a month for a minute",
        ),
        pytest.param(
            "within: PT30M", "within: PT0S",
            "within: PT0S", "the value should be greater than 0 seconds", id="no duration at all",
        ),
        pytest.param(
            "needed: 3", "needed: 5",
            "gate: # the target", "needed: 5 of: 3 can never pass; lower needed", id="a gate that never passes",
        ),
        pytest.param(
            "name: shop\n", "name: 123\n",
            "name: 123", "123 is not text; put it in quotes", id="a number for a name",
        ),
        pytest.param(
            "name: shop\n", "name: The Shop\n",
            "name: The Shop", "'The Shop' has a character or form that is not allowed", id="a bad name",
        ),
        pytest.param(
            "name: shop\n", "name: !shop x\n",
            "!shop", "a plan has no YAML tags of its own; drop !shop", id="a tag",
        ),
        pytest.param(
            "name: shop\n", "",
            "schema:", "name: is missing", id="a key missing",
        ),
        pytest.param(
            "- tcp: 10.2.1.4:5432", "- tcp: 10.2.1.4",
            "tcp: 10.2.1.4", "'10.2.1.4' has a character or form", id="an address without a port",
        ),
        pytest.param(
            "required: true", "required: maybe",
            "maybe", "'maybe' is not true or false", id="neither true nor false",
        ),
        pytest.param(
            "attempts: 2", "attempts: two",
            "attempts: two", "'two' is not a whole number", id="no number",
        ),
        pytest.param(
            "attempts: 2", "attempts: 9",
            "attempts: 9", "the value should be less than or equal to 5", id="too many",
        ),
        pytest.param(
            "mode: auto_after", "mode: later",
            "later", "the value should be 'auto_after', 'manual' or 'never'", id="no such mode",
        ),
        pytest.param(
            TARGET, "target: westus\n",
            "target: westus", "'westus' is not a group of keys", id="a word for a group",
        ),
        pytest.param(
            WEB, "      name: web-prod-01\n",
            "members:#3", "a group of keys is not a list; write each entry", id="a group for a list",
        ),
        pytest.param(
            "description: The", "description: {a: [1]}\n#",
            "{a: [1]}", "a group of keys is not text", id="a group for a text",
        ),
        pytest.param(
            "description: The", "description: [1]\n#",
            "[1]", "a list is not text", id="a list for a text",
        ),
        pytest.param(
            "  deadline: PT6H", "  ? [a, b]\n  : 1",
            "? [a, b]", "a key is one word; write `key: value`", id="a list for a key",
        ),
        pytest.param(
            "schema: leeward/plan/1", "schema: leeward/plan/2",
            "schema:", "the value should be 'leeward/plan/1'", id="another schema",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line_and_its_mend(
    old: str, new: str, at: str, said: str
) -> None:
    text = changed(old, new)
    part, _, nth = at.partition("#") if at[-2:] in ("#2", "#3") else (at, "", "1")
    (mistake,) = mistakes(text)
    assert said in mistake.what
    assert mistake.line == line_of(text, part, int(nth)), mistake


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n", "shop", "42", "null", "---\n"])
def test_a_file_that_holds_no_mapping_is_told_how_a_plan_begins(text: str) -> None:
    (mistake,) = mistakes(text)
    assert mistake == Mistake(1, "a plan is a mapping that begins with `schema: leeward/plan/1`")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            "{url: 'https://ops.example.com/', headers: {Authorization: Bearer x}}",
            "header Authorization holds a",
        ),
        (
            "{url: 'https://ops.example.com/', headers: {x-functions-key: x}}",
            "header x-functions-key holds a secret",
        ),
        ("{url: 'https://ops.example.com/?a=1&sig=x'}", "the URL's sig= holds a secret"),
        ("{url: 'https://ops.example.com/?code=x'}", "the URL's code= holds a secret"),
        ("{url: 'https://ops.example.com/', secrets: {Authorization: ops}}", None),
        ("{url: 'https://ops.example.com/?design=1', headers: {X-Team: dr}}", None),
    ],
)
def test_a_plan_names_a_secret_and_holds_none(call: str, said: str | None) -> None:
    before = f"tiers:\n  - name: db\n    pre_actions:\n      - name: tell\n        http: {call}\n"
    text = changed("tiers:\n  - name: db\n", before)
    text = text.replace("reach:", "reach:\n  - ops.example.com", 1)
    if said is None:
        assert read_plan(text, "x").tiers[0].pre_actions
        return
    (mistake,) = mistakes(text)
    assert mistake.line == line_of(text, "http: {")
    assert mistake.what.startswith(said)


def test_a_plans_reach_names_no_more_than_the_app_lets_plans_name() -> None:
    places = ("*.example.com", "shop.trafficmanager.net", "10.1.0.0/16", "10.2.0.0/15")
    read = reader(Reach.of(places, "the app's setting REACH"))
    with pytest.raises(PlanRefused) as refused:
        read(SHOP, "shop.yaml")
    (mistake,) = refused.value.mistakes
    assert mistake.line == line_of(SHOP, "- 10.9.0.0/16")
    assert mistake.what == (
        "10.9.0.0/16 is beyond the app's setting REACH; remove it, or have it added there"
    )
    assert reader(Reach.of((*places, "10.9.0.0/16")))(SHOP, "shop.yaml").name == "shop"


def test_a_plan_without_reach_is_told_what_its_urls_name() -> None:
    start, end = SHOP.index("reach:"), SHOP.index("\nsource:")
    (mistake,) = mistakes(SHOP[:start] + SHOP[end:])
    assert mistake.line == 1
    assert mistake.what.startswith(
        "reach is missing: it is the list of hosts, *.suffixes and networks"
    )
    assert "shop-westus.example.com" in mistake.what
    assert "under `reach:`" in mistake.what


def test_an_empty_mapping_is_told_everything_it_lacks() -> None:
    *lacking, reach = [m.what for m in mistakes("{}")]
    keys = ("schema", "name", "source", "target", "vault", "tiers", "traffic")
    assert lacking == [f"{key}: is missing; every plan says it" for key in keys]
    assert reach.startswith("reach is missing: it is the list of hosts")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\n b: 2\n", 2, "not YAML: mapping values are not allowed here"),
        ("a: [1\nb: 2\n", 2, "not YAML: "),
        ("a: 1\n---\nb: 2\n", 2, "not YAML: but found another document"),
        ("a: 1\nb: \x00\n", 2, "the character 0 may not stand in it"),
        ("a: 1\nb: \ud800\n", 2, "may not stand in it; remove it"),
        ("a:\n  " + "[" * 4000, 2, "not nested this deeply"),
        ("a: *b\n", 1, "a plan has no YAML aliases"),
        ("%YAML 9.9\n---\na: 1\n", 1, "not YAML: found incompatible YAML document"),
        ("a: 'open", 1, "not YAML: found unexpected end of stream"),
    ],
)
def test_what_is_no_yaml_is_said_to_be_none(text: str, line: int, said: str) -> None:
    (mistake,) = mistakes(text)
    assert said in mistake.what
    assert mistake.line == line


def test_several_mistakes_are_named_at_once_in_the_order_of_the_file() -> None:
    text = changed("target:\n  region: westus\n", "target:\n  region: wetsus\n")
    text = text.replace("  deadline: PT6H", "  deadline: soon\n  dedline: PT6H")
    text = text.replace("name: web-prod-01", "nmae: web-prod-01")
    found = mistakes(text)
    assert [m.line for m in found] == sorted(m.line for m in found)
    assert [m.line for m in found] == [
        line_of(text, "wetsus"),
        line_of(text, "nmae"),
        line_of(text, "nmae"),
        line_of(text, "deadline: soon"),
        line_of(text, "dedline"),
    ]
    with pytest.raises(PlanRefused) as refused:
        read_plan(text, "plans/shop.yaml")
    said = str(refused.value)
    assert said.count("plans/shop.yaml, line ") == 5
    assert "tiers[2].members[0].name: is missing" in said
    assert "policy.dedline: unknown key; did you mean 'deadline'?" in said


def test_mistakes_of_the_whole_plan_are_named_at_once() -> None:
    text = changed("region: westus #", "region: eastus #")
    text = text.replace("- name: app-prod-01", "- name: db-prod-01")
    assert [m.line for m in mistakes(text)] == [
        line_of(text, "region: eastus #"),
        line_of(text, "- name: db-prod-01", 2),
    ]


def test_a_very_long_value_is_told_in_short() -> None:
    (mistake,) = mistakes(changed("name: shop\n", f"name: {'x' * 5000}\n"))
    assert len(mistake.what) < 200


def test_the_example_of_actions_in_the_docs_is_a_plan() -> None:
    text = (ROOT / "docs/actions.md").read_text(encoding="utf-8")
    around = {key: value for key, value in plan_data().items() if key not in ("tiers", "reach")}
    plan = read_plan(write_plan(around) + text.split("```yaml\n")[1].split("```")[0], "example")
    (tier,) = plan.tiers
    first, *then = (*tier.pre_actions, *tier.post_actions)
    assert [action.kind for action in (first, *then)] == ["runbook", "manual", "http", "wait"]
    assert first.on == ("failover", "failback"), "YAML takes a bare on: for true"
    assert plan.drill is not None
    assert plan.drill.hooks[0].name == "close-ports"
    assert plan.policy.on_failure == "ask"
