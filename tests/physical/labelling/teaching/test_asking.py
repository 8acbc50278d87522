"""Asking against a real server on loopback that misbehaves as it is told."""

import io
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from openai_server import Server, serve
from PIL import Image
from teaching import NOW, TASK, means, place, questions, teacher, text_of, truth

from twoloops.physical.labelling.answers import answer
from twoloops.physical.labelling.teaching.asking import Told, ask
from twoloops.physical.labelling.teaching.choosing import choose, plan
from twoloops.physical.labelling.teaching.openai_chat import OpenAIChat
from twoloops.records.errors import UserError
from twoloops.records.label import Label, Question
from twoloops.records.money import Money
from twoloops.records.task import Costs, Task
from twoloops.records.teacher import Call, Teacher
from twoloops.store.workspace import Store


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(truth) as made:
        yield made


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.in_memory() as made:
        yield made


def run(
    store: Store, server: Server, asked: list[Question] | None = None, **more: object
) -> tuple[Told, list[float]]:
    waits: list[float] = []
    own = attached(store, server, **more)
    chosen = questions(store) if asked is None else asked
    with OpenAIChat(own, "sk-secret") as client:
        told = ask(store, TASK, own, chosen, means(client, waits))
    return told, waits


def attached(store: Store, server: Server, **more: object) -> Teacher:
    own = teacher(url=server.url, **more)
    store.teachers.attach(own, NOW)
    return own


def calls(store: Store) -> list[Call]:
    return store.calls.of_teacher("big")


def labels(store: Store) -> dict[int, str]:
    return {
        one.observation.counter: one.label
        for one in store.labels.of_task("orders")
        if one.labeller == "teacher:big"
    }


def right(*numbers: int) -> dict[int, str]:
    return {number: truth(text_of(number)) for number in numbers}


def test_labels_come_with_their_true_cost(store, server) -> None:
    told, _ = run(store, server)
    assert (told.answered, told.calls, told.failed, told.stopped) == (7, 3, 0, "")
    assert labels(store) == right(*range(1, 8))
    by_usage = [
        Decimal(call.usage.read * 2 + call.usage.written * 10) / 1_000_000 for call in calls(store)
    ]
    assert told.paid == told.held == Money(sum(by_usage))
    given = store.labels.of_task("orders")
    assert sum(one.cost.amount for one in given) == told.paid.amount
    (fact, *more) = store.journal.facts(kind="labels paid")
    assert fact.cost.amount + sum(one.cost.amount for one in more) == told.paid.amount
    assert store.journal.verify() == []


def test_what_is_sent_is_a_schema_with_the_labels_and_no_key_in_the_books(store, server) -> None:
    run(store, server, guide="a leak is any oil")
    body, headers = server.bodies[0], server.headers[0]
    schema = body["response_format"]["json_schema"]["schema"]
    assert schema["$defs"]["label"]["enum"] == ["broken", "leak", "ok", "cannot tell"]
    assert schema["properties"]["answers"]["required"] == ["1", "2", "3"]
    assert (body["model"], "a leak is any oil" in body["messages"][1]["content"]) == (
        "big-1",
        True,
    )
    assert 0 < body["max_tokens"] < 500
    assert headers["authorization"] == "Bearer sk-secret"
    keys = [one["idempotency-key"] for one in server.headers]
    assert len(set(keys)) == 3
    assert "sk-secret" not in "".join(str(one) for one in (*calls(store), *store.teachers.all()))


def test_a_full_house_waits_as_long_as_it_is_told(store, server) -> None:
    server.script = ["status 429 7", "status 503", "status 500"]
    told, waits = run(store, server)
    assert waits == [7.0, 2.0, 4.0]
    assert (told.answered, told.calls, told.failed) == (7, 6, 3)
    failed = [call for call in calls(store) if call.state == "failed"]
    assert {str(call.held) for call in failed} == {"0 USD"}
    assert len({one["idempotency-key"] for one in server.headers[:4]}) == 1


def test_what_stays_busy_ends_the_run_and_costs_nothing(store, server) -> None:
    server.script = ["status 500"] * 4
    told, waits = run(store, server)
    assert (told.answered, told.unasked, told.passing, waits) == (0, 7, True, [1.0, 2.0, 4.0])
    assert told.held == Money(Decimal(0))
    assert "answered 500" in told.stopped
    assert "after 4 tries" in told.stopped
    assert "sk-secret" not in told.stopped


def test_an_endpoint_that_asks_for_an_hour_is_left_alone(store, server) -> None:
    server.script = ["status 429 3600"]
    told, waits = run(store, server)
    assert (waits, told.calls, told.passing) == ([], 1, True)
    assert "it asks to wait 3600 s" in told.stopped


@pytest.mark.parametrize("status", ["401", "404", "307"])
def test_a_wrong_key_or_model_ends_the_run_at_once(store, server, status) -> None:
    server.script = [f"status {status}"]
    told, _ = run(store, server)
    assert (told.calls, told.answered, told.passing, told.held.amount) == (1, 0, False, 0)
    assert f"answered {status}" in told.stopped
    assert len(server.calls) == 1


def test_what_an_endpoint_turns_down_is_asked_alone_and_then_of_people(store, server) -> None:
    server.script = ["status 400", "answer", "answer", "status 400"]
    told, _ = run(store, server, questions(store, 5))
    assert (told.answered, told.failed, told.stopped) == (4, 2, "")
    assert [len(one) for one in server.calls] == [3, 2, 1, 1, 1]
    (why,) = told.people
    assert "answered 400" in why


def test_five_useless_calls_in_a_row_end_the_run(store, server) -> None:
    server.script = ["status 422"] * 9
    told, _ = run(store, server)
    assert told.calls == 5
    assert told.stopped.startswith("5 calls in a row told nothing")


def test_a_server_that_is_not_there_was_not_sent_anything(store, server) -> None:
    server.url = "http://127.0.0.1:9/v1"
    told, waits = run(store, server, tries=2)
    assert (told.calls, told.held.amount, told.passing, waits) == (2, 0, True, [1.0])
    assert "127.0.0.1 cannot be reached" in told.stopped
    assert {call.state for call in calls(store)} == {"failed"}


@pytest.mark.parametrize("how", ["hang", "drip 0.05", "reset", "cut", "status 504"])
def test_a_call_of_unknown_outcome_stays_held_and_is_not_sent_again(store, server, how) -> None:
    server.script = [how]
    told, _ = run(store, server, seconds=0.4)
    assert (told.answered, told.unknown) == (4, 3)
    (lost,) = [call for call in calls(store) if call.state == "unknown"]
    assert lost.held == lost.reserved
    assert lost.held.amount > 0
    assert told.held.amount == told.paid.amount + lost.held.amount
    assert max(server.asked.values()) == 1
    # A second run leaves its items to people, and a third asks them by hand.
    own = store.teachers.get("big").teacher
    assert choose(store, "orders", own, at=NOW).questions == ()
    by_hand = choose(store, "orders", own, at=NOW, again=True).questions
    assert [one.observation for one in by_hand] == list(lost.items)
    run(store, server, list(by_hand))
    assert labels(store) == right(*range(1, 8))
    sent = {
        one["idempotency-key"]
        for one, items in zip(server.headers, server.calls, strict=True)
        if set(items) == set(server.calls[0])
    }
    assert len(sent) == 1


def test_two_lost_calls_in_a_row_end_the_run(store, server) -> None:
    server.script = ["reset"] * 3
    told, _ = run(store, server)
    assert (told.calls, told.unknown, told.unasked, told.passing) == (2, 6, 1, True)


@pytest.mark.parametrize("how", ["malformed", "malformed []", "garbage", "malformed null"])
def test_an_answer_that_cannot_be_read_is_asked_for_alone(store, server, how) -> None:
    server.script = [how]
    told, _ = run(store, server)
    assert told.answered == 7
    assert [len(one) for one in server.calls] == [3, 3, 1, 1, 1, 1]
    bad = calls(store)[0]
    assert bad.state == "failed"
    if how == "garbage":  # nothing says what it cost: nothing is booked, and the most stays held
        assert (bad.paid.amount, bad.held) == (0, bad.reserved)
    else:  # its tokens were reported, so they are paid, in vain
        assert bad.paid == bad.held
        (fact,) = store.journal.facts(kind="teacher paid in vain")
        assert fact.cost == bad.paid


def test_what_stays_unreadable_goes_to_people(store, server) -> None:
    server.script = ["malformed"] * 4
    told, _ = run(store, server, questions(store, 3))
    assert (told.answered, told.calls) == (0, 4)
    (why,) = told.people
    assert why == "the teacher's answer could not be read, it was cut at the limit of tokens"
    own = store.teachers.get("big").teacher
    chosen = choose(store, "orders", own, at=NOW)
    assert (chosen.questions, chosen.left) == ((), {"it did not answer": 3})


def test_refusals_are_asked_alone_and_then_of_people_with_the_reason(store, server) -> None:
    server.script = ["refusal", "answer", "answer", "answer", "refusal  too sad"]
    told, _ = run(store, server)
    assert told.answered == 6
    assert told.people == {"the teacher refused: too sad": 1}


def test_answers_of_a_part_are_kept_and_the_others_asked_alone(store, server) -> None:
    server.script = ["partial 1"]
    told, _ = run(store, server, questions(store, 3))
    assert (told.answered, told.calls) == (3, 3)
    assert labels(store) == right(1, 2, 3)
    first = calls(store)[0]
    given = {one.observation.counter: one for one in store.labels.of_task("orders")}
    assert given[1].cost == first.paid
    assert [one.state for one in calls(store)] == ["answered"] * 3


def test_labels_that_the_task_does_not_have_go_to_people(store, server) -> None:
    server.script = ["wrong rusty", "wrong cannot tell"]
    told, _ = run(store, server)
    assert told.answered == 1
    assert told.people == {
        "the teacher said 'rusty', which is no label of the task": 3,
        "the teacher cannot tell": 3,
    }
    assert store.tasks.get("orders").labels == TASK.labels


def test_a_missing_usage_is_booked_at_the_most(store, server) -> None:
    server.script = ["no-usage"]
    told, _ = run(store, server, questions(store, 3))
    (call,) = calls(store)
    assert call.paid == call.held == call.reserved == told.paid
    assert call.usage is None


def test_an_endpoint_that_reports_more_than_can_be_is_asked_no_more(store, server) -> None:
    server.script = ["usage 900000"]
    told, _ = run(store, server)
    assert (told.calls, told.answered) == (1, 3)
    assert "could cost" in told.stopped
    assert "--picture-tokens" in told.stopped
    assert told.held == Money(Decimal("1.8"))


def test_answers_in_a_fence_are_read(store, server) -> None:
    server.script = ["fenced"]
    told, _ = run(store, server, questions(store, 3), answers="text")
    assert told.answered == 3
    assert "response_format" not in server.bodies[0]


def test_the_limit_ends_a_run_before_it_is_passed(store, server) -> None:
    most = plan(store, TASK, teacher(url=server.url), questions(store)).most.amount
    told, _ = run(store, server, limit=Money(most / 3))
    assert 0 < told.answered < 7
    assert "is left of the teacher's limit" in told.stopped
    assert told.held.amount <= most / 3


def test_a_smaller_call_is_tried_where_a_batch_may_cost_too_much(store, server) -> None:
    asked = questions(store, 3)
    own = attached(store, server, batch=3)
    one = plan(store, TASK, own, asked[:1]).most.amount
    three = plan(store, TASK, own, asked).most.amount
    with OpenAIChat(own) as client:
        told = ask(store, TASK, own, asked, means(client), money=Money((one + three) / 2))
    assert one < three
    assert [len(items) for items in server.calls][:1] != [3]
    assert told.answered >= 1


def test_another_currency_is_refused_before_anything_is_sent(store, server) -> None:
    own = attached(store, server)
    asked = questions(store)
    costs = Costs(label=Money(Decimal(1), "EUR"))
    euros = Task("orders", "text", TASK.labels, costs=costs)
    with (
        OpenAIChat(own) as client,
        pytest.raises(UserError, match="is paid in USD and task 'orders' counts in EUR"),
    ):
        ask(store, euros, own, asked, means(client))
    assert server.calls == []


def test_terms_that_turn_against_it_end_a_run_between_two_calls(store, server) -> None:
    own = attached(store, server)
    asked = questions(store)
    looks = iter([None, None, "the terms have changed"])

    def permitted() -> None:
        if why := next(looks):
            raise UserError(why)

    with OpenAIChat(own) as client:
        told = ask(store, TASK, own, asked, means(client, permitted=permitted))
    assert (told.calls, told.answered, told.stopped) == (1, 3, "the terms have changed")


def test_signals_are_not_shown_and_pictures_need_eyes(store, server) -> None:
    own = attached(store, server)
    signals = Task("fan", "signal", ("a", "b"), shape=(1, 4))
    with pytest.raises(UserError, match="decides on signals, which teachers are not shown"):
        plan(store, signals, own, [])
    with pytest.raises(UserError, match=r"reads texts only, .* attach one with  --sees vision"):
        plan(store, Task("strip", "image", ("a", "b")), own, [])


def test_people_keep_what_they_have_before_them_and_what_judges(store, server) -> None:
    own = attached(store, server)
    questions(store, 2, purpose="golden")
    questions(store, 2, purpose="selected", first=3)
    store.leases.hold("orders", "person:ada", place(3), NOW + timedelta(minutes=5))
    chosen = choose(store, "orders", own, at=NOW)
    assert [one.observation.counter for one in chosen.questions] == [4]
    assert chosen.left == {"asked of people: golden": 2, "a person has it before them now": 1}
    judged = choose(store, "orders", own, at=NOW, purposes=("selected", "golden"), limit=1)
    assert len(judged.questions) == 1
    assert judged.left == {"over the limit": 2, "a person has it before them now": 1}


def test_pictures_go_as_data_urls_and_what_is_none_goes_to_people(store) -> None:
    def picture(number: int) -> bytes:
        made = io.BytesIO()
        kind = "PNG" if number % 2 else "BMP"
        Image.new("RGB", (8, 8), (number * 20, 0, 0)).save(made, kind)
        return b"no picture at all" if number == 5 else made.getvalue()

    task = Task("strip", "image", ("dark", "red"))
    with serve(lambda url: "red" if len(url) > 100 else "dark") as server:
        own = attached(store, server, sees="vision", picture=700)
        asked = questions(store, 5, task=task, kind="image", data=picture)
        planned = plan(store, task, own, asked)
        with OpenAIChat(own) as client:
            told = ask(store, task, own, asked, means(client))
    assert told.answered == 4
    assert sum(told.people.values()) == 1
    assert "no picture that can be shown to a teacher" in next(iter(told.people))
    urls = server.calls[0]
    assert {url.partition(";")[0] for url in urls} == {"data:image/png"}
    assert planned.read > 3 * 700


def test_what_people_answer_during_a_run_is_not_paid_for(store, server) -> None:
    own = attached(store, server)
    asked = questions(store)
    free = Money(Decimal(0))

    def person(_: Call) -> None:
        labels = [Label(place(5), "ok", "person:ada", NOW, free)]
        answer(store, "orders", labels, at=NOW)
        store.leases.hold("orders", "person:ada", place(7), NOW + timedelta(minutes=5))

    with OpenAIChat(own) as client:
        told = ask(store, TASK, own, asked, means(client, heard=person))
    assert told.people == {"people took it up meanwhile": 2}
    assert [len(one) for one in server.calls] == [3, 2]
    assert told.answered == 5
