package main

import (
	"context"
	"fmt"
	"net"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	"go.opentelemetry.io/otel/trace"
)

// connect gives a real connection of pgx, traced by the real otelpgx, to a database that is none: it takes every statement.
func connect(ctx context.Context, tracers trace.TracerProvider) (*pgx.Conn, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		defer listener.Close()
		if connection, err := listener.Accept(); err == nil {
			serve(connection)
		}
	}()
	config, err := pgx.ParseConfig(fmt.Sprintf("postgres://agents@%s/agents?sslmode=disable", listener.Addr()))
	if err != nil {
		return nil, err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	config.Tracer = otelpgx.NewTracer(otelpgx.WithTracerProvider(tracers), otelpgx.WithTrimSQLInSpanName())
	return pgx.ConnectConfig(ctx, config)
}

// serve speaks as much of PostgreSQL's protocol as a client without a password needs for statements that give no rows.
func serve(connection net.Conn) {
	defer connection.Close()
	backend := pgproto3.NewBackend(connection, connection)
	if _, err := backend.ReceiveStartupMessage(); err != nil {
		return
	}
	backend.Send(&pgproto3.AuthenticationOk{})
	// What pgx wants to know before it quotes anything.
	backend.Send(&pgproto3.ParameterStatus{Name: "standard_conforming_strings", Value: "on"})
	backend.Send(&pgproto3.ParameterStatus{Name: "client_encoding", Value: "UTF8"})
	backend.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	for backend.Flush() == nil {
		message, err := backend.Receive()
		if err != nil {
			return
		}
		if _, isQuery := message.(*pgproto3.Query); !isQuery {
			return
		}
		backend.Send(&pgproto3.CommandComplete{CommandTag: []byte("INSERT 0 1")})
		backend.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	}
}
