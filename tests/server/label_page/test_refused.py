"""What cannot be taken in is said and never dropped; who is not let in comes back to their item."""

import json
from datetime import UTC, datetime
from typing import Any

from acting import current, given, press, sent, waiting
from browser import log_in
from msgspec.structs import replace
from served import Served

from twoloops.edge.spoolrows import Spooled
from twoloops.physical.ingest import ingest
from twoloops.physical.labelling.questions import ask
from twoloops.records.digests import digest_bytes
from twoloops.records.label import Question
from twoloops.records.observation import Place


def test_a_refused_answer_is_shown_with_its_reason_and_its_item_comes_back(
    enter: Any, asks: Any, served: Served
) -> None:
    task = asks(3)
    page = enter(task)
    refused = {"status": 422, "detail": "the ink is green"}
    body = json.dumps(refused)
    page.route("**/label/answer", lambda route: route.fulfill(status=422, body=body), times=1)
    place = current(page)
    page.keyboard.press("2")
    notice = page.wait_for_selector(".notice.refused")
    assert "“leak” was not taken in: the ink is green" in notice.inner_text()
    assert current(page) == place
    assert given(served, task) == {}
    page.reload()
    page.wait_for_selector(".notice.refused >> text=the ink is green")
    page.click(".notice.refused button")
    assert page.locator(".notice.refused").count() == 0
    assert press(page, "1") == place
    sent(page)
    assert given(served, task)[place] == ("crack", "person:ann")


def test_an_answer_that_contradicts_one_given_elsewhere_is_said(
    enter: Any, asks: Any, served: Served
) -> None:
    task = asks(3)
    page = enter(task)
    place = current(page)
    body = {"observation": place, "label": "ok"}
    path = f"/api/v1/tasks/{task}/label/answer"
    assert page.request.post(served.url + path, data=body).ok
    press(page, "1")
    notice = page.wait_for_selector(".notice.refused")
    assert "already" in notice.inner_text() or "ok" in notice.inner_text()
    assert given(served, task) == {place: ("ok", "person:ann")}
    page.wait_for_function(
        "place => document.getElementById('stage').dataset.observation !== place", arg=place
    )


def test_a_revoked_token_keeps_the_answers_until_the_labeller_is_back(
    enter: Any, asks: Any, served: Served
) -> None:
    task = asks(4)
    page = enter(task, "eve")
    current(page)
    with served.store() as store:
        token = next(one for one in store.tokens.all()[::-1] if one.name == "eve")
        store.tokens.revoke(token.id, datetime.now(UTC))
    place = press(page, "2")
    page.wait_for_selector("#state >> text=1 answer waits here")
    page.click("#state a")
    page.wait_for_url("**/login")
    assert page.input_value("[name=to]") == f"/label/{task}"
    page.fill("#token", served.token("eve"))
    page.click("form button")
    sent(page)
    assert given(served, task) == {place: ("leak", "person:eve")}


def test_answers_of_one_labeller_are_never_sent_as_anothers(
    enter: Any, asks: Any, served: Served
) -> None:
    task = asks(9)
    page = enter(task, "kim")
    page.wait_for_selector("#stage[data-ahead='4']")
    page.route("**/label/*", lambda route: route.abort())
    kims = press(page, "2")
    page.wait_for_selector("#state >> text=1 answer waits here")
    other = page.context.new_page()  # the same browser, in which somebody else logs in meanwhile
    log_in(other, served.url, served.token("lou"), f"/label/{task}")
    lous = press(other, "1")
    page.unroute("**/label/*")
    page.wait_for_selector("#state >> text=this page labels as kim")
    assert waiting(page) == 1
    assert kims not in given(served, task)
    assert given(served, task)[lous] == ("crack", "person:lou")


def test_a_page_without_a_token_leads_to_the_login_and_back(browser: Any, served: Served) -> None:
    context = browser.new_context()
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{served.url}/label/first")
    page.wait_for_function("location.pathname === '/login' && location.hash === ''")
    assert page.input_value("[name=to]") == "/label/first"
    secret = served.token("ann")
    page.goto(f"{served.url}/login#token={secret}&to=/label/first")
    # A link alone logs nobody in: it fills the token in, and says so.
    page.wait_for_selector("text=The link you followed has filled the token in.")
    assert page.evaluate("[location.pathname, location.hash]") == ["/login", ""]
    assert page.input_value("[name=token]") == secret
    assert page.context.cookies() == []
    page.keyboard.press("Enter")  # the button has the focus
    page.wait_for_url(f"{served.url}/label/first")
    assert page.evaluate("location.hash") == ""
    page.wait_for_selector("#stage .rest")
    assert [url for url in asked if secret in url.partition("#")[0]] == []
    context.close()


def test_what_somebody_leaves_is_anothers_at_once_and_a_new_question_wakes_the_page(
    enter: Any, asks: Any, served: Served
) -> None:
    task = asks(2)
    ann = enter(task, "ann")
    first = current(ann)
    ann.wait_for_selector("#stage[data-ahead='2']")
    bob = enter(task, "bob")
    bob.wait_for_selector("text=others have 2 before them")
    ann.goto("about:blank")
    assert current(bob) == first
    press(bob, "1")
    press(bob, "1")
    sent(bob)
    bob.wait_for_selector("text=Every question is answered")
    place, data = Place(task, "e2", 1), b"a late order"  # as when candidates are to be verified
    with served.store() as store, store.transaction():
        old = store.observations.of_task(task)[0]
        late = replace(old, place=place, input=digest_bytes(data))
        ingest(store, [Spooled(late, data)])
        ask(store, task, [Question(place, 1, "verify", 0.5, 0)])
    assert current(bob) == str(place)
