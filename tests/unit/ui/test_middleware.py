"""What the page's middleware lets in and says to browsers, with Gradio's real app and all of its routes."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import gradio as gr
import pytest
from gradio.routes import App
from starlette.routing import Route
from starlette.testclient import TestClient

from services.common.settings import KafkaSettings, project_root
from tests.support.other_contracts import SHIPPED
from ui.check.downloads import ExampleFiles
from ui.database import Database
from ui.files.download import scores_route
from ui.health import KafkaProbe, health_route
from ui.middleware import app_options

MANIFEST = project_root() / "onnx/manifest.json"
PASSWORD = "correct horse battery"
PUBLIC = {
    "/", "/assets/x", "/en", "/en/", "/favicon.ico", "/files/sample.csv", "/files/template.csv",
    "/gradio_api/startup-events", "/gradio_api/theme.css", "/healthz", "/login", "/login/", "/logout", "/manifest.json",
    "/robots.txt", "/static/x", "/svelte/x", "/theme.css",
}  # fmt: skip


async def _may_log_in(name: str, password: str) -> bool:
    return (name, password) == ("ada", PASSWORD)


@cache
def make_app(root_path: str = "", *, login: bool = True) -> App:
    """Return Gradio's app of a page in two languages, with all routes and the middleware of ours."""
    with gr.Blocks() as blocks:
        gr.Textbox()
    with blocks.route("English", "en"):
        gr.Textbox()
    blocks.auth, blocks.auth_message = (_may_log_in if login else None), None
    blocks.root_path, blocks.favicon_path, blocks.theme_css = root_path, None, ""
    mart = Database()
    routes = [
        health_route(mart, KafkaProbe(KafkaSettings())),
        *ExampleFiles(SHIPPED, MANIFEST).routes(),
        scores_route(mart, SHIPPED),
    ]
    return App.create_app(blocks, app_kwargs=app_options(root_path, routes))


def client_of(app: App, base_url: str = "http://page.example", **headers: str) -> TestClient:
    return TestClient(app, base_url, raise_server_exceptions=False, follow_redirects=False, headers=headers)


def log_in(client: TestClient, path: str = "/login") -> list[str]:
    """Log in; return the cookies set."""
    answer = client.post(path, data={"username": "ada", "password": PASSWORD})
    assert answer.status_code == 200
    return answer.headers.get_list("Set-Cookie")


def routes_of(router: Any) -> Iterator[tuple[str, str]]:
    """Yield method and path of every route, `x` in the place of parameters."""
    for route in router.routes:
        if isinstance(route, Route):
            path = re.sub(r"\{[^}]*uuid\}", "00000000-0000-0000-0000-000000000000", route.path)
            yield from ((method, re.sub(r"\{[^}]*\}", "x", path)) for method in route.methods or ())
        else:
            yield from routes_of(route.original_router)


def test_every_route_but_the_public_ones_wants_a_login() -> None:
    """Those of Gradio's that ask for none themselves too, and those of its next version."""
    app = make_app()
    routes, client = set(routes_of(app)), client_of(app)
    assert len(routes) >= 80
    paths = {path for _, path in routes}
    assert paths >= PUBLIC
    assert {path for method, path in routes if client.request(method, path).status_code != 401} == PUBLIC


def test_the_documentation_of_the_api_is_not_served() -> None:
    """FastAPI would describe every route of Gradio's to anybody."""
    client = client_of(make_app(login=False))
    assert {client.get(path).status_code for path in ("/openapi.json", "/docs", "/redoc")} == {404}


@pytest.mark.parametrize("prefix", ["", "/fraud"])
@pytest.mark.parametrize("root_path", ["/fraud", "https://fraud.example/fraud"])
def test_a_login_opens_the_rest_below_the_root_path(root_path: str, prefix: str) -> None:
    """Whether the proxy strips the path or not; logging out ends the session at the server."""
    client = client_of(make_app(root_path), "https://page.example")
    root = root_path if root_path.startswith("https") else f"https://page.example{root_path}"
    assert f'"root":"{root}"' in client.get(f"{prefix}/").text
    (cookie,) = log_in(client, f"{prefix}/login")
    headers = {"Cookie": cookie.partition(";")[0]}
    assert client.get(f"{prefix}/config", headers=headers).status_code == 200
    assert client.get(f"{prefix}/en/", headers=headers).headers["Location"] == "/fraud/en"
    assert client.get(f"{prefix}/logout?all_session=false", headers=headers).status_code == 302
    assert client.get(f"{prefix}/config", headers=headers).status_code == 401


def test_no_path_leads_past_the_login() -> None:
    """Neither by dots nor by a second prefix."""
    client = client_of(make_app("/fraud"))
    for path in ("/fraud/fraud/config", "/static/../config", "/en/../config", "//config", "/fraudulent/config"):
        assert client.get(f"http://page.example{path}").status_code in {401, 404}, path


@pytest.mark.parametrize(
    ("root_path", "sent", "flags"),
    [
        ("", {}, {"HttpOnly", "SameSite=Lax", "Path=/"}),
        ("", {"X-Forwarded-Proto": "https"}, {"HttpOnly", "SameSite=Lax", "Path=/", "Secure"}),
        ("/fraud", {"X-Forwarded-Proto": "https"}, {"HttpOnly", "SameSite=Lax", "Path=/fraud", "Secure"}),
        ("https://fraud.example/fraud", {}, {"HttpOnly", "SameSite=Lax", "Path=/fraud", "Secure"}),
        ("http://fraud.example/fraud", {}, {"HttpOnly", "SameSite=Lax", "Path=/fraud"}),
    ],
)
def test_the_cookie_is_of_this_page_and_scheme(root_path: str, sent: dict[str, str], flags: set[str]) -> None:
    """One cookie; behind TLS it never goes over HTTP, and no other site's page can send it."""
    (cookie,) = log_in(client_of(make_app(root_path), **sent))
    assert set(cookie.split("; ")[1:]) == flags


@pytest.mark.parametrize(
    ("method", "site", "mode", "status"),
    [
        ("GET", "cross-site", "cors", 403),
        ("GET", "same-site", "no-cors", 403),
        ("GET", "cross-site", "navigate", 200),
        ("POST", "cross-site", "navigate", 403),
        ("GET", "same-origin", "cors", 200),
        ("GET", "none", "navigate", 200),
    ],
)
def test_pages_of_other_origins_can_only_link_here(method: str, site: str, mode: str, status: int) -> None:
    """Without a login too: a form elsewhere could else send a file to Kafka from a browser of this machine."""
    client = client_of(make_app(login=False))
    answer = client.request(method, "/files/template.csv", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode})
    assert answer.status_code == status


@pytest.mark.parametrize("path", ["/", "/config", "/static/x", "/nothing"])
def test_every_answer_has_the_headers(path: str) -> None:
    """Refusals and errors too."""
    headers = client_of(make_app()).get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in headers["Content-Security-Policy"].partition("script-src")[2].partition(";")[0]


def test_only_the_page_itself_has_scripts_by_hash() -> None:
    """A file in HTML that somebody uploads is no page."""
    client = client_of(make_app())
    assert "'sha256-" in client.get("/").headers["Content-Security-Policy"]
    assert "'sha256-" not in client.get("/static/x").headers["Content-Security-Policy"]


def test_the_session_is_not_told_to_scripts() -> None:
    """The cookie hides it from them; Gradio has a route that does not."""
    client = client_of(make_app(), "https://page.example")
    log_in(client)
    assert client.get("/config").status_code == 200
    assert client.get("/gradio_api/token").status_code == 401
