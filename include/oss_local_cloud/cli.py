"""The command: `oss-audio local-cloud serve`. Every flag is also an environment variable."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import logging
import os
import resource
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from oss_local_cloud.config import Config, ConfigError
from oss_local_cloud.events.event_rules import EventRule, EventRuleError, parse_rule
from oss_local_cloud.signatures.credentials import Credentials

PREFIX = "LOCAL_CLOUD_"
_OPEN_FILES = 65_536
_LOG_LEVELS = ("debug", "info", "warning", "error")


def parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    """The command line; defaults come from `environment`. Secrets are best given there."""
    top = argparse.ArgumentParser(
        prog="oss-audio local-cloud",
        description="OSS, IMM audio/convert and SMQ on one machine, for unmodified SDKs.",
        allow_abbrev=False,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve",
        help="serve until SIGTERM or Ctrl-C",
        description="Serve the three services. Once they answer, one line of JSON on standard output names"
        " their addresses. Each flag is also an environment variable: --oss-port is LOCAL_CLOUD_OSS_PORT;"
        " several buckets are separated by commas there, several event rules by semicolons.",
        allow_abbrev=False,
    )

    def add(flag: str, help_text: str, default: str | None = None, metavar: str | None = None) -> None:
        value = environment.get(variable(flag)) or default
        shown = f" (default {default})" if default else ""
        serve.add_argument(flag, default=value, help=help_text + shown, metavar=metavar)

    add("--data", "directory that holds everything; made when it is missing", metavar="DIR")
    add("--host", "address to listen on", "127.0.0.1")
    add("--oss-port", "port of OSS, 0 for any free one", "9000", "PORT")
    add("--smq-port", "port of SMQ, 0 for any free one", "9001", "PORT")
    add("--imm-port", "port of IMM, 0 for any free one", "9002", "PORT")
    add("--admin-port", "port of the admin API, 0 for any free one (default: there is none)", metavar="PORT")
    add("--admin-host", "address the admin API listens on", "127.0.0.1", "HOST")
    add("--seed", "seed of fault injection (default: the stored one, else 0)", metavar="N")
    add("--access-key-id", "the account's access key id", metavar="ID")
    add("--access-key-secret", "the account's access key secret", metavar="SECRET")
    add("--security-token", "an STS token that requests may carry", metavar="TOKEN")
    add("--region", "region of the three services", "local-1")
    serve.add_argument(
        "--bucket",
        action="extend",
        nargs="+",
        metavar="NAME",
        help="buckets to make and to bind to an IMM project; may be repeated",
    )
    add("--topic", "topic to make", metavar="NAME")
    add("--queue", "queue to make and to subscribe to the topic", metavar="NAME")
    serve.add_argument(
        "--event-rule",
        action="append",
        metavar="RULE",
        help="publish events of created objects: bucket=NAME,topic=NAME[,events=PutObject+CopyObject][,prefix=…]"
        "[,suffix=…][,name=…]; may be repeated; the rules given replace those kept, none removes them",
    )
    add("--workers", "conversions at once (default: one for each core)", metavar="N")
    add("--log-level", "debug, info, warning or error", "warning", "LEVEL")
    return top


def variable(flag: str) -> str:
    """The environment variable of a flag."""
    return PREFIX + flag.removeprefix("--").replace("-", "_").upper()


def read_config(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Config:
    """The configuration the flags and variables describe; raises ConfigError."""
    for name in ("data", "access_key_id", "access_key_secret"):
        if not getattr(arguments, name):
            flag = "--" + name.replace("_", "-")
            raise ConfigError(f"{flag} is missing; give it, or set {variable(flag)}.")
    from_environment = [name.strip() for name in environment.get(variable("--bucket"), "").split(",")]
    buckets = arguments.bucket or [name for name in from_environment if name]
    workers = {} if arguments.workers is None else {"workers": _whole("--workers", arguments.workers)}
    return Config(
        data=Path(arguments.data).absolute(),
        credentials=Credentials(arguments.access_key_id, arguments.access_key_secret, arguments.security_token or None),
        host=arguments.host,
        oss_port=_whole("--oss-port", arguments.oss_port),
        smq_port=_whole("--smq-port", arguments.smq_port),
        imm_port=_whole("--imm-port", arguments.imm_port),
        admin_port=_optional_whole("--admin-port", arguments.admin_port),
        admin_host=arguments.admin_host,
        seed=_optional_whole("--seed", arguments.seed),
        region=arguments.region,
        buckets=tuple(dict.fromkeys(buckets)),
        topic=arguments.topic,
        queue=arguments.queue,
        event_rules=_event_rules(arguments.event_rule, environment),
        **workers,
    )


def _event_rules(given: list[str] | None, environment: Mapping[str, str]) -> tuple[EventRule, ...] | None:
    """The rules of the flags or else of the variable; None when neither is given."""
    texts = given or [text.strip() for text in environment.get(variable("--event-rule"), "").split(";") if text.strip()]
    if not texts:
        return None
    if texts == ["none"]:
        return ()
    try:
        return tuple(parse_rule(text) for text in texts)
    except EventRuleError as error:
        raise ConfigError(f"--event-rule: {error}") from None


def serve(parsed: argparse.Namespace) -> int:
    """Run the command. Exit status: 0 after a clean stop, 2 when the configuration is no good."""
    try:
        level = parsed.log_level.lower()
        if level not in _LOG_LEVELS:
            raise ConfigError(f"--log-level is {parsed.log_level!r}; allowed are {', '.join(_LOG_LEVELS)}.")
        logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        config = read_config(parsed, os.environ)
        _allow_open_files()
        _keep_open_files()
        asyncio.run(_serve(config))
    except ConfigError as error:
        print(f"local cloud: {error}", file=sys.stderr)  # noqa: T201  # a command speaks on its standard streams
        return 2
    return 0


def _allow_open_files() -> None:
    """Every connection is an open file, and a shell's usual limit of 1,024 (256) would end the service's at as many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _keep_open_files() -> None:
    """Keep FFmpeg from inheriting what this process inherited.

    A conversion that outlives a killed service would hold a lock, or a pipe whose end another process waits for.
    """
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if descriptor > 2:
            with contextlib.suppress(OSError):  # the listing's own is closed by now
                os.set_inheritable(descriptor, False)


async def _serve(config: Config) -> None:
    from oss_local_cloud.service import LocalCloud  # not above: the help works without the extra of the services

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with LocalCloud(config) as cloud:
        gc.collect()
        gc.freeze()  # modules and routes stay: collecting garbage among them would hold a request up for nothing
        print(json.dumps(cloud.endpoints.as_dict()), flush=True)  # noqa: T201  # the line callers wait for
        await stop.wait()


def _optional_whole(flag: str, text: str | None) -> int | None:
    return None if text is None else _whole(flag, text)


def _whole(flag: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ConfigError(f"{flag} is {text!r}; a whole number is needed.") from None
