"""The first step of a batch: check what is asked for, open the batch, list the sources into the catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from airflow.sdk import Context

from oss_audio.defaults import CATALOGUE_PREFIX, EMPTY_LISTING, STAGING_PREFIX
from oss_audio.lineage import Datasets, lineage
from oss_audio.links import OSSConsoleLink, console_address
from oss_audio.operators.base import OSSAudioOpenBatchOperator
from oss_audio.translate_errors import translate_errors
from oss_audio.values import as_flag, as_hours, as_moment, as_names, as_number, as_text, as_texts
from oss_audio_core.catalogue import Catalogue, batches
from oss_audio_core.catalogue.batches import Batch
from oss_audio_core.oss import OssSettings, check_bucket, check_imm
from oss_audio_core.pipeline.batch_request import BatchRequest, RequestError
from oss_audio_core.pipeline.candidates import Order
from oss_audio_core.pipeline.empty_listing import EmptyListing, check_not_empty
from oss_audio_core.pipeline.listing import list_sources
from oss_audio_core.pipeline.lossy_guard import probe_lossy_sources
from oss_audio_core.pipeline.rendition_spec import target_bucket
from oss_audio_core.pipeline.selection import refuse_own_targets
from oss_audio_core.pipeline.unchanged_content import find_unchanged_content
from oss_audio_core.text.escaping import for_log


class OSSAudioListOperator(OSSAudioOpenBatchOperator):
    """List the sources of a batch.

    Everything that can be refused is refused here, before anything is listed: connection, buckets, IMM, profiles,
    parameters, and a selection that would take its own renditions for sources.

    Args:
        bucket: of the sources.
        prefix: key prefix, or a list of several. Like a pattern, it may be an address in the bucket, `oss://bucket/…`.
        include: one shell pattern, or a list of them, on the whole key, in either case: `*` also matches `/`, `{a,b}`
            is either, `**/` any folders or none; none: every known audio extension.
        exclude: shell patterns that win over `include`.
        profiles: names of profiles.
        target_bucket: where renditions go; the profile's own, or the source's bucket, when empty.
        staging_prefix: where conversions in progress write, in the target's bucket.
        catalogue_prefix: where runs export, in the target's bucket; never a source. Empty: no exports.
        start: offset into each source, milliseconds.
        duration: length of the part, milliseconds; 0: to the end.
        min_size: bytes; smaller sources are left out.
        max_size: bytes; larger sources are left out.
        min_age: hours since the source was written, by OSS's clock; a younger one may still be written again, and is
            left for the next run.
        max_age: hours; older ones are left out.
        modified_from: only sources written at or after this time (ISO 8601 with its zone), by OSS's clock.
        modified_before: only sources written before this time; with both, a run covers its interval of a backfill.
        leftovers: with `modified_from` or `max_age`: also see to older sources that earlier runs planned and left,
            failed with attempts left or unfinished; and take those that were too young for the interval before, by
            beginning `min_age` earlier.
        restore: have archived sources restored, for a later run; OSS charges for it.
        order: what is submitted first, and what `limit` leaves for later: profile (as named, then by key), key,
            newest or smallest.
        never_degrade: skip lossy renditions of lossy sources that have fewer bits; costs two ranged reads of each
            source that may be lossy, once.
        force: make renditions anew that are there already.
        limit: at most so many sources.
        dry_run: show the plan, submit nothing.
        max_attempts: after so many failures a conversion is dead.
        empty_listing: `fail` or `warn`, when no object lies below the prefix, or none is taken where earlier batches
            took some.

    Returns:
        `{"batch": id, "uid": text, "listed": n, "passed_over": {reason: n}}`.
    """

    template_fields: Sequence[str] = (
        "bucket",
        "prefix",
        "include",
        "exclude",
        "profiles",
        "target_bucket",
        "staging_prefix",
        "catalogue_prefix",
        "start",
        "duration",
        "min_size",
        "max_size",
        "min_age",
        "max_age",
        "modified_from",
        "modified_before",
        "leftovers",
        "restore",
        "order",
        "never_degrade",
        "force",
        "limit",
        "dry_run",
        "max_attempts",
        "empty_listing",
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
        staging_prefix: str = STAGING_PREFIX,
        catalogue_prefix: str | None = CATALOGUE_PREFIX,
        start: Any = 0,
        duration: Any = 0,
        min_size: Any = None,
        max_size: Any = None,
        min_age: Any = None,
        max_age: Any = None,
        modified_from: Any = None,
        modified_before: Any = None,
        leftovers: Any = True,
        restore: Any = False,
        order: Any = Order.PROFILE.value,
        never_degrade: Any = False,
        force: Any = False,
        limit: Any = None,
        dry_run: Any = False,
        max_attempts: Any = 3,
        empty_listing: Any = EMPTY_LISTING,
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
        self.catalogue_prefix = catalogue_prefix
        self.start = start
        self.duration = duration
        self.min_size = min_size
        self.max_size = max_size
        self.min_age = min_age
        self.max_age = max_age
        self.modified_from = modified_from
        self.modified_before = modified_before
        self.leftovers = leftovers
        self.restore = restore
        self.order = order
        self.never_degrade = never_degrade
        self.force = force
        self.limit = limit
        # Airflow calls no `BaseOperator.dry_run`, which would only log the template fields.
        self.dry_run = dry_run  # type: ignore[method-assign]
        self.max_attempts = max_attempts
        self.empty_listing = empty_listing
        self.console_address = ""
        self.datasets = Datasets()

    def execute(self, context: Context) -> dict[str, Any]:
        """Check what is asked for, open the batch and list its sources."""
        settings = self.oss()
        with translate_errors("Listing the sources", settings):
            self.refuse_unknown_params(context)
            request = self._request()
            request = self._within_ages(request, self._check(request, settings))
            self.console_address = console_address(settings, request.bucket, request.prefixes[0])
            self.datasets = Datasets(inputs=[f"oss://{request.bucket}/{prefix}" for prefix in request.prefixes])
            with self.catalogue() as catalogue:
                with catalogue.write() as connection:
                    batch = batches.open_batch(
                        connection, self.batch_name(context), request.to_json(), dry_run=request.dry_run
                    )
                if batch.planned_at is not None:
                    _refuse_another(request, batch)
                    self.log.info("Batch %d (%s) is planned already: it keeps its plan", batch.id, for_log(batch.name))
                    return self._result(batch, batch.listed, batch.passed_over)
                listed, passed_over = list_sources(
                    catalogue,
                    settings.bucket(request.bucket),
                    request.selection(),
                    batch.id,
                    restore=request.restore,
                )
                self._check_not_empty(catalogue, batch.id, request, listed, passed_over)
                if same := find_unchanged_content(catalogue, settings, batch.id):
                    self.log.info("Asked for the checksums of %d sources with another ETag and the same size", same)
                if request.never_degrade:
                    looked = probe_lossy_sources(catalogue, settings, batch.id)
                    self.log.info("Looked at %d sources that may be lossy", looked)
        self.log.info(
            "Listed %d sources in oss://%s (%s)",
            listed,
            request.bucket,
            ", ".join(f"{count} left out: {for_log(reason)}" for reason, count in passed_over.items())
            or "none left out",
        )
        return self._result(batch, listed, passed_over)

    def _check_not_empty(
        self, catalogue: Catalogue, batch_id: int, request: BatchRequest, listed: int, passed_over: Mapping[str, int]
    ) -> None:
        """Fail, or warn, when there is nothing where something is to be expected."""
        try:
            check_not_empty(catalogue, batch_id, request, listed, passed_over)
        except EmptyListing as empty:
            if self.empty_listing == "fail":
                raise
            self.log.warning("%s", for_log(str(empty)))

    @staticmethod
    def _result(batch: Batch, listed: int, passed_over: Mapping[str, int]) -> dict[str, Any]:
        return {"batch": batch.id, "uid": batch.uid, "listed": listed, "passed_over": dict(passed_over)}

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """For OpenLineage: the prefixes that were listed."""
        return lineage(self.datasets)

    def _request(self) -> BatchRequest:
        if self.empty_listing not in {"fail", "warn"}:
            raise RequestError(f"empty_listing is {self.empty_listing!r}: give fail or warn")
        max_attempts = as_number("max_attempts", self.max_attempts)
        since = as_moment("modified_from", self.modified_from)
        until = as_moment("modified_before", self.modified_before)
        if since is not None and since == until:
            raise RequestError(
                f"the interval from {since} to {until} is empty: a DAG without a schedule has none to cover"
            )
        return BatchRequest(
            bucket=as_text(self.bucket) or "",
            prefixes=as_texts("prefix", self.prefix) or ("",),
            include=as_texts("include", self.include),
            exclude=as_texts("exclude", self.exclude),
            staging=self.staging_prefix,
            catalogue=as_text(self.catalogue_prefix),
            profiles=as_names("profiles", self.profiles),
            target_bucket=as_text(self.target_bucket),
            start=as_number("start", self.start) or 0,
            duration=as_number("duration", self.duration) or 0,
            min_size=as_number("min_size", self.min_size),
            max_size=as_number("max_size", self.max_size),
            modified_from=since,
            modified_before=until,
            leftovers=as_flag("leftovers", self.leftovers),
            restore=as_flag("restore", self.restore),
            order=self._order(),
            never_degrade=as_flag("never_degrade", self.never_degrade),
            force=as_flag("force", self.force),
            limit=as_number("limit", self.limit),
            max_attempts=BatchRequest.max_attempts if max_attempts is None else max_attempts,
            dry_run=as_flag("dry_run", self.dry_run),
        ).with_keys()

    def _order(self) -> Order:
        try:
            return Order(as_text(self.order) or Order.PROFILE)
        except ValueError:
            raise RequestError(f"order is {self.order!r}: choose from {', '.join(Order)}") from None

    def _within_ages(self, request: BatchRequest, at: datetime) -> BatchRequest:
        """Ages become times, by the clock that wrote LastModified; the narrower of two limits holds.

        What was too young for the run of the interval before is in no later interval: it is among the leftovers.
        """
        min_age, max_age = as_hours("min_age", self.min_age), as_hours("max_age", self.max_age)
        if min_age and max_age and min_age >= max_age:
            raise RequestError(
                f"min_age {self.min_age} is not less than max_age {self.max_age} (hours): no age is between"
            )
        beginning = request.modified_from
        if beginning and min_age and request.leftovers:
            beginning -= min_age
        since = [moment for moment in (beginning, max_age and at - max_age) if moment]
        until = [moment for moment in (request.modified_before, min_age and at - min_age) if moment]
        return replace(request, modified_from=max(since, default=None), modified_before=min(until, default=None))

    def _check(self, request: BatchRequest, settings: OssSettings) -> datetime:
        """Refuse what can't work, before anything is listed; return the time by OSS's clock."""
        specs = request.specs()
        selection = request.selection()
        refuse_own_targets(selection, specs)
        for pattern in selection.useless_excludes():
            self.log.warning("exclude %r matches no key below the prefix: it excludes nothing", pattern)
        at = check_bucket(settings, request.bucket)
        check_imm(settings, request.bucket)
        targets = {target_bucket(spec, request.bucket) for spec in specs}
        for bucket in sorted(targets - {request.bucket}):
            check_bucket(settings, bucket)
        return at


def _refuse_another(request: BatchRequest, batch: Batch) -> None:
    """A plan is kept for the run that goes on. A backfill puts a conf of its own under the name of an earlier run.

    Raises:
        RequestError: the run is planned, and now asked for something else.
    """
    kept = BatchRequest.from_json(batch.params)

    def differs(name: str) -> bool:
        now, then = getattr(request, name), getattr(kept, name)
        # Ages are other moments at each try.
        return (now is None) is not (then is None) if name.startswith("modified_") else now != then

    # Folders are the deployment's and change no plan.
    asked = (one.name for one in fields(BatchRequest) if one.name not in {"staging", "catalogue"})
    if another := [name for name in asked if differs(name)]:
        raise RequestError(
            f"run {batch.name!r} is planned already, with another {', '.join(another)}: trigger a new run, which joins "
            "what this one has under way; or clear this one as it was asked for at first"
        )
