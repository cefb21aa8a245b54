"""HTTP functions alone: routes, methods, auth levels, and every kind of answer."""

from __future__ import annotations

import asyncio
import json
import os
import time

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)


def _told(**facts: object) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(facts), mimetype="application/json")


@app.route(route="items", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def list_items(req: func.HttpRequest) -> func.HttpResponse:
    return _told(function="list_items", query=dict(req.params))


@app.route(route="items", methods=["POST"])
def add_item(req: func.HttpRequest) -> func.HttpResponse:
    return _told(function="add_item", body=req.get_json())


@app.route(route="items/{id:int}", methods=["GET", "DELETE"])
def one_item(req: func.HttpRequest) -> func.HttpResponse:
    return _told(function="one_item", method=req.method, id=req.route_params["id"])


@app.route(route="items/newest", methods=["GET"])
def newest(req: func.HttpRequest) -> func.HttpResponse:
    return _told(function="newest")


@app.route(route="files/{*path}", methods=["GET"])
def file(req: func.HttpRequest) -> func.HttpResponse:
    return _told(function="file", path=req.route_params.get("path"))


@app.route(route="secrets", methods=["GET"], auth_level=func.AuthLevel.ADMIN)
def secrets(req: func.HttpRequest) -> func.HttpResponse:
    return _told(function="secrets")


@app.route(route="echo")
def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return func.HttpResponse(
        req.get_body(),
        status_code=201,
        headers={
            "X-Method": req.method,
            "X-Url": req.url,
            "X-Saw": req.headers.get("x-send", ""),
            "X-Function": context.function_name,
            "Set-Cookie": "crumb=1; Path=/",
        },
        mimetype="application/octet-stream",
    )


@app.route(route="text")
def text(req: func.HttpRequest) -> str:
    return "only a text"


@app.route(route="nothing")
def nothing(req: func.HttpRequest):
    return None


@app.route(route="broken")
def broken(req: func.HttpRequest) -> func.HttpResponse:
    raise RuntimeError("a secret that must not get out")


@app.route(route="header")
def header(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(status_code=200, headers={"X-Given": req.params["value"]})


@app.route(route="status/{code:int}")
def status(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("a body", status_code=int(req.route_params["code"]))


@app.route(route="setting/{name}")
def setting(req: func.HttpRequest) -> func.HttpResponse:
    return _told(value=os.environ.get(req.route_params["name"]))


@app.route(route="pause/async")
async def pause_async(req: func.HttpRequest) -> func.HttpResponse:
    await asyncio.sleep(0.2)
    return _told(function="pause_async")


@app.route(route="pause/sync")
def pause_sync(req: func.HttpRequest) -> func.HttpResponse:
    time.sleep(0.2)
    return _told(function="pause_sync")


@app.route()
def unrouted(req: func.HttpRequest) -> func.HttpResponse:
    return _told(function="unrouted")
