"""apprise is loaded once, with the warnings of its 183 plugins let pass: they are no fault of ours."""

import warnings

import pytest

from watcher.delivery.channels import validate_url


@pytest.fixture(scope="session", autouse=True)
def _apprise() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert validate_url("json://localhost") is None
