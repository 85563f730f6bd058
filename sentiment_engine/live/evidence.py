"""Signs the evidence log of a server that keeps calls, has it stamped, and gives out bundles of calls."""

import asyncio
import io
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sentiment_engine.archive import recordings
from sentiment_engine.archive.signed import Signed
from sentiment_engine.errors import BadEvidence, BadRecording, BadSettings, NoTimeStamp
from sentiment_engine.live.answering import answering, asked_id, unknown
from sentiment_engine.live.asked import Asked, Unanswered
from sentiment_engine.live.calendars import Calendars
from sentiment_engine.live.messages import Refused
from sentiment_engine.live.metrics import Metrics
from sentiment_engine.settings_evidence import EvidenceSettings

if TYPE_CHECKING:
    from sentiment_engine.archive.archive import Archive
    from sentiment_engine.archive.evidence import EvidenceLog

log = structlog.get_logger(__name__)


class EvidenceDesk:
    """The task that signs, and the routes of evidence.

    Args:
        archive: what is kept, opened with ``settings``; without one every answer is 404 ``no_archive``,
            without a key 404 ``no_key``.
        settings: how often to sign.
        metrics: is kept up to date.

    Raises:
        BadSettings: there is a key, but no archive that was opened with it.
    """

    def __init__(self, archive: "Archive | None", settings: EvidenceSettings, metrics: Metrics) -> None:
        opened = None if archive is None or archive.evidence is None else archive.evidence.settings
        if settings.key and opened != settings:
            raise BadSettings("evidence.key needs an archive that was opened with it: give serve --data DIR")
        self._archive, self._metrics = archive, metrics
        self._one_at_a_time = asyncio.Lock()
        """The work of one takes a thread and, for long calls, some memory."""

    def routes(self) -> list[Route]:
        """To be put before that of ``/v1/calls/{call_id}``: ids may hold slashes."""
        return [
            Route("/v1/calls/{call_id:path}/evidence", answering(self._archive, self._bundle)),
            Route("/v1/checkpoints", answering(self._archive, self._newest)),
        ]

    # -- signing

    async def run(self) -> None:
        """Signs and has stamped what is new, at once and then every ``every_s``, until cancelled.

        What cannot be signed or stamped now is said in the server's log, and tried again: calls go on.
        """
        if self._archive is None or self._archive.evidence is None:
            return
        evidence = self._archive.evidence
        calendars = Calendars(self._archive, evidence, self._metrics)
        while True:
            signed = None
            try:
                async with self._one_at_a_time:
                    signed = await self._sign(self._archive, evidence)
                if signed is not None and signed.stamp is None and evidence.settings.tsa_url:
                    await self._stamp(self._archive, evidence, signed)
            except BadEvidence as reason:
                self._metrics.checkpoints.labels("refused").inc()
                log.error("log_not_signed", reason=str(reason))  # noqa: TRY400 - as elsewhere
            except NoTimeStamp as reason:
                self._metrics.time_stamps.labels("failed").inc()
                log.warning("no_time_stamp", reason=str(reason))
            except SQLAlchemyError as reason:
                log.error("archive_failing", reason=str(reason.__cause__ or reason)[:300])  # noqa: TRY400
            await self._have_attested(calendars, signed)
            await asyncio.sleep(evidence.settings.every_s)

    async def _have_attested(self, calendars: Calendars, signed: Signed | None) -> None:
        if signed is None:
            return
        try:
            await calendars.ask(signed)
        except SQLAlchemyError as reason:
            log.error("archive_failing", reason=str(reason.__cause__ or reason)[:300])  # noqa: TRY400

    async def _sign(self, archive: "Archive", evidence: "EvidenceLog") -> Signed | None:
        """The newest checkpoint, signed now if there is anything new; on disk before it is returned."""
        signed = await asyncio.to_thread(evidence.sign_what_is_new)
        if signed is None:
            return await asyncio.to_thread(evidence.signed.newest)
        fresh = signed
        await archive.change(lambda store: store.keep_checkpoint(evidence.key, fresh))
        self._metrics.checkpoints.labels("signed").inc()
        log.info("log_signed", leaves=signed.size)
        return signed

    async def _stamp(self, archive: "Archive", evidence: "EvidenceLog", signed: Signed) -> None:
        stamp = await asyncio.to_thread(evidence.time_stamp, signed)
        await archive.change(lambda store: store.keep_stamp(evidence.key, signed.size, stamp))
        self._metrics.time_stamps.labels("kept").inc()
        log.info("log_time_stamped", leaves=signed.size)

    # -- answers

    async def _newest(self, request: Request, archive: "Archive") -> Response:
        Asked(request, ())
        evidence = _evidence(archive)
        newest = await asyncio.to_thread(evidence.signed.newest)
        if newest is None:
            raise Unanswered("unknown_id", "nothing has been signed yet: ask again after the first call")
        return Response(newest.note, headers={"Cache-Control": "no-store"}, media_type="text/plain")

    async def _bundle(self, request: Request, archive: "Archive") -> Response:
        call_id, asked = asked_id(request, "call_id"), Asked(request, ("seen",))
        evidence = _evidence(archive)
        size = asked.cursor("seen")
        try:
            async with self._one_at_a_time:
                data = await self._packed(archive, evidence, call_id, size)
        except BadEvidence as reason:
            log.error("no_bundle", call_id=call_id, reason=str(reason))  # noqa: TRY400 - as elsewhere
            raise Unanswered("log_altered", str(reason)) from reason
        log.info("evidence_exported", call_id=call_id, caller=request.state.caller.name)
        headers = {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="evidence.zip"'}
        return Response(data, headers=headers, media_type="application/zip")

    async def _packed(
        self, archive: "Archive", evidence: "EvidenceLog", call_id: str, seen_size: int | None
    ) -> bytes:
        seen = None
        if seen_size is not None:
            seen = await asyncio.to_thread(evidence.signed.of_size, seen_size)
            if seen is None:
                raise Refused(
                    "bad_query", f"seen={seen_size}: this log has signed no checkpoint of that size"
                )
        recording = await self._recording(archive, call_id)  # before the leaves, which name it
        leaves = await asyncio.to_thread(evidence.of_call, call_id)
        if not leaves.end:
            raise unknown("call", call_id)
        end = max(leaves.end, 0 if seen is None else seen.size)
        signed = await asyncio.to_thread(evidence.signed.covering, end)
        if signed is None:
            signed = await self._sign(archive, evidence)
        if signed is None or signed.size < end:
            raise BadEvidence(f"the log ends before the call {call_id!r} does: leaves are lost")
        out = io.BytesIO()
        notes = () if seen is None else (seen.note,)
        await asyncio.to_thread(evidence.pack, out, call_id, leaves, signed, seen=notes, recording=recording)
        return out.getvalue()

    async def _recording(self, archive: "Archive", call_id: str) -> bytes | None:
        """The recording that is kept here, once its hash is in the log."""
        row = await archive.ask(lambda reading: recordings.of_call(reading, call_id))
        if row is None or row.sha256 is None or not archive.has_audio_key:
            return None
        try:
            joined = await asyncio.to_thread(archive.audio.read, row.name, row.form)
        except BadRecording as reason:
            raise BadEvidence(f"the recording of call {call_id!r} {reason}") from reason
        return joined.flac


def _evidence(archive: "Archive") -> "EvidenceLog":
    if archive.evidence is None:
        raise Unanswered(
            "no_key", "the settings name no evidence.key, so nothing is signed and nothing can be proven"
        )
    return archive.evidence
