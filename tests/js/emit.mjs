// Sends telemetry with the real SDK for JavaScript, whose HTTP exporters write OTLP/JSON: emit.mjs ENDPOINT [none|gzip|grpc]
// A span in three has an event and a link; every span, record and point names a customer by e-mail address.

import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { SeverityNumber } from "@opentelemetry/api-logs";
import * as grpcLogs from "@opentelemetry/exporter-logs-otlp-grpc";
import * as httpLogs from "@opentelemetry/exporter-logs-otlp-http";
import * as grpcMetrics from "@opentelemetry/exporter-metrics-otlp-grpc";
import * as httpMetrics from "@opentelemetry/exporter-metrics-otlp-http";
import * as grpcTraces from "@opentelemetry/exporter-trace-otlp-grpc";
import * as httpTraces from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";

const ORDERS = 24;
const [endpoint, wire = "none"] = process.argv.slice(2);
const { OTLPTraceExporter } = wire === "grpc" ? grpcTraces : httpTraces;
const { OTLPMetricExporter } = wire === "grpc" ? grpcMetrics : httpMetrics;
const { OTLPLogExporter } = wire === "grpc" ? grpcLogs : httpLogs;
const to = (path) => (wire === "grpc" ? { url: endpoint } : { url: `${endpoint}${path}`, compression: wire });
const resource = resourceFromAttributes({ "service.name": "shop", "service.instance.id": "js-1" });

const tracers = new BasicTracerProvider({
  resource,
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter(to("/v1/traces")), { maxExportBatchSize: 16 })],
});
const loggers = new LoggerProvider({
  resource,
  processors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter(to("/v1/logs")), maxExportBatchSize: 16 })],
});
const meters = new MeterProvider({
  resource,
  readers: [
    new PeriodicExportingMetricReader({
      exporter: new OTLPMetricExporter(to("/v1/metrics")),
      exportIntervalMillis: 3_600_000,
    }),
  ],
});

const tracer = tracers.getTracer("shop", "1.0");
const logger = loggers.getLogger("shop", "1.0");
const meter = meters.getMeter("shop", "1.0");
const orders = meter.createCounter("shop.orders");
const sizes = meter.createHistogram("shop.payload.size", { unit: "By" });
meter.createObservableGauge("shop.temperature").addCallback((result) => result.observe(21.5, { room: "b" }));

let last;
for (let number = 0; number < ORDERS; number += 1) {
  const contact = `buyer${number}@example.com`;
  const span = tracer.startSpan(`order ${number}`, {
    kind: SpanKind.SERVER,
    links: last && number % 3 === 0 ? [{ context: last, attributes: { why: "retry" } }] : [],
    attributes: { "order.number": number, contact, "order.lines": ["a", "b"], "order.paid": number % 2 === 0, ratio: 0.5 },
  });
  if (number % 3 === 0) span.addEvent("packed", { by: contact, weight: 2 ** 40 });
  if (number % 5 === 0) span.setStatus({ code: SpanStatusCode.ERROR, message: "no stock" });
  last = span.spanContext();
  logger.emit({
    severityNumber: SeverityNumber.INFO,
    severityText: "INFO",
    body: number % 2 ? { order: number, mail: contact, nested: { list: [1, 2.5, "x", null, true] } } : `order for ${contact}`,
    attributes: { contact, raw: new Uint8Array([0, 255, 16]) },
    context: trace.setSpan(ROOT_CONTEXT, span),
  });
  span.end();
  orders.add(1, { contact });
  sizes.record(100 * number, { kind: "json" });
}
await Promise.all([tracers.shutdown(), loggers.shutdown(), meters.shutdown()]);
