"""Each identity holds exactly what it asks for, where it asks for it, and the page says so."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from local.azure.permissions import Permissions
from local.azure.refusals import Refusal
from tests.infra.templates import ROOT, read_templates
from tests.journeys.world import shop_estate
from tests.roles import errands
from tests.roles.errands import PREPARING, Book
from tests.roles.grants import grant
from tests.roles.inventory import unreached
from tests.roles.page import PAGE, page
from tests.roles.table import (
    Role,
    faults,
    misplaced,
    of_every_kind,
    read_built_in,
    read_roles,
)

ADAPTERS = {
    path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "adapters").glob("*.py"))
}
DATA = {action for role in read_built_in().values() for action in role.get("covers", ())}


def needed(book: Book) -> dict[str, set[str]]:
    """Return what each role must hold, by the name of its file."""
    others = tuple(errand for errand in book.asked if errand != PREPARING)
    moving = of_every_kind(book.of("failover", *others))
    return {
        "observe": book.of("observe") - DATA,
        "drill": book.of("drill"),
        "failover": moving,
        "protect": book.of("failover", PREPARING) - moving,
    }


def test_each_role_is_exactly_what_its_identity_asks_for_and_reaches_where_it_asks(
    tmp_path: Path,
) -> None:
    book = errands.run_all(tmp_path)
    roles, wanted = read_roles(), needed(book)
    assert faults(roles, wanted) == []
    for key in wanted:
        some = next(iter(roles[key].actions))
        short = {**roles, key: without(roles[key], some)}
        assert faults(short, wanted) == [
            f"infra/roles/{key}.json lacks {some}, which Leeward asks for as {roles[key].identity}; add it"
        ]

    asked = {record.action for record in book.requests}
    assert unreached(ADAPTERS, asked) == []
    (never,) = unreached(ADAPTERS, asked - {"Microsoft.Authorization/locks/read"})
    assert never.startswith("resources.AzureResources.locks asks for Microsoft.Authorization/locks")

    permissions = Permissions(shop_estate(grant))
    clients = permissions.client_ids
    refused = [
        f"{record.identity}: {error}"
        for record in book.requests
        if record.action and record.action not in DATA
        for error in [refusal(permissions, clients[record.identity], record.method, record.path)]
        if error
    ]
    assert refused == []


def refusal(permissions: Permissions, client: str, method: str, path: str) -> str | None:
    try:
        permissions.admit(client, method, path)
    except Refusal as error:
        return error.message
    return None


def without(role: Role, action: str) -> Role:
    return replace(role, actions={k: v for k, v in role.actions.items() if k != action})


def test_a_call_that_no_errand_reaches_is_seen_in_the_source() -> None:
    everything = {action for role in read_roles().values() for action in role.actions}
    assert unreached(ADAPTERS, everything) == []
    source = ADAPTERS["vault_setup.py"].replace("begin_create", "begin_purge", 1)
    source += "\n    def gone(self, client):\n        client.replication_alert_settings.create()\n"
    said = unreached({**ADAPTERS, "vault_setup.py": source}, everything)
    assert [one.split(", which")[0] for one in said] == [
        "vault_setup.py: replication_alert_settings.create asks for ?replication_alert_settings.create",
        "vault_setup.py: replication_fabrics.begin_purge asks for "
        "Microsoft.RecoveryServices/vaults/replicationFabrics/purge/action",
    ]
    fresh = ADAPTERS["resources.py"].replace("def locks(", "def tags(")
    assert "resources.AzureResources.tags writes its own request" in str(
        unreached({**ADAPTERS, "resources.py": fresh}, everything)
    )


def test_an_action_that_nothing_asks_for_is_named_with_its_role() -> None:
    roles = read_roles()
    exact = {key: set(role.actions) for key, role in roles.items()}
    assert faults(roles, exact) == []
    idle = replace(roles["drill"], actions={**roles["drill"].actions, "Microsoft.X/y/delete": "?"})
    assert faults({**roles, "drill": idle}, exact) == [
        "infra/roles/drill.json holds Microsoft.X/y/delete, which nothing that Leeward does asks for; take it out"
    ]


def test_the_observer_reads_and_the_drill_starts_and_ends_drills_and_no_more() -> None:
    roles = read_roles()
    assert all(action.endswith("/read") for action in roles["observe"].actions)
    assert {action.rsplit("/", 2)[1] for action in roles["drill"].actions} == {
        "permissions",
        "testFailover",
        "testFailoverCleanup",
    }
    everything = [
        action for role in roles.values() for action in role.actions if role.key != "linked"
    ]
    assert not [action for action in everything if action.endswith("/delete")]
    assert not [
        a
        for a in everything
        if a.startswith("Microsoft.Authorization/") and not a.endswith("/read")
    ]


def test_the_templates_give_each_role_where_its_file_says() -> None:
    roles, main = read_roles(), read_templates()["main.bicep"]
    assert misplaced(roles, main) == []
    stray = main.replace(
        "principal: identities.outputs.principalIds.drill",
        "principal: identities.outputs.principalIds.observe",
    )
    assert misplaced(roles, stray) == [
        "main.bicep gives drill to observe at vault, which its file does not say",
        "main.bicep does not give drill to drill at vault",
    ]
    assert "main.bicep gives protect unasked; it is for grantProtection alone" in misplaced(
        roles, main.replace("grantProtection\n        ?", "true\n        ?")
    )
    for name, part in {
        "vaultPlace.subscription": "toLower(vaultPlace.subscription), ",
        "applicationGroupIds": ", applicationGroupIds",
    }.items():
        assert part in main
        assert misplaced(roles, main.replace(part, "", 1)) == [f"the roles are not known in {name}"]
    nowhere = main.replace("subscriptionIds: grantedIn", "subscriptionIds: []")
    assert "the roles are not known in applicationGroupIds" in misplaced(roles, nowhere)
    idle = replace(roles["drill"], at=("vault", "profile"))
    assert "drill could do nothing at profile" in misplaced({**roles, "drill": idle}, main)


def test_every_built_in_role_that_is_given_is_explained_and_no_other() -> None:
    ids = re.compile(r"'([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'")
    given = {one for text in read_templates().values() for one in ids.findall(text)}
    assert given == set(read_built_in())


def test_the_page_says_what_the_files_say() -> None:
    roles, built_in = read_roles(), read_built_in()
    mend = "run `python -m tests.roles.page`"
    assert PAGE.read_text(encoding="utf-8") == page(roles, built_in), mend
    short = {**roles, "drill": without(roles["drill"], next(iter(roles["drill"].actions)))}
    assert page(short, built_in) != page(roles, built_in)
