"""How often one may ask."""

from hypothesis import given
from hypothesis import strategies as st
from serving_workspace import client_of, make_workspace

from twoloops.server.app import Options
from twoloops.server.rate import MOST, Rate


@given(
    st.floats(0.1, 100),
    st.integers(1, 20),
    st.lists(st.floats(0, 3), min_size=1, max_size=60),
)
def test_nobody_is_let_through_more_than_burst_and_rate_allow(rate, burst, gaps) -> None:
    at = 0.0
    bucket = Rate(rate, burst, lambda: at)
    passed = 0
    for gap in gaps:
        at += gap
        wait = bucket.take("a")
        passed += wait == 0.0
        assert passed <= burst + rate * at + 1e-6
        if wait:  # who waits as long as told is let through
            at += wait + 1e-9
            assert bucket.take("a") == 0.0
            passed += 1


def test_one_who_asks_too_often_stops_nobody_else() -> None:
    bucket = Rate(1, 1, lambda: 0.0)
    assert bucket.take("a") == 0.0
    assert bucket.take("a") > 0
    assert bucket.take("b") == 0.0


def test_memory_of_who_asked_is_bounded() -> None:
    bucket = Rate(1, 2, lambda: 0.0)
    for i in range(3 * MOST):
        bucket.take(str(i))
    assert len(bucket._left) <= MOST


def test_a_token_may_ask_so_often_and_is_told_when_to_ask_again(tmp_path) -> None:
    served = make_workspace(tmp_path)
    with client_of(served.folder, Options(rate=2)) as client:
        codes = [
            client.get("/api/v1/tasks", headers=served.bearer("reader")).status_code
            for _ in range(8)
        ]
        assert codes[:4] == [200] * 4
        assert 429 in codes
        refused = client.get("/api/v1/tasks", headers=served.bearer("reader"))
        while refused.status_code != 429:
            refused = client.get("/api/v1/tasks", headers=served.bearer("reader"))
        assert int(refused.headers["retry-after"]) >= 1
        assert "ask again" in refused.json()["detail"]
        others = client.get("/api/v1/tasks", headers=served.bearer("labeller"))
        assert others.status_code == 200


def test_guessing_tokens_ends_early_and_locks_nobody_out(tmp_path) -> None:
    served = make_workspace(tmp_path)
    with client_of(served.folder, Options(rate=0)) as client:
        guesses = [
            client.get("/api/v1/tasks", headers={"Authorization": f"Bearer 2l_{i}"}).status_code
            for i in range(15)
        ]
        assert guesses[:10] == [401] * 10
        assert set(guesses[11:]) == {429}
        login = client.post("/login", data={"token": "guess"}, follow_redirects=False)
        assert login.status_code == 429
        mine = client.get("/api/v1/tasks", headers=served.bearer("reader"))
        assert mine.status_code == 200
        good = client.post(
            "/login", data={"token": served.secrets["reader"]}, follow_redirects=False
        )
        assert good.status_code == 303


def test_people_label_faster_than_anybody_can(tmp_path) -> None:
    served = make_workspace(tmp_path)
    with client_of(served.folder) as client:
        codes = {
            client.get("/api/v1/tasks", headers=served.bearer("labeller")).status_code
            for _ in range(60)
        }
    assert codes == {200}
