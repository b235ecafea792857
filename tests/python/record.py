"""Records requests of the real SDK into tests/recorded: what its OTLP exporter posts is kept byte for byte."""

import pathlib
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from shop import Shop

SEED = 20261121
ORDERS = 48
BATCH = 72


def record(folder):
    """Runs the shop once and writes `SIGNAL-N.bin` for each request that arrives."""
    counts = {}
    lock = threading.Lock()

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            signal = self.path.rsplit("/", 1)[-1]
            with lock:
                counts[signal] = counts.get(signal, 0) + 1
                (folder / f"{signal}-{counts[signal]}.bin").write_bytes(body)
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_address[1]}/v1"

    reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=f"{base}/metrics"), float("inf"))
    shop = Shop(SEED, [reader])
    shop.tracers.add_span_processor(
        BatchSpanProcessor(
            OTLPSpanExporter(endpoint=f"{base}/traces"),
            schedule_delay_millis=3_600_000,
            max_export_batch_size=BATCH,
        )
    )
    shop.loggers.add_log_record_processor(
        BatchLogRecordProcessor(
            OTLPLogExporter(endpoint=f"{base}/logs"), schedule_delay_millis=3_600_000, max_export_batch_size=33
        )
    )
    shop.open(ORDERS)
    shop.close()
    server.shutdown()
    return counts


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    if target.is_file():
        target = target.parent.parent / "recorded"
    for old in target.glob("*.bin"):
        old.unlink()
    print(record(target))
