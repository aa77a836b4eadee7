"""Lines whose shape alone says what their numbers are: YOLO's results, COCO's summary, MLPerf's events, printed configs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import re2

from sentinel.core.records import Item
from sentinel.formats.course import Course

_YOLO = re.compile(r"^\s*\d+/\d+\s+[\d.]+G(?:\s+[-\w.]+){8,20}\s*$")
_YOLO_KEYS = (
    *("train/box_loss", "train/obj_loss", "train/cls_loss", "train/total_loss", "", ""),
    *("val/precision", "val/recall", "val/map50", "val/map50_95", "val/box_loss", "val/obj_loss", "val/cls_loss"),
)
_CELL = r"\s+(?:[-+]?[\d.]+(?:[eE][-+]?\d+)?|nan|inf)"
_BOXES = re.compile(
    rf"^\s*(?P<epoch>\d+)/(?P<last>\d+)\s+[\d.]+[GM]?(?P<cells>(?:{_CELL}){{3,12}})(?::\s*(?P<done>\d+)%|\s*$)"
)
_BOXES_HEAD = re.compile(r"^\s*Epoch\s+(?:GPU|gpu)_mem\s+(?P<names>\S.*)$")
_BOXES_ALL = re.compile(rf"^\s+all\s+\d+\s+\d+(?P<cells>(?:{_CELL}){{4,8}})\s*$")
_BOXES_KEYS = ("val/precision", "val/recall", "val/map50", "val/map50_95")
_DARKNET = re.compile(
    r"\s*(?P<iter>\d+): (?P<loss>-?[\w.]+), (?P<avg_loss>-?[\w.]+) avg(?: loss)?, "
    r"(?P<lr>[\d.e-]+) rate, (?P<step_time>[\d.]+) seconds\b"
)
_DARTS = re.compile(
    r"\btrain (?P<iter>\d{3,}) (?P<loss>[\d.]+e[-+]\d+|nan|inf) (?P<top1>\d+\.\d+) (?P<top5>\d+\.\d+)\s*$"
)
_REGION = re.compile(r"(?:v\d \(.{0,80})?Region (?:\d+ )?Avg ")
_DARKNET_MAP = re.compile(r"\s*mean average precision \(mAP@0?\.50\) = (?P<map50>[\d.]+)")
_NO_LOSS = frozenset(["labels", "targets", "instances", "size", "img_size"])
_COCO = re.compile(
    r"\((?P<what>A[PR])\) @\[ IoU=(?P<iou>\S+)\s*\| area=\s*(?P<area>\w+)\s*\| maxDets=\s*(?P<most>\d+)\s*\]"
    r" = (?P<value>-?[\d.]+)"
)
_COQUI = re.compile(r"^\s*\| > (?P<key>\w+): ?(?P<value>\S+)(?:\s+\(\S+\))?\s*$")
_COQUI_EVAL = re.compile(r"^\s*--> STEP: \d+\s*$")
_PLAYED = re.compile(r"\| (train|eval) *\| [A-Z]+: ")
_PLAYED_PAIR = re.compile(r"\| ([A-Z]+): ([-+\d.e]+)(?= |$)")
_PLAYED_KEYS = {
    "S": "step", "E": "episode", "R": "reward", "L": "episode_length", "FPS": "fps",
    "ALOSS": "loss_actor", "CLOSS": "loss_critic",
}  # fmt: skip
_LLMC = re.compile(r"^s:(\d+) (tel|trl):(\S+)\s*$")
_OWN = re2.compile(
    r"^     |copypaste: |--> STEP: |^s:\d+ t[er]l:|\| (?:train|eval) *\| [A-Z]+: "
    r"|^\s*\d+/\d+\s+[\d.]+[GM]\s| avg(?: loss)?, |Region .{0,4}Avg |\btrain \d{3,} \S+ \S+ \S+$|mean average precision"
)
_CONFIG = (
    "batch_size seed momentum weight_decay optimizer num_epochs epochs num_workers model hidden_size workers data_dir model_name "
    "lr_scheduler dropout gpus warmup_steps batchnorm_eps num_layers image_shape num_classes"
)
_CONFIG_KEYS = frozenset(_CONFIG.split())


def yolo(text: str) -> tuple[dict[str, Any], int] | None:
    """A line of YOLOv5's and v7's results.txt, and the planned epochs."""
    if not _YOLO.match(text):
        return None
    cells = text.split()
    epoch, _, last = cells[0].partition("/")
    thing: dict[str, Any] = {key: cell for key, cell in zip(_YOLO_KEYS, cells[2:], strict=False) if key}
    return {**thing, "epoch": epoch}, int(last[:9]) + 1


def may_own(text: str) -> bool:
    """Whether a line may be one that `own` reads."""
    return bool(_OWN.search(text))


def own(text: str, course: Course, line: int, out: list[Item]) -> dict[str, Any] | None:
    """Scores to copy, tables of boxes, what darknet, DARTS, Coqui, DrQ and llm.c print; None for any other line."""
    if "copypaste: " in text:
        return copied(text, course) or None
    if _PLAYED.search(text):
        return played(text)
    if loss := _LLMC.match(text):
        return {"step": loss[1], {"tel": "val/loss", "trl": "train/loss"}[loss[2]]: loss[3]}
    if (told := coqui(text, course)) is not None:
        return told
    found = darknet(text) if text[:5] != "     " else None
    return boxes(text, course, line, out) if found is None else found


def coqui(text: str, course: Course) -> dict[str, Any] | None:
    """A line of Coqui's blocks, the value of now before its mean in brackets; of an evaluation the means alone."""
    if _COQUI_EVAL.match(text):
        course.section("val")  # its batches are counted from 0: no step of the training
        return {}
    if (match := _COQUI.match(text)) is None:
        return None
    return {} if course.context and not match["key"].startswith("avg_") else {match["key"]: match["value"]}


def played(text: str) -> dict[str, Any]:
    """DrQ's line of an episode in capitals: `| train | S: 3000 | E: 6 | L: 500 | R: 51.3`."""
    split = "val/" if "| eval" in text else ""
    pairs = {_PLAYED_KEYS[key]: value for key, value in _PLAYED_PAIR.findall(text) if key in _PLAYED_KEYS}
    return {key if key in ("step", "episode") else split + key: value for key, value in pairs.items()}


def boxes(text: str, course: Course, line: int, out: list[Item]) -> dict[str, Any] | None:
    """Ultralytics' console: losses under a head of names, closed by a bar, and the row of all classes below."""
    if head := _BOXES_HEAD.match(text):
        course.copied = ["", *head["names"].split()]
        return {}
    if course.copied[:1] == [""] and (row := _BOXES.match(text)):
        course.fact("fact.planned_epochs", int(row["last"][:9]), line, out)
        cells = zip(course.copied[1:], row["cells"].split(), strict=False)
        losses = {_loss(name): cell for name, cell in cells if name.lower() not in _NO_LOSS}
        return {**losses, "epoch": row["epoch"]} if losses and row["done"] in ("100", None) else {}
    if scores := _BOXES_ALL.match(text):
        return dict(zip(_BOXES_KEYS, scores["cells"].split(), strict=False))
    return {} if text.lstrip().startswith("Class ") and " Images " in text else None


def _loss(name: str) -> str:
    """YOLOv5 says `box`, YOLOv8 `box_loss`, and `total` is the loss itself."""
    return "train/loss" if name == "total" else f"train/{name.removesuffix('_loss')}_loss"


def darknet(text: str) -> dict[str, Any] | None:
    """Darknet's iterations and its mAP, and DARTS's; what is printed of each layer in each batch gives nothing."""
    if found := _DARTS.search(text):
        return {("iter" if key == "iter" else f"train/{key}"): value for key, value in found.groupdict().items()}
    if found := _DARKNET.match(text):
        return found.groupdict()
    if found := _DARKNET_MAP.match(text):
        return {"val/map50": found["map50"]}
    return {} if _REGION.match(text) else None


def coco(text: str) -> dict[str, Any] | None:
    """COCO's average precision and recall by overlap and size."""
    match = _COCO.search(text)
    if match is None:
        return None
    key = f"{match['what']}_{match['area']}_{match['most']}"
    if match["area"] == "all" and match["what"] == "AP":
        key = {"0.50:0.95": "map50_95", "0.50": "map50"}.get(match["iou"], f"ap_{match['iou']}")
    return {f"val/{key}": match["value"]}


def copied(text: str, course: Course) -> dict[str, Any]:
    """Detectron2's rows to copy: the task, the names of its scores, then their values."""
    _, _, said = text.partition("copypaste: ")
    cells = [cell.strip() for cell in said.split(",")]
    if said.startswith("Task:"):
        course.copied = [said[5:].strip()]
    elif course.copied and any(cell[:1].isalpha() and cell != "nan" for cell in cells):
        course.copied = [course.copied[0], *cells]
    elif len(cells) == len(course.copied) - 1:
        task, *names = course.copied
        return {f"val/{task}/{name}": value for name, value in zip(names, cells, strict=True)}
    return {}


def mllog(thing: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The reading of an MLPerf event, and the status if it ends the run."""
    key, value = str(thing.get("key", "")), thing.get("value")
    stop = str(thing.get("metadata/status", "")) if key == "run_stop" else ""
    told = isinstance(value, int | float) and not isinstance(value, bool) and key.startswith(("eval_", "train_loss"))
    if not told or key.endswith(("_start", "_stop", "_samples", "_size")):
        return {}, stop
    return {key: value, "epoch": thing.get("metadata/epoch_num")}, stop


def is_config(keys: Iterable[str]) -> bool:
    """Whether these are the keys of a config that was printed."""
    return len(_CONFIG_KEYS.intersection(keys)) > 1
