"""Zones: named polygons of a picture, the share of each class in them, and rules on the shares."""

from seaformer_edge.zones.command import EventCommand
from seaformer_edge.zones.rules import Event, RuleWatch
from seaformer_edge.zones.shares import ZoneShares, polygon_mask
from seaformer_edge.zones.zone_file import Rule, Zone, change_zones, read_zones, write_zones

__all__ = [
    "Event",
    "EventCommand",
    "Rule",
    "RuleWatch",
    "Zone",
    "ZoneShares",
    "change_zones",
    "polygon_mask",
    "read_zones",
    "write_zones",
]
