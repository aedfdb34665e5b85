"""What a client is set up with is checked before anything is sent, and a token is never shown."""

import pathlib

import pytest

from altar_grid import AltarClient, errors
from altar_grid.client import Connection


@pytest.mark.parametrize("endpoint", ["127.0.0.1:9090", "ftp://x:1", "http://", "::", "http://x:port", "http://x/path"])
def test_an_endpoint_without_scheme_or_host_is_refused(endpoint: str) -> None:
    with pytest.raises(errors.SettingError, match="give scheme, host and port"):
        AltarClient(endpoint)


def test_a_token_goes_unencrypted_to_this_machine_only() -> None:
    for near in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "https://far:1"]:
        Connection(near, token="secret")
    with pytest.raises(errors.SettingError, match="`far`") as caught:
        Connection("http://far:1", token="secret")
    assert "secret" not in str(caught.value)
    Connection("http://far:1")
    Connection("http://far:1", token="secret", allow_plaintext_token=True)


@pytest.mark.parametrize("token", ["", "  \n", "secret-one\nsecret-two", "Bearer secret", "s\u00e9cret"])
def test_a_token_that_is_none_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(errors.SettingError) as caught:
        Connection(token=token).metadata()
    assert "secret" not in str(caught.value)


def test_a_token_is_not_in_what_is_printed() -> None:
    assert "secret" not in repr(Connection(token="secret"))
    assert "secret" not in repr(AltarClient(token="secret"))


def test_a_token_may_come_from_a_file_or_a_function(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "token"
    path.write_text("abc.def.ghi\n")
    assert Connection(token_file=path).metadata() == (("authorization", "Bearer abc.def.ghi"),)
    assert Connection(token=lambda: "made").metadata() == (("authorization", "Bearer made"),)
    with pytest.raises(errors.SettingError, match="no/such/file"):
        Connection(token_file="no/such/file").metadata()

    def broken() -> str:
        raise OSError("secret")

    with pytest.raises(errors.SettingError, match="OSError") as caught:
        Connection(token=broken).metadata()
    assert "secret" not in str(caught.value)
    with pytest.raises(errors.SettingError, match="both"):
        Connection(token="a", token_file=path)


def test_a_socket_of_this_machine_is_an_endpoint_that_a_token_may_travel_to() -> None:
    for endpoint in ("unix:/run/grid.sock", "unix:///run/grid.sock"):
        assert Connection(endpoint=endpoint, token="secret")._checked() == ("unix", "unix:/run/grid.sock")
    for endpoint in ("unix:", "unix:grid.sock"):
        with pytest.raises(errors.SettingError):
            Connection(endpoint=endpoint)


def test_the_environment_says_where_nothing_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRID_ENDPOINT", "http://127.0.0.1:7")
    monkeypatch.setenv("GRID_TOKEN_FILE", "some.token")
    assert (Connection().endpoint, Connection().token_file) == ("http://127.0.0.1:7", "some.token")
    assert Connection(token="own").token_file is None
    monkeypatch.delenv("GRID_ENDPOINT")
    assert Connection(endpoint="").endpoint == "http://127.0.0.1:9090"
