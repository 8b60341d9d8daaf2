"""Clients of the three kinds for the shared local cloud."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import quote

import alibabacloud_oss_v2 as oss_v2
import oss2
import pytest
import requests
from alibabacloud_oss_v2 import aio as oss_v2_aio


@pytest.fixture
def oss2_bucket(local_cloud: Any, request: pytest.FixtureRequest) -> Iterator[oss2.Bucket]:
    """An oss2 bucket; parametrize it indirectly with "V1", "V2" or "V4" (the default)."""
    bucket = make_oss2_bucket(local_cloud, getattr(request, "param", "V4"))
    yield bucket
    bucket.session.session.close()


@pytest.fixture
def oss2_bucket_for() -> Iterator[Callable[..., oss2.Bucket]]:
    """Make oss2 buckets of any local cloud: `oss2_bucket_for(cloud, "V1", name="other")`."""
    made: list[oss2.Bucket] = []

    def make(cloud: Any, version: str = "V4", **settings: Any) -> oss2.Bucket:
        made.append(make_oss2_bucket(cloud, version, **settings))
        return made[-1]

    yield make
    for bucket in made:
        bucket.session.session.close()


def make_oss2_bucket(
    cloud: Any,
    version: str,
    *,
    name: str | None = None,
    key_id: str | None = None,
    secret: str | None = None,
    region: str | None = None,
    token: str | None = None,
) -> oss2.Bucket:
    pair = (key_id or cloud.access_key_id, secret or cloud.access_key_secret)
    if token:
        auth = oss2.StsAuth(*pair, token, auth_version=version.lower())
    else:
        auth = {"V1": oss2.Auth, "V2": oss2.AuthV2, "V4": oss2.AuthV4}[version](*pair)
    return oss2.Bucket(auth, cloud.oss, name or cloud.bucket, region=region or cloud.region, session=oss2.Session())


def oss_v2_config(cloud: Any, version: str = "v4") -> oss_v2.config.Config:
    config = oss_v2.config.load_default()
    config.credentials_provider = oss_v2.credentials.StaticCredentialsProvider(
        cloud.access_key_id, cloud.access_key_secret
    )
    config.region = cloud.region
    config.endpoint = cloud.oss
    config.signature_version = version
    return config


@pytest.fixture(params=["v4", "v1"])
def oss_v2_client(local_cloud: Any, request: pytest.FixtureRequest) -> oss_v2.Client:
    """The synchronous client of alibabacloud-oss-v2, with both of its signature versions."""
    return oss_v2.Client(oss_v2_config(local_cloud, request.param))


@pytest.fixture
async def oss_v2_aio_client(local_cloud: Any) -> AsyncIterator[oss_v2_aio.AsyncClient]:
    """The asyncio client of alibabacloud-oss-v2."""
    client = oss_v2_aio.AsyncClient(oss_v2_config(local_cloud))
    yield client
    await client.close()


@pytest.fixture
def http() -> Iterator[requests.Session]:
    """Plain HTTP, nothing signed but what a test presigns."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def fresh(request: pytest.FixtureRequest) -> str:
    """A key prefix no other test uses."""
    return request.node.name.replace("[", "-").replace("]", "") + "/"


@pytest.fixture
def signed(local_cloud: Any, http: requests.Session) -> Callable[..., requests.Response]:
    """Send any request with oss2's V4 signature: `signed("PUT", "key", params=…, headers=…, data=…)`.

    `bucket=` names another bucket, `host=` another Host header, `cloud=` another cloud.
    """

    def send(
        method: str,
        key: str = "",
        *,
        bucket: str | None = None,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        data: Any = None,
        host: str | None = None,
        path: str | None = None,
        cloud: Any = local_cloud,
    ) -> requests.Response:
        name = bucket or cloud.bucket
        request = oss2.http.Request(
            method,
            f"{cloud.oss}/",
            data=data,
            params=params or {},
            headers=headers or {},
            region=cloud.region,
            product="oss",
        )
        oss2.AuthV4(cloud.access_key_id, cloud.access_key_secret)._sign_request(request, name, key)
        if host is not None:
            request.headers["host"] = host
        target = path or f"/{name}/{quote(key, '')}"
        query = "&".join(f"{quote(k, '')}={quote(v, '')}" for k, v in (params or {}).items())
        prepared = requests.Request(
            method, cloud.oss, headers={k: v for k, v in request.headers.items() if v}, data=request.data
        ).prepare()
        prepared.url = f"{cloud.oss}{target}" + (f"?{query}" if query else "")
        return http.send(prepared, timeout=30)

    return send
