"""Sends the shop's telemetry with the real SDK: emit.py grpc|http ENDPOINT [none|gzip]"""

import sys

from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from shop import Shop

SEED = 7
ORDERS = 24


def exporters(protocol, endpoint, compression):
    """The three exporters of one protocol, as a user makes them."""
    if protocol == "grpc":
        from grpc import Compression
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        options = {"endpoint": endpoint, "insecure": True}
        options["compression"] = Compression.Gzip if compression == "gzip" else Compression.NoCompression
        return OTLPSpanExporter(**options), OTLPMetricExporter(**options), OTLPLogExporter(**options)

    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    options = {"compression": Compression.Gzip if compression == "gzip" else Compression.NoCompression}
    return (
        OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", **options),
        OTLPMetricExporter(endpoint=f"{endpoint}/v1/metrics", **options),
        OTLPLogExporter(endpoint=f"{endpoint}/v1/logs", **options),
    )


def main():
    protocol, endpoint, compression = (sys.argv[1:] + ["none"])[:3]
    traces, metrics, logs = exporters(protocol, endpoint, compression)
    shop = Shop(SEED, [PeriodicExportingMetricReader(metrics, float("inf"))])
    shop.tracers.add_span_processor(BatchSpanProcessor(traces, max_export_batch_size=16))
    shop.loggers.add_log_record_processor(BatchLogRecordProcessor(logs, max_export_batch_size=16))
    shop.open(ORDERS)
    shop.close()


if __name__ == "__main__":
    main()
