from __future__ import annotations

import pytest

from local.host.routes import BadRoute, Routes


def found(routes: Routes[str], path: str, method: str = "GET") -> str | None:
    match = routes.find(method, path)
    return match[0] if match else None


def captured(template: str, path: str) -> dict[str, str] | None:
    routes: Routes[str] = Routes()
    routes.add(template, (), "it")
    match = routes.find("GET", path)
    return match[1] if match else None


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("api/plans", "/api/plans", {}),
        ("api/plans", "/API/Plans/", {}),
        ("api/plans", "/api/plans/shop", None),
        ("api/plans/{plan}", "/api/plans/shop", {"plan": "shop"}),
        ("api/plans/{plan}", "/api/plans", None),
        ("api/plans/{plan}", "/api/plans/two%20words", {"plan": "two words"}),
        ("api/plans/{plan}", "/api/plans/a%2Fb", {"plan": "a%2Fb"}),
        ("api/runs/{id:int}", "/api/runs/42", {"id": "42"}),
        ("api/runs/{id:int}", "/api/runs/4x", None),
        ("api/runs/{id:int?}", "/api/runs", {}),
        ("api/runs/{id:int?}", "/api/runs/7", {"id": "7"}),
        ("api/{page=home}", "/api", {"page": "home"}),
        ("api/{page=home}", "/api/about", {"page": "about"}),
        ("files/{*path}", "/files/a/b/c.txt", {"path": "a/b/c.txt"}),
        ("files/{**path}", "/files", {}),
        ("files/{name}.{ending}", "/files/report.html", {"name": "report", "ending": "html"}),
        ("files/{name}.html", "/files/report.md", None),
        ("x/{v:guid}", "/x/6f9619ff-8b86-d011-b42d-00cf4fc964ff", "captured"),
        ("x/{v:guid}", "/x/not-a-guid", None),
        ("x/{v:bool}", "/x/True", {"v": "True"}),
        ("x/{v:bool}", "/x/yes", None),
        ("x/{v:datetime}", "/x/2026-11-22", {"v": "2026-11-22"}),
        ("x/{v:datetime}", "/x/today", None),
        ("x/{v:long}", "/x/4294967296", {"v": "4294967296"}),
        ("x/{v:int}", "/x/4294967296", None),
        ("x/{v:double}", "/x/1.5", {"v": "1.5"}),
        ("x/{v:alpha}", "/x/abc", {"v": "abc"}),
        ("x/{v:alpha}", "/x/ab1", None),
        ("x/{v:length(3)}", "/x/abc", {"v": "abc"}),
        ("x/{v:length(2,3)}", "/x/abcd", None),
        ("x/{v:minlength(2)}", "/x/a", None),
        ("x/{v:maxlength(2)}", "/x/abc", None),
        ("x/{v:range(1,9)}", "/x/9", {"v": "9"}),
        ("x/{v:range(1,9)}", "/x/10", None),
        ("x/{v:min(5)}", "/x/4", None),
        ("x/{v:max(5)}", "/x/6", None),
        ("x/{v:int:min(3)}", "/x/2", None),
        ("x/{v:regex(^a{{2}}$)}", "/x/aa", {"v": "aa"}),
        ("x/{v:regex(^a{{2}}$)}", "/x/aaa", None),
    ],
)
def test_a_template_fits_or_does_not(
    template: str, path: str, expected: dict[str, str] | str | None
) -> None:
    result = captured(template, path)
    if expected == "captured":
        assert result == {"v": path.rpartition("/")[2]}
    else:
        assert result == expected


def test_the_more_literal_template_wins_whatever_the_order() -> None:
    routes: Routes[str] = Routes()
    for template in ("{*rest}", "runs/{id}", "runs/{id:int}", "runs/latest", "runs/{id}/evidence"):
        routes.add(template, ("GET",), template)

    assert found(routes, "/runs/latest") == "runs/latest"
    assert found(routes, "/runs/12") == "runs/{id:int}"
    assert found(routes, "/runs/abc") == "runs/{id}"
    assert found(routes, "/runs/abc/evidence") == "runs/{id}/evidence"
    assert found(routes, "/runs/abc/other") == "{*rest}"


def test_a_method_that_no_template_takes_finds_nothing() -> None:
    routes: Routes[str] = Routes()
    routes.add("runs", ("GET",), "list")
    routes.add("runs", ("POST",), "start")

    assert found(routes, "/runs", "get") == "list"
    assert found(routes, "/runs", "POST") == "start"
    assert found(routes, "/runs", "DELETE") is None
    assert found(routes, "/runs", "HEAD") is None


@pytest.mark.parametrize("path", ["/public/../secret", "/public/%2e%2e/secret", "/./secret"])
def test_dots_are_resolved_before_a_route_is_chosen(path: str) -> None:
    assert captured("secret", path) == {}


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("a/{b", "is not a literal"),
        ("a//b", "is not a literal"),
        ("a/{b:nonsense}", "no constraint 'nonsense'"),
        ("a/{b:range(x,y)}", "constraint range"),
        ("a/{*b}/c", "must come last"),
        ("a/{b?}/c", "only what is optional"),
        ("a/{b}/{B}", "occurs twice"),
        ("a/x{b?}", "must be a whole segment"),
    ],
)
def test_a_bad_template_is_refused_with_the_reason(template: str, reason: str) -> None:
    with pytest.raises(BadRoute, match=reason):
        captured(template, "/")
