"""The addresses of OSS and IMM and the credentials: one value, from which every client is built."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from oss_audio_core.oss.address import normalise_address
from oss_audio_core.oss.errors import OssConfigurationError
from oss_audio_core.oss.explain import explain
from oss_audio_core.oss.imm import ImmTasks
from oss_audio_core.oss.retry import retrying_adapter
from oss_audio_core.oss.sdk import AioClient, Oss2Bucket, Oss2Service, Oss2Session, load_aio, load_oss2

AIO_ATTEMPTS = 3
"""Attempts of each request of the asyncio client; it only reads, for a repeated submit would be paid twice."""

POOL_SIZE = 64
"""Connections that one oss2 session keeps: an upper bound of the threads that share it."""


@dataclass(frozen=True)
class OssSettings:
    """The connection to OSS and IMM of one account in one region.

    Attributes:
        endpoint: address of OSS, e.g. `https://oss-cn-hangzhou.aliyuncs.com`; https when it names no scheme; empty
            means the public endpoint of the region.
        region: region id without the prefix `oss-`, e.g. `cn-hangzhou`; part of every V4 signature.
        access_key_id: of the RAM user or of the STS credentials.
        access_key_secret: what requests are signed with.
        security_token: of STS credentials; None with others.
        path_style: buckets go into the path instead of the host name (always so for an IP address).
        custom_domain: the address that browsers see (`browser_endpoint` if given, else `endpoint`) is a custom domain
            bound to one bucket (CNAME), so it names no bucket at all. An internal endpoint never is one.
        internal_endpoint: address for workers and triggers inside the same region, e.g.
            `https://oss-cn-hangzhou-internal.aliyuncs.com`; `endpoint` when None.
        browser_endpoint: address that presigned links use; `endpoint` when None.
        imm_endpoint: address of IMM; `https://imm.<region>.aliyuncs.com` when None.
        imm_project: the IMM project of all buckets; when None, IMM is asked for each bucket.
        connect_timeout: seconds.
        read_timeout: seconds.
        name: what messages call this connection, e.g. "connection 'oss_default'".
    """

    endpoint: str
    region: str
    access_key_id: str = field(repr=False)
    access_key_secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)
    path_style: bool = False
    custom_domain: bool = False
    internal_endpoint: str | None = None
    browser_endpoint: str | None = None
    imm_endpoint: str | None = None
    imm_project: str | None = None
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    name: str = "the OSS connection"

    def __post_init__(self) -> None:
        """Normalise the addresses; refuse what no client could use.

        Raises:
            OssConfigurationError: a setting is missing or wrong.
        """
        for setting in ("region", "access_key_id", "access_key_secret"):
            value = getattr(self, setting)
            if not value or value != value.strip():
                trouble = "is missing" if not value else "starts or ends with white space"
                raise OssConfigurationError(f"{self.name}: '{setting}' {trouble}; set it and try again.")
        if self.region.startswith("oss-"):
            raise OssConfigurationError(
                f"{self.name}: 'region' is {self.region!r}; write the region id without the prefix 'oss-': "
                f"{self.region.removeprefix('oss-')!r}."
            )
        for setting in ("connect_timeout", "read_timeout"):
            if not getattr(self, setting) > 0:
                raise OssConfigurationError(f"{self.name}: '{setting}' must be more than 0 seconds.")
        endpoint = self.endpoint or f"oss-{self.region}.aliyuncs.com"
        object.__setattr__(self, "endpoint", _address(endpoint, "endpoint", self.name))
        for setting in ("internal_endpoint", "browser_endpoint", "imm_endpoint"):
            given = getattr(self, setting)
            object.__setattr__(self, setting, _address(given, setting, self.name) if given else None)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that no message may show."""
        return tuple(s for s in (self.access_key_id, self.access_key_secret, self.security_token) if s)

    @property
    def worker_endpoint(self) -> str:
        """The address for workers and triggers: the internal one when there is one."""
        return self.internal_endpoint or self.endpoint

    @property
    def worker_uses_custom_domain(self) -> bool:
        """Whether workers speak to a custom domain (then the host name already stands for the bucket)."""
        return self.custom_domain and self.internal_endpoint is None and self.browser_endpoint is None

    @property
    def imm_address(self) -> str:
        """The address of IMM, with scheme."""
        return self.imm_endpoint or f"https://imm.{self.region}.aliyuncs.com"

    def session(self, pool_size: int = POOL_SIZE, *, retry: bool = True) -> Oss2Session:
        """Return a connection pool that several buckets and threads may share (oss2's own keeps 10).

        Args:
            pool_size: connections that it keeps.
            retry: whether requests are retried that may be made twice (`oss_audio_core.oss.retry`); not for submits.
        """
        sdk = load_oss2()
        session = sdk.Session(adapter=retrying_adapter(pool_size)) if retry else sdk.Session(pool_size=pool_size)
        # Without an answer of our own, requests looks for a .netrc at every request, and lets it replace the signature.
        session.session.auth = _as_signed
        return session

    def bucket(self, name: str, *, session: Oss2Session | None = None) -> Oss2Bucket:
        """Return an oss2 client of one bucket for workers (V4 signatures).

        `session` lets clients share connections; without it each client opens its own, with retries.
        """
        return self._bucket(name, self.worker_endpoint, self.worker_uses_custom_domain, session)

    def service(self) -> Oss2Service:
        """Return an oss2 client of the account (list of buckets). A custom domain can't serve it."""
        if self.worker_uses_custom_domain:
            raise OssConfigurationError(
                f"{self.name}: 'endpoint' is a custom domain of one bucket and can't list buckets; set "
                "'internal_endpoint', or make 'endpoint' the region's and the domain 'browser_endpoint'."
            )
        return load_oss2().Service(
            self._auth(),
            self.worker_endpoint,
            connect_timeout=(self.connect_timeout, self.read_timeout),
            region=self.region,
            is_path_style=self.path_style,
        )

    def presign_get(self, bucket: str, key: str, expires_seconds: int) -> str:
        """Return an address at the browser endpoint that needs no credentials for a GET within `expires_seconds`.

        V4, so 7 days (604,800 s) at most. With STS credentials the address carries the token and ends with it
        at the latest. No request is made.
        """
        endpoint = self.browser_endpoint or self.endpoint
        client = self._bucket(bucket, endpoint, self.custom_domain, None)
        return str(client.sign_url("GET", key, expires_seconds, slash_safe=True))

    def aio_client(self) -> AioClient:
        """Return an asyncio client (V4, at most three attempts a request); the caller closes it.

        Importing the SDK takes about a second: on an event loop use `open_aio_client`.
        """
        sdk = load_aio()
        config = sdk.config.load_default()
        config.region = self.region
        config.endpoint = self.worker_endpoint
        config.credentials_provider = sdk.credentials.StaticCredentialsProvider(
            self.access_key_id, self.access_key_secret, self.security_token
        )
        config.use_path_style = self.path_style and not self.worker_uses_custom_domain
        config.use_cname = self.worker_uses_custom_domain
        config.connect_timeout = self.connect_timeout
        config.readwrite_timeout = self.read_timeout
        config.retryer = sdk.retry.StandardRetryer(max_attempts=AIO_ATTEMPTS, max_backoff=5.0)
        return sdk.aio.AsyncClient(config)

    @asynccontextmanager
    async def open_aio_client(self) -> AsyncIterator[AioClient]:
        """Yield an asyncio client, built in a thread so that the event loop never waits for an import."""
        client = await asyncio.to_thread(self.aio_client)
        try:
            yield client
        finally:
            await client.close()

    def imm(self) -> ImmTasks:
        """Return the IMM task client (synchronous; threads may share it)."""
        return ImmTasks(self)

    def explain(self, exception: BaseException, what: str) -> str:
        """`explain` with this place's name and with its credentials hidden."""
        return explain(exception, what, connection=self.name, secrets=self.secrets)

    def _auth(self) -> Any:
        sdk = load_oss2()
        # Not oss2.StsAuth: it is the same provider behind a switch whose default is signature V1.
        provider = sdk.credentials.StaticCredentialsProvider(
            self.access_key_id, self.access_key_secret, self.security_token or ""
        )
        return sdk.ProviderAuthV4(provider)

    def _bucket(self, name: str, endpoint: str, is_custom_domain: bool, session: Oss2Session | None) -> Oss2Bucket:
        sdk = load_oss2()
        try:
            return sdk.Bucket(
                self._auth(),
                endpoint,
                name,
                is_cname=is_custom_domain,
                session=session or self.session(),
                # oss2 hands this value to requests, which takes a pair: connect, read.
                connect_timeout=(self.connect_timeout, self.read_timeout),
                region=self.region,
                is_path_style=self.path_style and not is_custom_domain,
            )
        except sdk.exceptions.ClientError:
            raise OssConfigurationError(
                f"{name!r} is no valid bucket name: 3 to 63 lower-case letters, digits and hyphens, "
                "beginning and ending with a letter or digit."
            ) from None


def _address(value: str, setting: str, name: str) -> str:
    address = normalise_address(value)
    if address is None:
        # The value isn't shown: people paste addresses with credentials in them.
        raise OssConfigurationError(
            f"{name}: '{setting}' isn't an address; write it like https://oss-cn-hangzhou.aliyuncs.com, "
            "without path, query or credentials."
        )
    return address


def _as_signed(request: Any) -> Any:
    return request
