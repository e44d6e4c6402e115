"""Puts a question to a server and waits for the answer: the one place where something is sent."""

import time
from typing import TypeVar

import grpc
import grpc.aio

from serving.client.failures import to_error
from serving.client.questions import Question
from serving.client.settings import Asked

T = TypeVar("T")


def ask(channel: grpc.Channel, question: Question[T], asked: Asked, deadline: float) -> T:
    """Args:
    deadline: seconds.

    Raises ClientError where there is no usable answer.
    """
    started = time.perf_counter()
    try:
        response = question.method.of(channel)(question.request, timeout=deadline)
    except grpc.RpcError as error:
        raise to_error(error, asked) from error
    return question.read(response, time.perf_counter() - started)


async def ask_async(channel: grpc.aio.Channel, question: Question[T], asked: Asked, deadline: float) -> T:
    """As `ask`."""
    started = time.perf_counter()
    try:
        response = await question.method.of(channel)(question.request, timeout=deadline)
    except grpc.RpcError as error:
        raise to_error(error, asked) from error
    return question.read(response, time.perf_counter() - started)
