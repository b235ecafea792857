package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.opentelemetry.io/contrib/bridges/otelzap"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.21.0"
	"go.uber.org/zap"
)

type telemetry struct {
	tracers *sdktrace.TracerProvider
	meters  *sdkmetric.MeterProvider
	loggers *sdklog.LoggerProvider
	logger  *zap.Logger
}

// newTelemetry sets the SDK up as stack 1 does. The SDK itself keeps every trace: what is sampled is for weir to say.
func newTelemetry(ctx context.Context, endpoint string) (*telemetry, error) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { fmt.Fprintln(os.Stderr, "otel:", err) }))
	about, err := resource.New(ctx, resource.WithSchemaURL(semconv.SchemaURL), resource.WithAttributes(
		semconv.ServiceName("agents"), semconv.ServiceVersion("1.4.0"), semconv.DeploymentEnvironment("production")))
	if err != nil {
		return nil, err
	}
	spans, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(endpoint), otlptracegrpc.WithInsecure())
	if err != nil {
		return nil, err
	}
	points, err := otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpoint(endpoint), otlpmetricgrpc.WithInsecure())
	if err != nil {
		return nil, err
	}
	records, err := otlploggrpc.New(ctx, otlploggrpc.WithEndpoint(endpoint), otlploggrpc.WithInsecure())
	if err != nil {
		return nil, err
	}
	tracers := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(spans, sdktrace.WithBatchTimeout(5*time.Second), sdktrace.WithMaxExportBatchSize(512)),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(1.0))),
		sdktrace.WithResource(about))
	withoutOwner := sdkmetric.NewView(sdkmetric.Instrument{Name: "http_request_duration_seconds"},
		sdkmetric.Stream{AttributeFilter: attribute.NewDenyKeysFilter("owner")})
	meters := sdkmetric.NewMeterProvider(
		sdkmetric.WithReader(sdkmetric.NewPeriodicReader(points, sdkmetric.WithInterval(time.Hour))),
		sdkmetric.WithView(withoutOwner), sdkmetric.WithResource(about))
	loggers := sdklog.NewLoggerProvider(
		sdklog.WithProcessor(sdklog.NewBatchProcessor(records)), sdklog.WithResource(about))
	logger := zap.New(otelzap.NewCore("agents", otelzap.WithLoggerProvider(loggers), otelzap.WithVersion("1.4.0")))
	return &telemetry{tracers: tracers, meters: meters, loggers: loggers, logger: logger}, nil
}

func (t *telemetry) shutdown(ctx context.Context) error {
	return errors.Join(t.tracers.Shutdown(ctx), t.meters.Shutdown(ctx), t.loggers.Shutdown(ctx))
}
