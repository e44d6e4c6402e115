"""What a failure of any kind is turned into for people."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import apache_beam as beam
import pytest
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions
from ml_metadata.errors import InternalError

from pipeline.beam_runners import beam_arguments
from pipeline.beam_settings import LocalBeam
from pipeline.failures import explain
from schema.errors import BreastImagingError, DataRejectedError, ModelNotBlessedError

DISK_FULL = "The disk is full; nothing was published and what was published before is untouched."
NO_MEMORY = "There is not enough memory."


def _catch(action: Callable[[], object]) -> BaseException:
    with pytest.raises(BaseException) as caught:
        action()
    return caught.value


@contextmanager
def _raising(outer: BaseException) -> Iterator[None]:
    try:
        yield
    except BaseException as inner:
        raise outer from inner


def test_an_error_of_ours_is_taken_as_it_is() -> None:
    error = DataRejectedError("what", fix="fix")

    assert explain(error) is error


def test_an_error_of_ours_is_found_among_the_causes() -> None:
    error = DataRejectedError("what", fix="fix")

    def nested() -> None:
        with _raising(RuntimeError("outer")), _raising(ValueError("middle")):
            raise error

    assert explain(_catch(nested)) is error


def test_an_error_of_ours_is_found_where_another_one_arose_while_it_was_handled() -> None:
    error = ModelNotBlessedError("what", fix="fix")

    def while_handling() -> None:
        try:
            raise error
        except ModelNotBlessedError:
            _ = {}["gone"]

    assert explain(_catch(while_handling)) is error


def test_of_two_errors_of_ours_the_outer_one_is_shown() -> None:
    inner, outer = DataRejectedError("inner", fix=""), ModelNotBlessedError("outer", fix="")

    def nested() -> None:
        with _raising(outer):
            raise inner

    assert explain(_catch(nested)) is outer


def test_causes_in_a_circle_come_to_an_end() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first

    assert explain(first).what == "ValueError: first"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "/data/x"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        tf.errors.ResourceExhaustedError(None, None, "/out/x.tfrecord; No space left on device"),
        RuntimeError("(sqlite) database or disk is full"),
    ],
)
def test_a_full_disk_is_named_wherever_it_is_met(error: Exception) -> None:
    def nested() -> None:
        with _raising(RuntimeError("a component failed")):
            raise error

    for failure in (error, _catch(nested)):
        assert explain(failure).what == DISK_FULL
        assert explain(failure).exit_code == 1


def test_another_error_of_the_system_is_no_full_disk() -> None:
    assert explain(PermissionError(errno.EACCES, "Permission denied")).what == (
        "PermissionError: [Errno 13] Permission denied"
    )


@pytest.mark.parametrize(
    "error",
    [
        # Of TFX, which tries to connect, and of ML Metadata, whose connection broke.
        RuntimeError("Failed to establish connection to Metadata storage with error: mysql_real_connect failed"),
        InternalError("mysql_query failed: errno: Lost connection to MySQL server during query, error: Lost"),
    ],
)
def test_a_metadata_server_that_is_gone_is_named(error: Exception) -> None:
    explained = explain(error)
    assert explained.what == "The metadata server is gone, or fails; what was published before is untouched."
    assert explained.fix.endswith("run again: finished components are not repeated")
    assert explained.exit_code == 1


def test_exhausted_memory_is_named_with_what_to_lower() -> None:
    def nested() -> None:
        with _raising(RuntimeError("a component failed")):
            raise MemoryError

    for failure in (MemoryError(), _catch(nested)):
        explained = explain(failure)
        assert explained.what == NO_MEMORY
        assert explained.fix == "lower train.batch_size, model.image_size or beam.workers"


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (ValueError("first line\nsecond line"), "ValueError: first line"),
        (ValueError("\n\n  first\nsecond"), "ValueError: first"),
        (KeyError("key"), "KeyError: 'key'"),
        (ValueError(), "ValueError: no further message"),
        (
            RuntimeError("Traceback (most recent call last):\n  File ...\nKeyError: 'x'\n"),
            "RuntimeError: KeyError: 'x'",
        ),
    ],
)
def test_anything_else_is_named_by_type_and_first_line(error: Exception, what: str) -> None:
    explained = explain(error)

    assert type(explained) is BreastImagingError
    assert explained.what == what
    assert explained.exit_code == 1
    assert "--debug" in explained.fix


class _Raise(beam.DoFn):
    def __init__(self, error: Exception) -> None:
        self._error = error

    def process(self, element: int) -> Iterator[None]:
        raise self._error
        yield


def _run_on_beam(error: Exception, workers: int) -> BaseException:
    def run() -> None:
        options = PipelineOptions(beam_arguments(LocalBeam(workers=workers)))
        with beam.Pipeline(options=options) as pipeline:
            _ = pipeline | beam.Create([1, 2, 3]) | beam.Reshuffle() | "Look [at] it" >> beam.ParDo(_Raise(error))

    return _catch(run)


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), DISK_FULL),
        (MemoryError(), NO_MEMORY),
        (RuntimeError("OOM when allocating tensor with shape[64,222,222,32]"), NO_MEMORY),
        (ValueError("odd"), "RuntimeError: ValueError: odd [while running 'Look [at] it']"),
    ],
)
def test_errors_of_a_beam_worker_are_told_apart(error: Exception, what: str) -> None:
    assert explain(_run_on_beam(error, workers=2)).what == what
