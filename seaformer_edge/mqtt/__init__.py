"""The state of a live run as MQTT messages, with discovery by Home Assistant."""

from seaformer_edge.mqtt.broker import Broker, read_broker
from seaformer_edge.mqtt.publisher import MqttPublisher

__all__ = ["Broker", "MqttPublisher", "read_broker"]
