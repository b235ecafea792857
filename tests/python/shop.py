"""A small shop whose telemetry holds personal data and secrets wherever OTLP has room for text.

Everything is decided by a seed: two runs with the same seed emit the same ids, attributes and bodies. None of
the data is anybody's: the card number is the well-known test number, the keys were made up.
"""

import json
import random

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.metrics import Observation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import IdGenerator, TracerProvider
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

EMAIL = "ada.lovelace@example.org"
CARD = "4111 1111 1111 1111"
API_KEY = "AKIA" + "Q3EGRL7XTNB2WMZV"
TOKEN = "Bearer " + "dGhpcyBpcyBub3QgYSByZWFsIHRva2Vu"
SECRETS = (EMAIL, CARD, API_KEY, TOKEN)

START = 1_795_000_000_000_000_000
MILLISECOND = 1_000_000

RESOURCE = Resource.create(
    {
        "service.name": "checkout",
        "service.version": "2.4.1",
        "service.instance.id": "checkout-0",
        "deployment.environment.name": "demo",
    }
)

PAGES = ("/", "/cart", "/cart/items", "/checkout", "/orders", "/healthz")


class SeededIds(IdGenerator):
    """Trace and span ids that a seed decides."""

    def __init__(self, seed):
        self._random = random.Random(seed)

    def generate_trace_id(self):
        return self._random.getrandbits(128) or 1

    def generate_span_id(self):
        return self._random.getrandbits(64) or 1


class Shop:
    """Emits through providers whose exporters the caller adds."""

    def __init__(self, seed, metric_readers=()):
        self._random = random.Random(seed)
        self.tracers = TracerProvider(resource=RESOURCE, id_generator=SeededIds(seed))
        self.loggers = LoggerProvider(resource=RESOURCE)
        self.meters = MeterProvider(
            metric_readers=metric_readers,
            resource=RESOURCE,
            exemplar_filter=AlwaysOnExemplarFilter(),
            views=[
                View(
                    instrument_type=Histogram,
                    instrument_name="shop.payload.size",
                    aggregation=ExponentialBucketHistogramAggregation(),
                ),
                # The attribute that the view takes away comes back as an exemplar's filtered attribute.
                View(instrument_name="shop.orders", attribute_keys={"page"}),
            ],
        )

    def open(self, orders):
        """Serves `orders` orders: three spans, one or two log records and some measurements each."""
        meter = self.meters.get_meter("shop", "1.0.0")
        placed = meter.create_counter("shop.orders", unit="{order}", description="orders placed")
        open_carts = meter.create_up_down_counter("shop.carts", unit="{cart}")
        latency = meter.create_histogram("http.server.request.duration", unit="s")
        size = meter.create_histogram("shop.payload.size", unit="By")
        meter.create_observable_gauge(
            "shop.queue.length", callbacks=[lambda _: [Observation(3, {"queue": "mail"})]]
        )
        previous = None
        for number in range(orders):
            page = PAGES[number % len(PAGES)]
            context = self._serve(number, page, previous)
            previous = context
            with trace.use_span(trace.NonRecordingSpan(context)):
                placed.add(1, {"page": page, "customer": EMAIL})
                open_carts.add(1 if number % 3 else -1, {"page": page})
                latency.record(0.02 * (number % 7), {"http.route": page, "http.request.method": "POST"})
                size.record(100 * (number + 1), {"http.route": page})

    def _serve(self, number, page, previous):
        """One order. Every eighth one holds something that nobody else should see."""
        private = number % 8 == 0
        failed = number % 10 == 9
        start = START + number * 50 * MILLISECOND
        tracer = self.tracers.get_tracer("shop.web", "1.0.0")
        links = [Link(previous, {"requested.by": EMAIL if private else "batch"})] if previous else None
        with tracer.start_as_current_span(
            f"POST {page}",
            kind=SpanKind.SERVER,
            links=links,
            start_time=start,
            end_on_exit=False,
            attributes={
                "http.request.method": "POST",
                "url.path": page,
                "url.full": f"http://shop.internal{page}?session={number}",
                "http.response.status_code": 500 if failed else 200,
                "server.address": "shop.internal",
                "user.id": self._random.randrange(100_000),
            },
        ) as span:
            if private:
                span.set_attribute("user.email", EMAIL)
                span.set_attribute("http.request.header.authorization", [TOKEN])
                span.set_attribute(
                    "app.request.body",
                    json.dumps({"order": number, "customer": {"email": EMAIL, "card": CARD}}),
                )
                span.add_event(
                    "payment.authorized",
                    {"payment.note": f"charged {CARD}", "payment.signer": f"signed by {API_KEY}"},
                    timestamp=start + MILLISECOND,
                )
            self._query(tracer, number, start)
            self._log(number, page, private, failed, start)
            if failed:
                span.set_status(Status(StatusCode.ERROR, f"mail to {EMAIL} bounced" if private else "no stock"))
                span.record_exception(
                    ValueError(f"cannot deliver order {number} to {EMAIL}"), timestamp=start + 2 * MILLISECOND
                )
            span.end(end_time=start + 20 * MILLISECOND)
            return span.get_span_context()

    def _query(self, tracer, number, start):
        for child, statement in enumerate(("SELECT * FROM carts WHERE id = ?", "UPDATE stock SET left = left - 1")):
            begin = start + (child + 3) * MILLISECOND
            query = tracer.start_span(
                statement.split(" ")[0],
                kind=SpanKind.CLIENT,
                start_time=begin,
                attributes={"db.system.name": "postgresql", "db.query.text": statement, "db.rows": number},
            )
            query.end(end_time=begin + MILLISECOND)

    def _log(self, number, page, private, failed, start):
        logger = self.loggers.get_logger("shop.audit", "1.0.0")

        def emit(severity, body, **attributes):
            logger.emit(
                LogRecord(
                    timestamp=start + 5 * MILLISECOND,
                    observed_timestamp=start + 6 * MILLISECOND,
                    severity_number=severity,
                    severity_text=severity.name,
                    body=body,
                    attributes={"url.path": page, "order": number, **attributes},
                )
            )

        if not private:
            severity = SeverityNumber.ERROR if failed else SeverityNumber.INFO
            emit(severity, f"order {number} {'failed' if failed else 'placed'}")
            return
        emit(SeverityNumber.INFO, f"order {number} placed by {EMAIL}, paid with {CARD}")
        emit(
            SeverityNumber.DEBUG,
            {"request": {"user": EMAIL, "headers": [TOKEN, "accept: */*"]}, "attempt": 1},
            **{"cloud.credential": API_KEY},
        )
        emit(SeverityNumber.WARN, json.dumps({"level": "warn", "aws": {"access_key": API_KEY}, "to": EMAIL}))

    def close(self):
        """Sends what is still held."""
        self.meters.force_flush()
        self.tracers.shutdown()
        self.loggers.shutdown()
        self.meters.shutdown()
