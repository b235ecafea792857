"""Reads requests as protobuf's own JSON mapping does, for json_oracle.rs.

Each line of the input is a signal, a request's bytes in hexadecimal digits, and the JSON that weir wrote of it. Each
line of the output is "ok" and the request as protobuf writes it, or "error" and a reason. OTLP differs from
protobuf's mapping in its ids alone, which are hexadecimal: they are turned here.
"""

import base64
import json
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

REQUESTS = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}
IDS = {"traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"}


def turned(value, turn):
    """The same with every id turned."""
    if isinstance(value, list):
        return [turned(inner, turn) for inner in value]
    if isinstance(value, dict):
        return {key: turn(inner) if key in IDS else turned(inner, turn) for key, inner in value.items()}
    return value


def to_base64(digits):
    return base64.b64encode(bytes.fromhex(digits)).decode()


def to_hex(text):
    return base64.b64decode(text).hex()


def main():
    for number, line in enumerate(sys.stdin):
        signal, request, text = line.rstrip("\n").split("\t")
        expected = REQUESTS[signal].FromString(bytes.fromhex(request))
        expected.DiscardUnknownFields()
        found = json_format.ParseDict(turned(json.loads(text), to_base64), REQUESTS[signal]())
        if found.SerializeToString(deterministic=True) != expected.SerializeToString(deterministic=True):
            print("error\tprotobuf reads another message")
            continue
        # Every form that protobuf can write: both names of fields, names and numbers of enums, defaults left out or not.
        options = {
            "preserving_proto_field_name": number % 2 == 1,
            "use_integers_for_enums": number % 4 >= 2,
            "always_print_fields_with_no_presence": number % 8 >= 4,
        }
        theirs = turned(json_format.MessageToDict(expected, **options), to_hex)
        print("ok\t" + json.dumps(theirs, ensure_ascii=number % 16 >= 8))


main()
