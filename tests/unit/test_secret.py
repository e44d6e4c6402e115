"""Secrets: read where the configuration says that they are, and never shown."""

from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.secret import MOST_BYTES, SecretError, read_secret
from schema.errors import ConfigurationError


def test_secrets_are_read_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret\n")

    assert read_secret(f"file:{tmp_path / 'key'}") == "s3cret"
    assert read_secret("env:ALERT_KEY", {"ALERT_KEY": "other"}) == "other"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "there is no secret in the file"),
        (b"a\nb\n", "is not one line of text"),
        (b"\xff", "is not UTF-8 text"),
        (b"x" * (MOST_BYTES + 1), "is longer than 16,384 bytes"),
        (None, "cannot be read (No such file or directory)"),
    ],
)
def test_secrets_that_cannot_be_used(content: bytes | None, reason: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    with pytest.raises(SecretError) as caught:
        read_secret(f"file:{tmp_path / 'key'}")
    assert reason in str(caught.value)
    with pytest.raises(SecretError, match="no secret in the environment variable ALERT_KEY"):
        read_secret("env:ALERT_KEY", {})


def test_a_secret_in_place_of_a_reference_is_not_shown() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_config("synthetic", ["metadata.password_from=hunter2"])

    assert "metadata.password_from: String should match pattern" in str(caught.value)
    assert "hunter2" not in str(caught.value)
