"""Reads a page of metrics from stdin with Prometheus' own parsers for Python and prints its families as JSON.

Usage: scraped.py text|openmetrics
"""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text

PARSERS = {"text": text, "openmetrics": openmetrics}


def sample(one):
    exemplar = one.exemplar and {"labels": one.exemplar.labels, "value": one.exemplar.value}
    return {"name": one.name, "labels": one.labels, "value": str(one.value), "exemplar": exemplar}


def family(one):
    samples = [sample(sample_) for sample_ in one.samples]
    return {"name": one.name, "type": one.type, "unit": one.unit, "help": one.documentation, "samples": samples}


families = [family(one) for one in PARSERS[sys.argv[1]](sys.stdin.read())]
json.dump(families, sys.stdout)
