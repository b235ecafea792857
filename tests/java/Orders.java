import static io.opentelemetry.api.common.AttributeKey.booleanKey;
import static io.opentelemetry.api.common.AttributeKey.doubleKey;
import static io.opentelemetry.api.common.AttributeKey.longKey;
import static io.opentelemetry.api.common.AttributeKey.stringArrayKey;
import static io.opentelemetry.api.common.AttributeKey.stringKey;

import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.common.KeyValue;
import io.opentelemetry.api.common.Value;
import io.opentelemetry.api.logs.Logger;
import io.opentelemetry.api.logs.Severity;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Scope;
import io.opentelemetry.exporter.otlp.http.logs.OtlpHttpLogRecordExporter;
import io.opentelemetry.exporter.otlp.http.metrics.OtlpHttpMetricExporter;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.exporter.otlp.logs.OtlpGrpcLogRecordExporter;
import io.opentelemetry.exporter.otlp.metrics.OtlpGrpcMetricExporter;
import io.opentelemetry.exporter.otlp.trace.OtlpGrpcSpanExporter;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.logs.SdkLoggerProvider;
import io.opentelemetry.sdk.logs.export.BatchLogRecordProcessor;
import io.opentelemetry.sdk.logs.export.LogRecordExporter;
import io.opentelemetry.sdk.metrics.Aggregation;
import io.opentelemetry.sdk.metrics.InstrumentSelector;
import io.opentelemetry.sdk.metrics.SdkMeterProvider;
import io.opentelemetry.sdk.metrics.View;
import io.opentelemetry.sdk.metrics.export.MetricExporter;
import io.opentelemetry.sdk.metrics.export.PeriodicMetricReader;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.time.Duration;
import java.util.List;

/** A shop that tells of its orders with the Java SDK: Orders grpc|http ENDPOINT. Every order names a customer by e-mail address. */
public final class Orders {
    private static final int ORDERS = 40;

    private record Exporters(SpanExporter spans, MetricExporter metrics, LogRecordExporter logs) {
        static Exporters over(String protocol, String endpoint) {
            if (protocol.equals("grpc")) {
                return new Exporters(
                        OtlpGrpcSpanExporter.builder().setEndpoint(endpoint).build(),
                        OtlpGrpcMetricExporter.builder().setEndpoint(endpoint).setCompression("gzip").build(),
                        OtlpGrpcLogRecordExporter.builder().setEndpoint(endpoint).build());
            }
            return new Exporters(
                    OtlpHttpSpanExporter.builder().setEndpoint(endpoint + "/v1/traces").build(),
                    OtlpHttpMetricExporter.builder().setEndpoint(endpoint + "/v1/metrics").setCompression("gzip").build(),
                    OtlpHttpLogRecordExporter.builder().setEndpoint(endpoint + "/v1/logs").build());
        }
    }

    private final Tracer tracer;
    private final Logger logger;
    private SpanContext last = SpanContext.getInvalid();

    private Orders(OpenTelemetrySdk sdk) {
        tracer = sdk.getTracer("shop", "1.0");
        logger = sdk.getLogsBridge().loggerBuilder("shop").setInstrumentationVersion("1.0").build();
    }

    private static OpenTelemetrySdk sdk(Exporters exporters) {
        Resource resource = Resource.create(Attributes.of(
                stringKey("service.name"), "shop", stringKey("service.instance.id"), "java-1"));
        View exponential = View.builder().setAggregation(Aggregation.base2ExponentialBucketHistogram()).build();
        return OpenTelemetrySdk.builder()
                .setTracerProvider(SdkTracerProvider.builder().setResource(resource)
                        .addSpanProcessor(BatchSpanProcessor.builder(exporters.spans).setMaxExportBatchSize(16).build())
                        .build())
                .setMeterProvider(SdkMeterProvider.builder().setResource(resource)
                        .registerView(InstrumentSelector.builder().setName("shop.queue.wait").build(), exponential)
                        .registerMetricReader(
                                PeriodicMetricReader.builder(exporters.metrics).setInterval(Duration.ofHours(1)).build())
                        .build())
                .setLoggerProvider(SdkLoggerProvider.builder().setResource(resource)
                        .addLogRecordProcessor(
                                BatchLogRecordProcessor.builder(exporters.logs).setMaxExportBatchSize(16).build())
                        .build())
                .build();
    }

    private void take(int number) {
        String contact = "buyer" + number + "@example.com";
        var builder = tracer.spanBuilder("order " + number).setSpanKind(SpanKind.SERVER)
                .setAttribute("order.number", number)
                .setAttribute("contact", contact)
                .setAttribute(booleanKey("order.paid"), number % 2 == 0)
                .setAttribute(doubleKey("ratio"), 0.5)
                .setAttribute(stringArrayKey("order.lines"), List.of("a", "for " + contact));
        if (last.isValid() && number % 3 == 0) {
            builder.addLink(last, Attributes.of(stringKey("why"), "retry for " + contact));
        }
        Span span = builder.startSpan();
        try (Scope scope = span.makeCurrent()) {
            logger.logRecordBuilder().setSeverity(Severity.INFO).setSeverityText("INFO")
                    .setBody(number % 2 == 0 ? Value.of("order for " + contact) : Value.of(
                            KeyValue.of("order", Value.of(number)),
                            KeyValue.of("mail", Value.of(contact)),
                            KeyValue.of("list", Value.of(Value.of(1), Value.of(2.5), Value.of(true)))))
                    .setAttribute(stringKey("contact"), contact)
                    .setAttribute(longKey("order.number"), (long) number)
                    .emit();
            if (number % 5 == 0) {
                span.setStatus(StatusCode.ERROR, "no stock for " + contact);
                span.recordException(new IllegalStateException("cannot deliver to " + contact));
                logger.logRecordBuilder().setSeverity(Severity.ERROR).setBody("order " + number + " failed").emit();
            }
        } finally {
            last = span.getSpanContext();
            span.end();
        }
    }

    public static void main(String[] arguments) {
        OpenTelemetrySdk sdk = sdk(Exporters.over(arguments[0], arguments[1]));
        Orders shop = new Orders(sdk);
        Meter meter = sdk.getMeter("shop");
        var orders = meter.counterBuilder("shop.orders").setUnit("{order}").build();
        var open = meter.upDownCounterBuilder("shop.open").build();
        var sizes = meter.histogramBuilder("shop.payload.size").setUnit("By").build();
        var waits = meter.histogramBuilder("shop.queue.wait").setUnit("s").build();
        meter.gaugeBuilder("shop.temperature").buildWithCallback(
                gauge -> gauge.record(21.5, Attributes.of(stringKey("room"), "b")));
        for (int number = 0; number < ORDERS; number++) {
            shop.take(number);
            orders.add(1, Attributes.of(stringKey("contact"), "buyer" + number % 4 + "@example.com"));
            open.add(number % 2 == 0 ? 1 : -1);
            sizes.record(100.0 * number, Attributes.of(stringKey("kind"), "json"));
            waits.record(0.01 * number);
        }
        sdk.close();
    }
}
