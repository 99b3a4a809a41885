"""Home Assistant's MQTT discovery: one device for each camera, one entity for each value.

See https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256

from seaformer_edge._version import __version__
from seaformer_edge.zones import Zone

PREFIX = "homeassistant"
_FIGURES = {
    "inference_fps": ("Inference rate", "Hz", "frequency"),
    "latency_p50_ms": ("Latency", "ms", "duration"),
    "temperature_c": ("Temperature", "\u00b0C", "temperature"),
}


def identifier(name: str) -> str:
    """A name as a part of a topic: letters, digits, _ and -; different for different names."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_")[:40]
    digest = sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return plain if plain == name else f"{plain}_{digest[:8]}"


def discovery_messages(
    topic: str, camera: str, zones: Sequence[Zone], classes: Sequence[str]
) -> Mapping[str, dict[str, object]]:
    """The retained messages that make Home Assistant show a camera.

    Args:
        topic: of the camera, without a / at the end.
        camera: its name.
        zones: a sensor for each zone and class, disabled until the user enables it unless a rule
            names the class; a binary sensor for each rule.
        classes: the model's class names.

    Returns:
        payloads by topic.
    """
    device_id = f"seaformer_edge_{identifier(camera)}"
    shared: dict[str, object] = {
        "availability_topic": f"{topic}/status",
        "device": {
            "identifiers": [device_id],
            "name": camera,
            "manufacturer": "seaformer-edge",
            "model": "SeaFormer segmentation",
            "sw_version": __version__,
        },
        "origin": {"name": "seaformer-edge", "sw_version": __version__},
    }
    messages: dict[str, dict[str, object]] = {}

    def add(kind: str, object_id: str, entries: dict[str, object]) -> None:
        unique_id = f"{device_id}_{object_id}"
        messages[f"{PREFIX}/{kind}/{device_id}/{object_id}/config"] = {
            **shared,
            "unique_id": unique_id,
            **entries,
        }

    for figure, (name, unit, device_class) in _FIGURES.items():
        entries: dict[str, object] = {
            "name": name,
            "state_topic": f"{topic}/state",
            "value_template": f"{{{{ value_json.{figure} }}}}",
            "unit_of_measurement": unit,
            "device_class": device_class,
            "state_class": "measurement",
            "entity_category": "diagnostic",
        }
        add("sensor", figure, entries)
    for number, zone in enumerate(zones):
        of_rules = {rule.class_name for rule in zone.rules}
        for class_name in classes:
            path = f"[{json.dumps(zone.name)}][{json.dumps(class_name)}]"
            entries = {
                "name": f"{zone.name} {class_name}",
                "state_topic": f"{topic}/zones",
                "value_template": f"{{{{ (value_json{path} * 100) | round(1) }}}}",
                "unit_of_measurement": "%",
                "state_class": "measurement",
                "enabled_by_default": class_name in of_rules,
            }
            add("sensor", f"{identifier(zone.name)}_{identifier(class_name)}", entries)
        for rule_number, rule in enumerate(zone.rules):
            entries = {
                "name": f"{zone.name}: {rule}",
                "state_topic": rule_topic(topic, number, rule_number),
            }
            add("binary_sensor", f"{identifier(zone.name)}_rule_{rule_number}", entries)
    return messages


def rule_topic(topic: str, zone_number: int, rule_number: int) -> str:
    """The topic on which a rule's event is ON or OFF."""
    return f"{topic}/zone/{zone_number}/rule/{rule_number}"
