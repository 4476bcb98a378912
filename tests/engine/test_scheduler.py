"""The order of service, what is stopped for what, and that nothing waits for ever."""

from hypothesis import given
from hypothesis import strategies as st

from plt_engine.scheduler import MAX_PASSED_OVER, Scheduler, Ticket
from plt_engine.types import Priority

INTERACTIVE, SPECULATIVE, WARM_UP = Priority.INTERACTIVE, Priority.SPECULATIVE, Priority.WARM_UP
EXPLANATION = Priority.EXPLANATION


def ticket(name, session="a", priority=INTERACTIVE):
    return Ticket(name, ("w", session), priority)


def served(scheduler):
    order = []
    while (chosen := scheduler.next()) is not None:
        order.append(chosen.request_id)
        scheduler.finish()
    return order


def test_urgent_goes_first_and_equals_come_in_order():
    scheduler = Scheduler()
    for name, session, priority in [("1", "a", WARM_UP), ("2", "b", SPECULATIVE), ("3", "c", INTERACTIVE),
                                    ("4", "d", INTERACTIVE)]:  # fmt: skip
        scheduler.submit(ticket(name, session, priority))
    assert served(scheduler) == ["3", "4", "2", "1"]


def test_the_newest_request_of_a_session_stops_the_older_ones():
    scheduler = Scheduler()
    assert scheduler.submit(ticket("1")) == []
    assert scheduler.next().request_id == "1"
    assert scheduler.submit(ticket("2")) == ["1"]
    assert scheduler.submit(ticket("3")) == ["2", "1"]
    assert scheduler.submit(ticket("4", "b")) == []


def test_a_session_name_in_another_workspace_is_another_session():
    scheduler = Scheduler()
    scheduler.submit(Ticket("1", ("w", "a"), INTERACTIVE))
    assert scheduler.submit(Ticket("2", ("v", "a"), INTERACTIVE)) == []


def test_a_less_urgent_request_of_the_same_session_stops_nothing():
    scheduler = Scheduler()
    scheduler.submit(ticket("1"))
    scheduler.next()
    assert scheduler.submit(ticket("2", priority=WARM_UP)) == []


def test_a_more_urgent_request_stops_what_is_running():
    scheduler = Scheduler()
    scheduler.submit(ticket("1", "a", WARM_UP))
    scheduler.next()
    assert scheduler.submit(ticket("2", "b", SPECULATIVE)) == ["1"]
    scheduler.finish()
    scheduler.next()
    assert scheduler.submit(ticket("3", "c", INTERACTIVE)) == ["2"]


def test_a_request_is_passed_over_a_bounded_number_of_times():
    scheduler = Scheduler()
    scheduler.submit(ticket("old", "z", WARM_UP))
    for i in range(20):
        scheduler.submit(ticket(str(i), str(i)))
    assert served(scheduler).index("old") == MAX_PASSED_OVER


@given(st.lists(st.tuples(st.sampled_from(Priority), st.integers(0, 3), st.booleans()), max_size=40))
def test_everything_is_served_once_and_nothing_starves(events):
    scheduler, waiting, num_served = Scheduler(), {}, 0

    def serve():
        nonlocal num_served
        chosen = scheduler.next()
        if chosen is None:
            assert not waiting
            return
        scheduler.finish()
        num_served += 1
        # Ahead of it were at most those that came before it, and as many as may pass it, each time it was passed.
        since, ahead = waiting.pop(chosen.request_id)
        assert num_served - since <= ahead + MAX_PASSED_OVER + len(events) // 2 + 1

    for i, (priority, session, serves) in enumerate(events):
        waiting[str(i)] = (num_served, len(waiting))
        scheduler.submit(ticket(str(i), str(session), priority))
        if serves:
            serve()
    while waiting:
        serve()
    assert num_served == len(events)


def test_an_explanation_never_goes_before_a_completion_however_often_it_was_passed_over():
    scheduler = Scheduler()
    scheduler.submit(ticket("explained", "e", EXPLANATION))
    for i in range(MAX_PASSED_OVER + 3):
        scheduler.submit(ticket(str(i), f"s{i}"))
        assert scheduler.next().request_id == str(i)
        scheduler.finish()
    scheduler.submit(ticket("warm", "w", WARM_UP))
    assert served(scheduler) == ["explained", "warm"]


def test_a_completion_stops_an_explanation_that_is_running():
    scheduler = Scheduler()
    scheduler.submit(ticket("explained", "e", EXPLANATION))
    scheduler.next()
    assert scheduler.submit(ticket("read", "w", WARM_UP)) == []
    assert scheduler.submit(ticket("typed", "s", INTERACTIVE)) == ["explained"]
