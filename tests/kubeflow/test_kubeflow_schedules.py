"""A release of a schedule, cut off at every point: never are two active, and the same command finishes it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeflow.client.connection import Connection
from kubeflow.client.cron import check_cron
from kubeflow.client.errors import ConflictError, RefusedError, UnavailableError
from kubeflow.client.runs import UploadedPipeline, experiment_id
from kubeflow.client.schedules import Schedule, list_schedules, remove_schedule, replace_schedule
from schema.errors import ConfigurationError
from tests.kubeflow.mock_api import Handler, MockServer, does_and_drops, refuses

STEPS = ("POST .*/recurringruns$", ":disable", ":enable", "DELETE .*/recurringruns/")
CHANGES = "(POST|DELETE) .*/recurringruns"
SPEC = {"root": {"inputDefinitions": {"parameters": {"span": {"parameterType": "STRING"}}}}}


@pytest.fixture
def schedule(server: MockServer, connection: Connection) -> Schedule:
    server.pipelines["p"] = {"pipeline_id": "p", "display_name": "breast", "namespace": ""}
    for version in ("v1", "v2"):
        server.versions[version] = {"pipeline_id": "p", "pipeline_version_id": version, "pipeline_spec": SPEC}
    return Schedule(
        "nightly",
        "0 0 2 * * *",
        experiment_id(connection, "breast"),
        UploadedPipeline("p", "v1"),
        {"span": "[[ScheduledTime]]"},
    )


def released(schedule: Schedule) -> Schedule:
    return replace(schedule, pipeline=UploadedPipeline("p", "v2"))


def active_versions(server: MockServer) -> list[str]:
    return [each["pipeline_version_reference"]["pipeline_version_id"] for each in server.active()]


def test_what_is_asked_of_the_server(server: MockServer, connection: Connection, schedule: Schedule) -> None:
    replace_schedule(connection, schedule)
    body = server.requests("POST .*/recurringruns$")[0].body
    assert body == {
        "display_name": "nightly",
        "experiment_id": schedule.experiment_id,
        "pipeline_version_reference": {"pipeline_id": "p", "pipeline_version_id": "v1"},
        "runtime_config": {"parameters": {"span": "[[ScheduledTime]]"}},
        "max_concurrency": 1,
        "no_catchup": True,
        "mode": "DISABLE",
        "trigger": {"cron_schedule": {"cron": "0 0 2 * * *"}},
    }
    assert active_versions(server) == ["v1"]


def test_the_same_again_changes_nothing(server: MockServer, connection: Connection, schedule: Schedule) -> None:
    first = replace_schedule(connection, schedule).recurring_run_id
    server.calls.clear()
    assert replace_schedule(connection, schedule).recurring_run_id == first
    assert server.requests(CHANGES) == []


@pytest.mark.parametrize(
    "change",
    [
        {"cron": "0 0 3 * * *"},
        {"pipeline": UploadedPipeline("p", "v2")},
        {"arguments": {"span": "1"}},
    ],
)
def test_a_release_replaces_the_one_of_its_name(
    server: MockServer, connection: Connection, schedule: Schedule, change: dict[str, Any]
) -> None:
    replace_schedule(connection, replace(schedule, name="weekly"))
    replace_schedule(connection, schedule)
    new = replace(schedule, **change)
    server.active_counts.clear()
    replace_schedule(connection, new)
    assert len(server.recurring_runs) == 2, "the other schedule stays"
    assert new.fits(next(each for each in list_schedules(connection, "nightly")))
    assert max(server.active_counts) == 2, "with the other schedule, which is active all the time"


def kills(after: bool) -> Callable[[Handler, Callable[[], None]], None]:
    """A client that dies as it sends a request, before or after the server has done it: nothing follows."""

    def act(handler: Handler, work: Callable[[], None]) -> None:
        handler.mock.fail("", refuses(500), times=10**6)  # whatever it might still send is not heard
        if after:
            does_and_drops(handler, work)
        else:
            handler.drop()

    return act


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(4), ids=["create", "disable", "enable", "delete"])
def test_a_release_that_is_killed(
    server: MockServer, connection: Connection, schedule: Schedule, step: int, after: bool
) -> None:
    replace_schedule(connection, schedule)
    server.active_counts.clear()
    server.fail(STEPS[step], kills(after))
    with pytest.raises(UnavailableError):
        replace_schedule(connection, released(schedule))
    assert max(server.active_counts) == 1, "never two"
    left = active_versions(server)
    disabled_alone = (step, after) in {(1, True), (2, False)}
    assert left == ([] if disabled_alone else ["v1"] if step < 2 else ["v2"])

    server.faults.clear()
    server.calls.clear()
    replace_schedule(connection, released(schedule))
    assert active_versions(server) == ["v2"]
    assert len(server.recurring_runs) == 1, "nothing is left over"
    assert max(server.active_counts) == 1, "nor then"
    if disabled_alone:
        assert server.requests("POST .*/recurringruns$") == [], "one that is newer would not make up for lost times"


def test_a_leftover_beside_an_active_one_is_made_anew(
    server: MockServer, connection: Connection, schedule: Schedule
) -> None:
    """Enabled weeks later, it would run at once, for a time at which the active one has run."""
    replace_schedule(connection, schedule)
    server.fail(":disable", kills(after=False))
    with pytest.raises(UnavailableError):
        replace_schedule(connection, released(schedule))
    (leftover,) = (key for key, each in server.recurring_runs.items() if each["status"] == "DISABLED")
    server.faults.clear()
    assert replace_schedule(connection, released(schedule)).recurring_run_id != leftover
    assert leftover not in server.recurring_runs


@pytest.mark.parametrize("step", [":disable", ":enable"])
def test_a_refused_step_is_taken_back(
    server: MockServer, connection: Connection, schedule: Schedule, step: str
) -> None:
    replace_schedule(connection, schedule)
    server.active_counts.clear()
    server.fail(step, refuses(403))
    with pytest.raises(RefusedError):
        replace_schedule(connection, released(schedule))
    assert active_versions(server) == ["v1"]
    assert max(server.active_counts) == 1


def test_taking_back_does_not_add_to_what_somebody_else_has_enabled(
    server: MockServer, connection: Connection, schedule: Schedule
) -> None:
    """Their release deletes ours before it is enabled."""
    replace_schedule(connection, schedule)

    def rival(handler: Handler, work: Callable[[], None]) -> None:
        created = server.requests("POST .*/recurringruns$")[-1].body
        ours = max(server.recurring_runs)
        theirs = {**server.recurring_runs.pop(ours), "recurring_run_id": "theirs", "status": "ENABLED"}
        server.recurring_runs["theirs"] = {**created, **theirs}
        work()

    server.active_counts.clear()
    server.fail(":enable", rival)
    with pytest.raises(RefusedError, match="knows no such thing"):
        replace_schedule(connection, released(schedule))
    assert [each["recurring_run_id"] for each in server.active()] == ["theirs"]
    assert max(server.active_counts) == 1


def test_ctrl_c_is_taken_back(
    server: MockServer, connection: Connection, schedule: Schedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_schedule(connection, schedule)
    enable = connection.kfp.enable_recurring_run
    presses = iter([KeyboardInterrupt()])

    def interrupted(identifier: str) -> Any:
        if press := next(presses, None):
            raise press
        return enable(identifier)

    monkeypatch.setattr(connection.kfp, "enable_recurring_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        replace_schedule(connection, released(schedule))
    assert active_versions(server) == ["v1"]


def test_what_the_server_will_not_take_leaves_the_old_one_alone(
    server: MockServer, connection: Connection, schedule: Schedule
) -> None:
    replace_schedule(connection, schedule)
    server.active_counts.clear()
    with pytest.raises(RefusedError, match="parameter who is not in the pipeline"):
        replace_schedule(connection, replace(schedule, arguments={"who": "me"}))
    assert active_versions(server) == ["v1"]
    assert min(server.active_counts) == 1, "not for a moment"


@pytest.mark.parametrize("rival_is_newer", [False, True])
def test_of_two_releases_at_once_one_stays(
    server: MockServer, connection: Connection, schedule: Schedule, rival_is_newer: bool
) -> None:
    replace_schedule(connection, schedule)
    ours = released(schedule)
    theirs = replace(schedule, cron="0 0 4 * * *")

    def rival(handler: Handler, work: Callable[[], None]) -> None:
        """Somebody else's release is enabled in the same moment."""
        work()
        body = server.requests("POST .*/recurringruns$")[-1].body
        created_at = "2027-01-01T00:00:00Z" if rival_is_newer else "2025-01-01T00:00:00Z"
        server.recurring_runs["rival"] = {
            **body,
            "trigger": {"cron_schedule": {"cron": theirs.cron}},
            "recurring_run_id": "rival",
            "created_at": created_at,
            "status": "ENABLED",
            "_namespace": "",
        }

    server.fail(":enable", rival)
    if rival_is_newer:
        with pytest.raises(ConflictError, match="Someone else has replaced the schedule nightly"):
            replace_schedule(connection, ours)
        assert [each["recurring_run_id"] for each in server.active()] == ["rival"]
    else:
        replace_schedule(connection, ours)
        assert active_versions(server) == ["v2"]
        assert len(server.recurring_runs) == 1


def test_removal_is_of_one_name_and_all_of_it(server: MockServer, connection: Connection, schedule: Schedule) -> None:
    replace_schedule(connection, schedule)
    replace_schedule(connection, replace(schedule, name="weekly"))
    server.fail("DELETE", does_and_drops)
    assert remove_schedule(connection, "nightly") == 1
    assert [each["display_name"] for each in server.recurring_runs.values()] == ["weekly"]
    assert remove_schedule(connection, "nightly") == 0


def test_all_pages_are_looked_at(server: MockServer, connection: Connection, schedule: Schedule) -> None:
    server.page_size = 2
    for number in range(5):
        replace_schedule(connection, replace(schedule, name=f"s{number}"))
    assert {each.display_name for each in list_schedules(connection)} == {f"s{number}" for number in range(5)}


@pytest.mark.parametrize(
    "cron", ["0 0 2 * * *", "*/5 0-30/10 1,2 ? JAN-MAR MON", "0 0 0 29 2 *", "59 59 23 31 12 6", "0 0 0 31 2 1"]
)
def test_cron_expressions(cron: str) -> None:
    assert check_cron(f"  {cron.replace(' ', '   ')} ") == cron


def test_five_fields_are_told_what_to_write() -> None:
    with pytest.raises(ConfigurationError, match=r"has 5 fields; Kubeflow's have six, seconds first") as caught:
        check_cron("0 2 * * *")
    assert caught.value.fix == "write `0 0 2 * * *`"


@pytest.mark.parametrize(
    ("cron", "why"),
    [
        ("", "has 0 fields"),
        ("@daily", "has 1 fields"),
        ("60 0 0 * * *", "'60' is none for seconds"),
        ("0 0 24 * * *", "'24' is none for hours"),
        ("0 0 0 0 * *", "'0' is none for day of month"),
        ("0 0 0 * 13 *", "'13' is none for month"),
        ("0 0 0 * * 7", "'7' is none for day of week"),
        ("0 0 0 * * 5-1", "'5-1' is none for day of week"),
        ("0 */0 0 * * *", "'[*]/0' is none for minutes"),
        ("0 0 0 L * *", "'L' is none for day of month"),
        ("0 0 0 31 2,4 *", "names a day that no year has"),
    ],
)
def test_what_is_no_cron_expression(cron: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        check_cron(cron)


@given(st.text(alphabet="0123456789*/,-?JANMO @", max_size=30))
def test_any_text_is_an_expression_or_a_message(text: str) -> None:
    try:
        assert len(check_cron(text).split(" ")) == 6
    except ConfigurationError as error:
        assert error.what.startswith("--cron ")
