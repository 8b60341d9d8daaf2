"""The first step of a batch: check what is asked for, open the batch, list the sources into the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from include.catalogue import batches
from include.oss import OssSettings, check_bucket, check_imm
from include.pipeline.listing import list_sources
from include.pipeline.request import BatchRequest, RequestError
from include.pipeline.selection import refuse_own_targets
from oss_audio.clear_errors import clear_errors
from oss_audio.links import OSSConsoleLink, console_address
from oss_audio.operators.base import OSSAudioOperator, batch_name
from oss_audio.values import as_flag, as_names, as_number, as_text, as_texts


class OSSAudioListOperator(OSSAudioOperator):
    """List the sources of a batch.

    Everything that can be refused is refused here, before anything is listed: connection, buckets, IMM, profiles,
    parameters, and a selection that would take its own renditions for sources.

    :param bucket: of the sources.
    :param prefix: key prefix, or a list of several.
    :param include: one shell pattern, or a list of them, on the whole key (`*` also matches `/`); none: every known
        audio extension.
    :param exclude: shell patterns that win over `include`.
    :param profiles: names of profiles in include/profiles.
    :param target_bucket: where renditions go; the profile's own, or the source's bucket, when empty.
    :param staging_prefix: where conversions in progress write, in the target's bucket.
    :param start: offset into each source, milliseconds.
    :param duration: length of the part, milliseconds; 0: to the end.
    :param force: make renditions anew that are there already.
    :param limit: at most so many sources.
    :param plan_only: a dry run: show the plan, submit nothing.
    :param max_attempts: after so many failures a conversion is dead.
    :return: ``{"batch": id, "listed": n, "passed_over": {reason: n}}``
    """

    template_fields: Sequence[str] = (
        "bucket",
        "prefix",
        "include",
        "exclude",
        "profiles",
        "target_bucket",
        "staging_prefix",
        "start",
        "duration",
        "force",
        "limit",
        "plan_only",
        "max_attempts",
    )

    operator_extra_links = (OSSConsoleLink(),)

    def __init__(
        self,
        *,
        bucket: str,
        profiles: Any,
        prefix: Any = "",
        include: Any = (),
        exclude: Any = (),
        target_bucket: str | None = None,
        staging_prefix: str = ".staging/",
        start: Any = 0,
        duration: Any = 0,
        force: Any = False,
        limit: Any = None,
        plan_only: Any = False,
        max_attempts: Any = 3,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bucket = bucket
        self.prefix = prefix
        self.include = include
        self.exclude = exclude
        self.profiles = profiles
        self.target_bucket = target_bucket
        self.staging_prefix = staging_prefix
        self.start = start
        self.duration = duration
        self.force = force
        self.limit = limit
        self.plan_only = plan_only
        self.max_attempts = max_attempts
        self.console_address = ""

    def execute(self, context: Context) -> dict[str, Any]:
        settings = self.oss()
        with clear_errors("Listing the sources", settings):
            _refuse_unknown_params(context)
            request = self._request()
            self._check(request, settings)
            self.console_address = console_address(settings, request.bucket, request.prefixes[0])
            with self.catalogue() as catalogue:
                with catalogue.write() as connection:
                    batch = batches.open_batch(
                        connection, batch_name(context), request.to_json(), dry_run=request.dry_run
                    )
                if batch.planned_at is not None:
                    self.log.info("Batch %d (%s) is planned already: it keeps its plan", batch.id, batch.name)
                    return {"batch": batch.id, "listed": batch.listed, "passed_over": dict(batch.passed_over)}
                listed, passed_over = list_sources(
                    catalogue, settings.bucket(request.bucket), request.selection(), batch.id
                )
        self.log.info(
            "Listed %d sources in oss://%s (%s)",
            listed,
            request.bucket,
            ", ".join(f"{count} left out: {reason}" for reason, count in passed_over.items()) or "none left out",
        )
        return {"batch": batch.id, "listed": listed, "passed_over": dict(passed_over)}

    def _request(self) -> BatchRequest:
        max_attempts = as_number("max_attempts", self.max_attempts)
        return BatchRequest(
            bucket=as_text(self.bucket) or "",
            prefixes=as_texts("prefix", self.prefix) or ("",),
            include=as_texts("include", self.include),
            exclude=as_texts("exclude", self.exclude),
            staging=self.staging_prefix,
            profiles=as_names("profiles", self.profiles),
            target_bucket=as_text(self.target_bucket),
            start=as_number("start", self.start) or 0,
            duration=as_number("duration", self.duration) or 0,
            force=as_flag("force", self.force),
            limit=as_number("limit", self.limit),
            max_attempts=BatchRequest.max_attempts if max_attempts is None else max_attempts,
            dry_run=as_flag("plan_only", self.plan_only),
        )

    def _check(self, request: BatchRequest, settings: OssSettings) -> None:
        renderings = request.renderings()
        refuse_own_targets(request.selection(), renderings)
        check_bucket(settings, request.bucket)
        check_imm(settings, request.bucket)
        targets = {rendering.target_for(request.bucket, "x/x.wav")[0] for rendering in renderings}
        for bucket in sorted(targets - {request.bucket}):
            check_bucket(settings, bucket)


def _refuse_unknown_params(context: Context) -> None:
    """Airflow takes any name in a run's conf: a misspelt `dry_run` would start a batch that is paid for."""
    params = context.get("params") or {}
    given = getattr(context["dag_run"], "conf", None) or {}
    unknown = sorted(set(given) - set(params)) if params else []
    if unknown:
        raise RequestError(f"unknown Param {', '.join(map(repr, unknown))}: choose from {', '.join(sorted(params))}")
