"""Alerts to an address on the web."""

import asyncio
import hashlib
import hmac
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from pipeline.alerts.delivery import DeliveryError
from pipeline.alerts.settings import WebhookSettings, check_url, is_local
from pipeline.secret import read_secret

IDENTIFIER_HEADER: Final = "X-Breast-Imaging-Delivery"
# As GitHub signs its webhooks, so that receivers can check it already.
SIGNATURE_HEADER: Final = "X-Hub-Signature-256"
LONGEST_WAIT: Final = 60.0  # seconds between attempts, whatever the server asks for


class _TryAgainError(Exception):
    """Attributes: wait: seconds that the server asked for; None where it did not."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def post(settings: WebhookSettings, body: bytes, identifier: str) -> str:
    """Posts a JSON body, trying again as the settings say, and says what was answered.

    Args:
        identifier: the same for all attempts, so that a receiver can tell a repetition.

    Raises DeliveryError and SecretError, which name the host and never the address or a secret.
    """
    url = settings.url or _secret_url(settings.url_from)
    headers = _headers(settings, body, identifier)
    return asyncio.run(_post(settings, url, headers, body))


def sign(key: str, body: bytes) -> str:
    """HMAC-SHA256 of the body in hexadecimal digits, with its name before it."""
    return "sha256=" + hmac.new(key.encode("utf-8"), body, hashlib.sha256).hexdigest()


def _secret_url(reference: str) -> str:
    try:
        return check_url(read_secret(reference))
    except ValueError as error:
        raise DeliveryError(f"{reference}: {error}") from error


def _headers(settings: WebhookSettings, body: bytes, identifier: str) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "User-Agent": "breast-imaging", IDENTIFIER_HEADER: identifier}
    if settings.header_name:
        headers[settings.header_name] = read_secret(settings.header_value_from)
    if settings.signing_key_from:
        headers[SIGNATURE_HEADER] = sign(read_secret(settings.signing_key_from), body)
    return headers


async def _post(settings: WebhookSettings, url: str, headers: Mapping[str, str], body: bytes) -> str:
    # Without trust_env, which would add credentials from ~/.netrc; proxies are looked up here.
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=settings.timeout_seconds)) as session:
        for attempt in range(1, settings.attempts + 1):
            try:
                answer = await _attempt(session, url, headers, body)
            except _TryAgainError as failure:
                if attempt == settings.attempts:
                    raise DeliveryError(f"{failure}; tried {attempt} times") from failure
                await asyncio.sleep(_wait(settings, attempt, failure.wait))
            else:
                return answer if attempt == 1 else f"{answer} at attempt {attempt}"
    raise AssertionError("there is at least one attempt")


async def _attempt(session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], body: bytes) -> str:
    """One attempt; the body of the answer is not read. Raises _TryAgainError and DeliveryError."""
    host = urlsplit(url).hostname or ""
    try:
        async with session.post(
            url, data=body, headers=headers, allow_redirects=False, proxy=_proxy(url, host)
        ) as response:
            status, wait = response.status, response.headers.get("Retry-After", "")
    except TimeoutError as error:
        raise _TryAgainError(f"{host} did not answer in time") from error
    except aiohttp.InvalidURL as error:
        raise DeliveryError(f"the address at {host} is no URL") from error
    except (aiohttp.ClientError, OSError) as error:
        raise _TryAgainError(f"{host} cannot be reached ({type(error).__name__})") from error
    answered = f"{host} answered {status}"
    if status // 100 == 2:
        return answered
    if status == HTTPStatus.TOO_MANY_REQUESTS or status // 100 == 5:
        raise _TryAgainError(answered, float(wait) if wait.isdecimal() and wait.isascii() else None)
    if status // 100 == 3:
        raise DeliveryError(f"{answered}, a redirection, which is not followed")
    raise DeliveryError(answered)


def _wait(settings: WebhookSettings, attempt: int, asked: float | None) -> float:
    backoff = settings.backoff_seconds * 2 ** (attempt - 1)
    return min(LONGEST_WAIT, backoff if asked is None else max(backoff, asked))


def _proxy(url: str, host: str) -> str | None:
    """That of the environment; none for this machine, whose alerts go nowhere else."""
    if is_local(host) or proxy_bypass(host):
        return None
    return getproxies().get(urlsplit(url).scheme)
