"""The login page: cookies, other sites, open redirects, and what is written into pages."""

import pytest
from litestar.testing import TestClient
from serving_workspace import URL, Served

HTML = {"Accept": "text/html"}


def enter(client: TestClient, token: str, **more: str):
    headers = more.pop("headers", {})
    return client.post(
        "/login", data={"token": token, **more}, headers=headers, follow_redirects=False
    )


def test_a_good_token_is_kept_where_scripts_and_other_sites_cannot_reach(
    client: TestClient, served: Served
) -> None:
    answer = enter(client, served.secrets["labeller"])
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie
    assert "secure" not in cookie  # this was plain HTTP
    assert client.get("/api/v1/tasks").status_code == 200  # by the cookie


def test_over_https_the_cookie_is_never_sent_in_the_clear(
    client: TestClient, served: Served
) -> None:
    answer = client.post(
        URL.replace("http", "https") + "/login",
        data={"token": served.secrets["reader"]},
        follow_redirects=False,
    )
    assert "secure" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize("who", ["expired", "revoked", "forged"])
def test_other_tokens_get_no_cookie(client: TestClient, served: Served, who: str) -> None:
    answer = enter(client, served.secrets[who])
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert "unknown, expired or revoked" in answer.text
    assert served.secrets[who] not in answer.text


def test_a_cookie_planted_before_is_replaced_at_login(client: TestClient, served: Served) -> None:
    client.cookies.set("twoloops", served.secrets["reader"])
    answer = enter(client, served.secrets["labeller"])
    assert served.secrets["labeller"] in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "/x\r\nSet-Cookie: a=b",
        "",
        "evil",
    ],
)
def test_nobody_is_sent_elsewhere_after_login(client: TestClient, served: Served, to: str) -> None:
    answer = enter(client, served.secrets["reader"], to=to)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    assert enter(client, served.secrets["reader"], to="/label/x?a=b").headers[
        "location"
    ] == "/label/x?a=b"  # fmt: skip


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": URL + ":99"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_of_another_site_can_neither_log_in_nor_use_the_cookie(
    client: TestClient, served: Served, headers: dict[str, str]
) -> None:
    assert enter(client, served.secrets["admin"], headers=headers).status_code == 403
    enter(client, served.secrets["admin"])
    body = {"name": "mallory", "scope": "admin"}
    assert client.post("/api/v1/tokens", json=body, headers=headers).status_code == 403
    mine = {"Origin": URL, "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/v1/tokens", json=body, headers=mine).status_code == 201


def test_a_form_of_another_site_cannot_send_what_the_api_takes(
    client: TestClient, served: Served
) -> None:
    enter(client, served.secrets["admin"])
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = client.post(
            "/api/v1/tokens",
            content=b'{"name": "mallory", "scope": "admin"}',
            headers={"Content-Type": kind},
        )
        assert answer.status_code == 415, kind


def test_a_browser_without_a_token_is_led_to_the_login_page(client: TestClient) -> None:
    answer = client.get("/api/v1/tasks", headers=HTML)
    assert answer.status_code == 401  # programs ask there
    page = client.get("/login", headers=HTML)
    assert page.status_code == 200
    assert "twoloops token add NAME --scope labeller" in page.text
    assert "what you may do" in page.text


def test_what_is_asked_for_is_escaped_in_pages(client: TestClient) -> None:
    answer = client.get("/<script>alert(1)</script>", headers=HTML)
    assert answer.status_code == 404
    assert "<script>alert" not in answer.text
    answer = client.post(
        "/login", data={"token": "x", "to": '"><script>alert(1)</script>'}, headers=HTML
    )
    assert "<script>alert" not in answer.text
    bad = client.post("/login", content=b"a=<script>alert(1)</script>", headers=HTML | {
        "Content-Type": "application/x-www-form-urlencoded"})  # fmt: skip
    assert bad.status_code == 400
    assert "<script>alert" not in bad.text


def test_logging_out_forgets_the_token(client: TestClient, served: Served) -> None:
    enter(client, served.secrets["reader"])
    answer = client.post("/logout", follow_redirects=False)
    assert answer.status_code == 303
    assert "max-age=0" in answer.headers["set-cookie"].lower()
