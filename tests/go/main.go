// Command agents is a Go service as stack 1 has it: it creates agents, over HTTP and in a database, and tells of it with the Go SDK,
// otelhttp, otelpgx and zap: agents ENDPOINT. Everything about it but ids and times is the same in every run.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
)

const agents = 40

// owner is personal data that ends up wherever a service is careless.
func owner(number int) string {
	return fmt.Sprintf("owner%d@example.com", number)
}

type service struct {
	tracer   trace.Tracer
	logger   *zap.Logger
	client   http.Client
	model    *httptest.Server
	database *pgx.Conn

	requests      metric.Int64Counter
	tokens        metric.Int64Counter
	durations     metric.Float64Histogram
	llmDurations  metric.Float64Histogram
	activeAgents  metric.Int64UpDownCounter
}

func (s *service) instruments(meter metric.Meter) error {
	var failures [5]error
	s.requests, failures[0] = meter.Int64Counter("http_requests_total",
		metric.WithDescription("Requests that were answered"), metric.WithUnit("{request}"))
	s.tokens, failures[1] = meter.Int64Counter("chat_tokens_total",
		metric.WithDescription("Tokens in and out"), metric.WithUnit("{token}"))
	s.durations, failures[2] = meter.Float64Histogram("http_request_duration_seconds", metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10))
	s.llmDurations, failures[3] = meter.Float64Histogram("llm_call_duration_seconds", metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(0.1, 0.5, 1, 2, 5, 10, 30, 60))
	s.activeAgents, failures[4] = meter.Int64UpDownCounter("agents_active", metric.WithUnit("{agent}"))
	return errors.Join(failures[:]...)
}

// create makes one agent. One in five cannot be made.
func (s *service) create(ctx context.Context, number int) error {
	id := fmt.Sprintf("agent-%04d", number)
	project := fmt.Sprintf("project-%d", number%3)
	ctx, span := s.tracer.Start(ctx, "agent.Create", trace.WithAttributes(
		attribute.String("project.id", project),
		attribute.String("agent.name", "helper of "+owner(number)),
		attribute.String("agent.framework", "langgraph"),
		attribute.String("agent.id", id),
		attribute.Int("agent.number", number),
	))
	defer span.End()
	// The ids as the service's own log lines have them, too; the bridge takes those of the record from the context.
	logger := s.logger.With(zap.Any("context", ctx), zap.String("trace_id", span.SpanContext().TraceID().String()),
		zap.String("span_id", span.SpanContext().SpanID().String()), zap.String("agent.id", id))

	if err := s.ask(ctx, number); err != nil {
		return err
	}
	statement := fmt.Sprintf("INSERT INTO agents (id, owner) VALUES ('%s', '%s')", id, owner(number))
	if _, err := s.database.Exec(ctx, statement); err != nil {
		return err
	}
	status := http.StatusCreated
	if number%5 == 4 {
		status = http.StatusConflict
		failure := fmt.Errorf("%s has too many agents", owner(number))
		span.RecordError(failure, trace.WithStackTrace(true))
		span.SetStatus(codes.Error, failure.Error())
		logger.Error("agent not created", zap.Error(failure), zap.Int("number", number))
	} else {
		logger.Info("agent created for "+owner(number), zap.Int("number", number), zap.Float64("seconds", 0.25))
	}
	s.measure(ctx, number, id, project, status)
	return nil
}

// ask calls the model's HTTP interface through otelhttp.
func (s *service) ask(ctx context.Context, number int) error {
	address := fmt.Sprintf("%s/v1/complete?user=%s&n=%d", s.model.URL, owner(number), number)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, nil)
	if err != nil {
		return err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

func (s *service) measure(ctx context.Context, number int, id, project string, status int) {
	request := metric.WithAttributes(attribute.String("method", "POST"), attribute.String("path", "/agents"),
		attribute.Int("status", status))
	s.requests.Add(ctx, 1, request)
	// The view of telemetry.go takes the owner out of the series, so that it is in exemplars alone.
	s.durations.Record(ctx, 0.004*float64(1+number), request, metric.WithAttributes(attribute.String("owner", owner(number))))
	model := []attribute.KeyValue{attribute.String("project.id", project), attribute.String("model", "small-1")}
	s.llmDurations.Record(ctx, 0.5*float64(number), metric.WithAttributes(model...))
	for direction, tokens := range map[string]int{"in": 100 * number, "out": number} {
		s.tokens.Add(ctx, int64(tokens), metric.WithAttributes(append(model, attribute.String("direction", direction))...))
	}
	s.activeAgents.Add(ctx, 1, metric.WithAttributes(attribute.String("agent.id", id)))
	if number%2 == 1 {
		s.activeAgents.Add(ctx, -1, metric.WithAttributes(attribute.String("agent.id", id)))
	}
}

func run(ctx context.Context, endpoint string) error {
	providers, err := newTelemetry(ctx, endpoint)
	if err != nil {
		return err
	}
	model := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, _ *http.Request) {
		response.WriteHeader(http.StatusOK)
	}))
	defer model.Close()
	database, err := connect(ctx, providers.tracers)
	if err != nil {
		return err
	}
	s := &service{
		tracer: providers.tracers.Tracer("agents", trace.WithInstrumentationVersion("1.4.0")),
		logger: providers.logger,
		client: http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport,
			otelhttp.WithTracerProvider(providers.tracers), otelhttp.WithMeterProvider(providers.meters))},
		model:    model,
		database: database,
	}
	if err := s.instruments(providers.meters.Meter("agents", metric.WithInstrumentationVersion("1.4.0"))); err != nil {
		return err
	}
	for number := range agents {
		if err := s.create(ctx, number); err != nil {
			return err
		}
	}
	return errors.Join(database.Close(ctx), providers.shutdown(ctx))
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "agents ENDPOINT")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
