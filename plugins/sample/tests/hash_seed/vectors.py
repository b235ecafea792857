"""Makes vectors.json: what the mode hash_seed decides, by arithmetic of its own. Run by hand: python3 vectors.py

Written from what the Collector's processor does (opentelemetry-collector-contrib 0.161.0, probabilisticsamplerprocessor),
and compared with it: tests/tests/e2e/probabilistic_sampler.rs sends the same ids to both, where a Collector is there.
"""

import hashlib
import json
import pathlib
import struct


def fnv1a(data):
    value = 2166136261
    for byte in data:
        value = ((value ^ byte) * 16777619) % 2**32
    return value


def single(number):
    """The nearest number in single precision."""
    return struct.unpack("<f", struct.pack("<f", number))[0]


def buckets(percentage):
    return int(single(single(percentage) * single(163.84)))


def decision(ident, seed, percentage):
    value = fnv1a(seed.to_bytes(4, "little") + ident)
    low, high = value % 2**14, value // 2**18
    rv = (16383 - low) * 2**42 + (high ^ (high * 1024)) * 2**14 + low
    return {"id": ident.hex(), "rv": format(rv, "014x"), "kept": low < buckets(percentage)}


def threshold(percentage):
    digits = format((16384 - buckets(percentage)) * 2**42, "014x").rstrip("0")
    return digits or "0"


SETTINGS = [(0, 15.3), (22, 15.3), (22, 50), (4294967295, 1), (123, 0.0062), (7, 33.3), (1, 99.99), (305419896, 10)]

groups = []
for number, (seed, percentage) in enumerate(SETTINGS):
    ids = [hashlib.sha256(b"%d/%d" % (number, n)).digest()[:16] for n in range(60)]
    # Ids that are not random, as some tracers make them.
    ids += [n.to_bytes(16, "big") for n in range(1, 21)]
    decisions = [decision(ident, seed, percentage) for ident in ids]
    groups.append({"seed": seed, "percentage": percentage, "th": threshold(percentage), "ids": decisions})

lines = [json.dumps(group) for group in groups]
pathlib.Path(__file__).with_name("vectors.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
