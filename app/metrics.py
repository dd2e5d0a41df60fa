"""What one web process counts about its requests, for Prometheus. No label holds anything of a tenant."""

from __future__ import annotations

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Histogram

UNMATCHED = "unmatched"
"""The route of requests that no route takes: their paths are whatever anybody sends."""
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
"""What machines ask every few seconds: no rate holds for it, and only failures are logged."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class RequestMetrics:
    """Requests by method, route and status, and the seconds until their answers began."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    requests: Counter = field(init=False)
    seconds: Histogram = field(init=False)

    def __post_init__(self) -> None:
        counter = Counter(
            "lookalike_http_requests", "Answered requests.", ("method", "route", "status"), registry=self.registry
        )
        seconds = Histogram(
            "lookalike_http_request_seconds",
            "Seconds from a request's headers to its answer's headers.",
            ("method", "route"),
            registry=self.registry,
            buckets=BUCKETS,
        )
        object.__setattr__(self, "requests", counter)
        object.__setattr__(self, "seconds", seconds)

    def count(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count an answered request; `route` is its template."""
        method, route = method if method in METHODS else "other", route or UNMATCHED
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(method, route).observe(seconds)
