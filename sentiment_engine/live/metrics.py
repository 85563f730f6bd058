"""Prometheus metrics of one server, in a registry of its own; every label set is finite."""

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """Counters and gauges; label values come from the vocabularies in ``events.py`` and ``messages.py``."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter = partial(Counter, registry=self.registry, namespace="sentiment_engine")
        gauge = partial(Gauge, registry=self.registry, namespace="sentiment_engine")
        histogram = partial(Histogram, registry=self.registry, namespace="sentiment_engine")
        self.calls_live = gauge("calls_live", "Calls that have not ended, dropped ones included.")
        self.calls_ended = counter("calls_ended", "Calls that ended.", ["reason"])
        self.audio_seconds = counter("audio_seconds", "Media time heard, over all calls.")
        self.messages = counter("messages", "Text frames of stream clients.", ["type"])
        self.windows_scored = counter("windows_scored", "Windows the emotion model scored.")
        self.windows_skipped = counter("windows_skipped", "Windows nobody scored.", ["reason"])
        self.batch_windows = histogram(
            "batch_windows",
            "Windows in one run of the model.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128),
        )
        self.batch_seconds = histogram(
            "batch_seconds",
            "Duration of one run of the model.",
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
        )
        self.window_wait_seconds = histogram(
            "window_wait_seconds",
            "Time from the end of a window's audio arriving to its scores.",
            buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0),
        )
        self.alerts = counter("alerts", "Alerts raised.", ["severity"])
        self.packets_dropped = counter(
            "packets_dropped", "Packets of platforms that came late or twice.", ["why"]
        )
        self.readers = gauge("readers", "Feed readers connected.")
        self.reader_evictions = counter("reader_evictions", "Feed readers closed for being too slow.")
        self.ticks_dropped = counter("ticks_dropped", "Tension ticks that slow readers lost.")
        self.archive_events = counter("archive_events", "Events written to the archive.")
        self.archive_ticks_dropped = counter(
            "archive_ticks_dropped", "Ticks lost because the archive could not keep up."
        )
        self.archive_wait_seconds = histogram(
            "archive_wait_seconds",
            "Time that the oldest event of a batch waited until it was on disk.",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0),
        )
        self.audio_part_seconds = histogram(
            "audio_part_seconds",
            "Time to compress, encrypt and write a part of kept audio.",
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0),
        )
        self.audio_parts_lost = counter("audio_parts_lost", "Parts of audio that could not be kept.")
        self.webhooks = counter(
            "webhooks", "Attempts to deliver a webhook message: delivered, failed or dead.", ["outcome"]
        )
        self.checkpoints = counter(
            "checkpoints", "Attempts to sign the evidence log: signed or refused.", ["outcome"]
        )
        self.time_stamps = counter(
            "time_stamps", "Attempts to have a checkpoint time-stamped: kept or failed.", ["outcome"]
        )
        self.calendar_proofs = counter(
            "calendar_proofs",
            "What OpenTimestamps calendars did of checkpoints: promised, attested or failed.",
            ["outcome"],
        )
        self.reviews_owed = gauge("reviews_owed", "Reviews that are missing, overdue or not.", ["role"])
        self.reviews_overdue = gauge(
            "reviews_overdue", "Reviews that are missing and should be there.", ["role"]
        )
        self.errors = counter("errors", "Clients refused, by error code.", ["code"])
        self.loop_lag_seconds = gauge("loop_lag_seconds", "How late the event loop ran its last timer.")

    def render(self) -> bytes:
        """The text exposition format."""
        return generate_latest(self.registry)
