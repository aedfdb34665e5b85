"""How a client or a runtime reaches its host: address, certificates, token, limits. Refuses to show a token in the
clear to another machine."""

from __future__ import annotations

import ipaddress
import os
import pathlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import grpc
import grpc.aio

from altar_grid.errors import SettingError

DEFAULT_ENDPOINT = "http://127.0.0.1:9090"
#: The largest message in bytes, both ways, where nothing else is set.
MESSAGE_LIMIT = 4 << 20

Path: TypeAlias = "str | os.PathLike[str]"
Token: TypeAlias = "str | Callable[[], str]"  # noqa: S105 - a type
Metadata: TypeAlias = "tuple[tuple[str, str], ...]"


@dataclass(frozen=True)
class Connection:
    """Where the host is and how to prove who is asking.

    Attributes:
        endpoint: `http://host:port`, `https://host:port` or `unix:/path`; what GRID_ENDPOINT says, else
            `http://127.0.0.1:9090`.
        token: The bearer token, a bare JWT, or a function that gives the present one without waiting for anything: it
            is called on the event loop. It is never shown.
        token_file: A file that holds one line with a JWT; what GRID_TOKEN_FILE says where neither is given. It is read
            at each connection and again after a refused credential, so that the token may be rotated.
        authority_file: PEM file of the authorities that vouch for an `https` host; the built-in ones otherwise.
        client_certificate: PEM files of a certificate and its key, by which an `https` host knows this peer.
        server_name: The name that the host's certificate must have, where it is not that of the endpoint.
        allow_plaintext_token: Lets the token travel unencrypted to another machine, for networks that encrypt.
        message_limit: The largest message in bytes, both ways.

    Raises:
        SettingError: The endpoint is none, or the token would travel unencrypted.
    """

    endpoint: str = ""
    token: Token | None = field(default=None, repr=False)
    token_file: Path | None = None
    authority_file: Path | None = None
    client_certificate: tuple[Path, Path] | None = None
    server_name: str | None = None
    allow_plaintext_token: bool = False
    message_limit: int = MESSAGE_LIMIT

    def __post_init__(self) -> None:
        endpoint = self.endpoint or os.environ.get("GRID_ENDPOINT") or DEFAULT_ENDPOINT
        object.__setattr__(self, "endpoint", endpoint)
        if self.token is None and self.token_file is None and os.environ.get("GRID_TOKEN_FILE"):
            object.__setattr__(self, "token_file", os.environ["GRID_TOKEN_FILE"])
        if self.token is not None and self.token_file is not None:
            raise SettingError("both `token` and `token_file` are given; give one of them")
        self._checked()

    def _checked(self) -> tuple[str, str]:
        """Scheme and target."""
        if self.endpoint.startswith("unix:/"):
            # A token may travel there: only processes of this machine see it.
            return "unix", "unix:" + self.endpoint.removeprefix("unix:").removeprefix("//")
        try:
            parts = urlsplit(self.endpoint)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not host or parts.path not in ("", "/") or parts.username:
            raise SettingError(
                f"the endpoint `{self.endpoint}` is not an address such as `{DEFAULT_ENDPOINT}`; "
                "give scheme, host and port"
            )
        has_token = self.token is not None or self.token_file is not None
        if parts.scheme == "http" and has_token and not self.allow_plaintext_token and not loopback(host):
            raise SettingError(
                f"the token would travel unencrypted to `{host}`; use https, or allow it with `allow_plaintext_token`"
            )
        shown = f"[{host}]" if ":" in host else host
        return parts.scheme, f"{shown}:{port or (443 if parts.scheme == 'https' else 80)}"

    def channel(self) -> grpc.aio.Channel:
        """A channel of its own; it connects when it is used.

        Raises:
            SettingError: A certificate cannot be read.
        """
        scheme, target = self._checked()
        options: list[tuple[str, Any]] = [
            ("grpc.max_receive_message_length", self.message_limit),
            ("grpc.max_send_message_length", self.message_limit),
            ("grpc.keepalive_time_ms", 30_000),
            ("grpc.keepalive_timeout_ms", 5_000),
            # Repeats are this package's business: it knows which requests may be sent twice.
            ("grpc.enable_retries", 0),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 5_000),
            ("grpc.max_reconnect_backoff_ms", 5_000),
            ("grpc.use_local_subchannel_pool", 1),
        ]
        if scheme == "unix" or loopback(urlsplit(self.endpoint).hostname or ""):
            options.append(("grpc.enable_http_proxy", 0))
        if self.server_name is not None:
            options.append(("grpc.ssl_target_name_override", self.server_name))
        if scheme in ("http", "unix"):
            return grpc.aio.insecure_channel(target, options=options)
        certificate, key = self.client_certificate or (None, None)
        credentials = grpc.ssl_channel_credentials(pem(self.authority_file), pem(key), pem(certificate))
        return grpc.aio.secure_channel(target, credentials, options=options)

    def metadata(self) -> Metadata:
        """What goes with each request.

        Raises:
            SettingError: The token cannot be read or is none.
        """
        token = self._token()
        return () if token is None else (("authorization", f"Bearer {token}"),)

    def _token(self) -> str | None:
        if self.token_file is not None:
            place = f"the token file `{os.fspath(self.token_file)}`"
            try:
                text = pathlib.Path(self.token_file).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as fault:
                reason = fault.strerror if isinstance(fault, OSError) else "it is no text"
                raise SettingError(f"{place} cannot be read ({reason}); check its path and permissions") from None
        elif self.token is None:
            return None
        else:
            place = "the token"
            text = self._made(self.token) if callable(self.token) else self.token
        bare = text.strip()
        if not bare or not all("!" <= sign <= "~" for sign in bare):
            raise SettingError(f"{place} does not hold one line with a token; put the bare JWT there")
        return bare

    @staticmethod
    def _made(make: Callable[[], str]) -> str:
        try:
            return make()
        except Exception as fault:
            raise SettingError(f"the function for the token failed with {type(fault).__name__}; mend it") from fault


def loopback(host: str) -> bool:
    """Whether a host's name means this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def pem(path: Path | None) -> bytes | None:
    """What a PEM file holds."""
    if path is None:
        return None
    try:
        return pathlib.Path(path).read_bytes()
    except OSError as fault:
        raise SettingError(
            f"the file `{os.fspath(path)}` cannot be read ({fault.strerror}); check its path and permissions"
        ) from None


__all__: Sequence[str] = ("DEFAULT_ENDPOINT", "MESSAGE_LIMIT", "Connection", "Metadata", "Path", "Token")
