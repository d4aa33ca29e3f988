"""Reads golden event records and runs' event files with TensorBoard itself; see check.mjs."""
import csv
import json
import os
import sys
import tempfile

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

TAGS = {
    "train/loss": "train_loss",
    "train/learning_rate": "learning_rate",
    "train/grad_norm": "grad_norm",
    "train/tokens_per_second": "tokens_per_second",
    "train/epoch": "epoch",
    "validation/loss": "val_loss",
    "validation/perplexity": "perplexity",
}


def written_by_tensorboard(event):
    """The bytes that TensorBoard's own writer makes of an event."""
    with tempfile.TemporaryFile() as out:
        RecordWriter(out).write(event.SerializeToString())
        out.seek(0)
        return out.read().hex()


def golden(path):
    with open(path) as file:
        records = json.load(file)
    time = 1767225600.5
    value = Summary.Value
    wanted = {
        "version": Event(wall_time=time, file_version="brain.Event:2"),
        "session": Event(wall_time=time, step=0, session_log=SessionLog(status=SessionLog.START)),
        "scalars": Event(
            wall_time=time,
            step=300,
            summary=Summary(value=[value(tag="train/loss", simple_value=1.25), value(tag="train/learning_rate", simple_value=2e-4)]),
        ),
    }
    for name, event in wanted.items():
        # A zero step is left out by protobuf and written by Forja: the same event, if not the same bytes.
        raw = bytes.fromhex(records[name])
        with tempfile.NamedTemporaryFile(suffix=".tfevents", delete=False) as file:
            file.write(raw)
        read = [Event.FromString(one) for one in RawEventFileLoader(file.name).Load()]
        os.unlink(file.name)
        assert read == [event], f"{name}: {read} is not {event}"
        if name != "session":
            assert records[name] == written_by_tensorboard(event), f"{name}: other bytes than TensorBoard's"
    print(f"golden records: {len(wanted)} are TensorBoard's")


def run(folder):
    accumulator = EventAccumulator(os.path.join(folder, "tensorboard"), size_guidance={"scalars": 0})
    accumulator.Reload()
    tags = accumulator.Tags()["scalars"]
    with open(os.path.join(folder, "metrics.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    compared = 0
    for tag, column in TAGS.items():
        lines = {int(row["step"]): float(row[column]) for row in rows if row[column] != ""}
        events = {one.step: one.value for one in accumulator.Scalars(tag)} if tag in tags else {}
        assert events.keys() == lines.keys(), f"{folder}: {tag} has other steps than metrics.csv"
        for step, value in lines.items():
            assert abs(events[step] - value) <= 1e-6 * abs(value), f"{folder}: {tag} of step {step} is {events[step]}, not {value}"
        compared += len(lines)
    assert compared > 0, f"{folder} has no metrics"
    print(f"{folder}: {len(rows)} lines, {compared} values as in metrics.csv")


golden(sys.argv[1])
for one in sys.argv[2:]:
    run(one)
