"""What the page can change: the view, the model, pause and recording."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import UNSET, Meta, Struct, UnsetType
from numpy.typing import NDArray

from seaformer_edge.errors import SeaformerEdgeError, suggestion
from seaformer_edge.hub.card import Card
from seaformer_edge.hub.zoo import installed_cards, select_program
from seaformer_edge.inference.modes import Mode
from seaformer_edge.inference.views import View
from seaformer_edge.live import LivePipeline, LiveResult
from seaformer_edge.live.snapshots import free_name
from seaformer_edge.live.zone_watch import ZoneWatch
from seaformer_edge.web.pictures import draw
from seaformer_edge.zones import Zone, change_zones

MAX_NAME = 200
Name = Annotated[str, Meta(max_length=MAX_NAME)]


class Change(Struct, forbid_unknown_fields=True):
    """The body of a change; what is left out stays.

    Attributes:
        model: one of `Controls.models`.
        classes: names of the classes to colour; None or none colours all.
        zone: to add to the zone file, or to replace the one of the same name there.
        remove_zone: name of a zone to remove from the zone file.
    """

    model: Name | UnsetType = UNSET
    mode: Mode | UnsetType = UNSET
    opacity: Annotated[float, Meta(ge=0, le=1)] | UnsetType = UNSET
    classes: Annotated[list[Name], Meta(max_length=256)] | UnsetType | None = UNSET
    paused: bool | UnsetType = UNSET
    recording: bool | UnsetType = UNSET
    zone: Zone | UnsetType = UNSET
    remove_zone: Name | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model that the page offers.

    Attributes:
        name: as for `--model`.
        detail: variant, input size and precision.
        program: the name in the status while it runs.
    """

    name: str
    detail: str
    program: str


class Controls:
    """Changes a run. Its methods may block for a moment, and be called from any thread.

    Args:
        program: the .pte that the run began with; offered beside the installed ones.
        card: its card.
        view: at the start.
        folder: for recordings; None if the page cannot record.
        zones: that are watched.
        zone_file: where changes of them are saved; None if the page cannot change them.
    """

    def __init__(
        self,
        pipeline: LivePipeline,
        program: Path,
        card: Card,
        view: View,
        folder: Path | None,
        zones: ZoneWatch | None = None,
        zone_file: Path | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._program = program
        self._first = ModelChoice(card.name, _detail(card), card.name)
        self._folder = folder
        self.zones = zones
        self._zone_file = zone_file
        self.view = view
        self._classes = frozenset(card.classes[i] for i in view.classes or ())

    @property
    def can_record(self) -> bool:
        return self._folder is not None

    @property
    def can_draw_zones(self) -> bool:
        return self._zone_file is not None

    @property
    def classes(self) -> frozenset[str]:
        """Names of the coloured classes; none stands for all."""
        return self._classes

    def view_of(self, card: Card | None) -> View:
        """How to draw the results of a model: all classes, if it has none of the chosen ones."""
        chosen = () if card is None else card.classes
        ids = frozenset(i for i, name in enumerate(chosen) if name in self._classes)
        return replace(self.view, classes=ids or None)

    def models(self) -> list[ModelChoice]:
        """The installed models, and the one that the run began with."""
        cards = installed_cards()
        choices = []
        for name, card in cards.items():
            program = cards.get(select_program(name).path.stem, card)
            choices.append(ModelChoice(name, _detail(program), program.name))
        if self._first.program not in {choice.program for choice in choices}:
            choices.append(self._first)
        return choices

    def apply(self, body: bytes) -> None:
        """Makes the change that a JSON text asks for.

        Raises:
            SeaformerEdgeError: the text is not understood, or what it asks for is not possible;
                nothing has changed then but what could be done before.
        """
        try:
            change = msgspec.json.decode(body, type=Change)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise SeaformerEdgeError(f"the change is not understood: {error}") from error
        classes = self._classes if change.classes is UNSET else self._checked(change.classes)
        if change.model is not UNSET:
            self._switch_model(change.model)
        self._classes = classes
        if change.mode is not UNSET:
            self.view = replace(self.view, mode=change.mode)
        if change.opacity is not UNSET:
            self.view = replace(self.view, opacity=change.opacity)
        if change.paused is not UNSET:
            if change.paused:
                self._pipeline.pause()
            else:
                self._pipeline.resume()
        if change.recording is not UNSET:
            self._record(change.recording)
        if change.remove_zone is not UNSET:
            self._change_zones(remove=change.remove_zone)
        if change.zone is not UNSET:
            self._checked([rule.class_name for rule in change.zone.rules])
            self._change_zones(put=change.zone)

    def _change_zones(self, **change: Any) -> None:
        if self._zone_file is None or self.zones is None:
            raise SeaformerEdgeError("zones are saved to the file of --zones, which was not given")
        self.zones.set_zones(change_zones(self._zone_file, **change))

    def _checked(self, names: list[str] | None) -> frozenset[str]:
        result = self._pipeline.newest()
        card = None if result is None else result.card
        for name in names or ():
            if card is None or name not in card.classes:
                known = "none is loaded" if card is None else suggestion(name, card.classes)
                raise SeaformerEdgeError(f"{name}: no class of the model; {known}")
        return frozenset(names or ())

    def _switch_model(self, name: str) -> None:
        # Only names: a path from outside would be opened and run.
        if name in {choice.name for choice in self.models()}:
            is_first = name == self._first.name and name not in installed_cards()
            self._pipeline.switch_model(self._program if is_first else select_program(name).path)
        else:
            raise SeaformerEdgeError(f"{name}: no installed model; GET /api/choices lists them")

    def _record(self, on: bool) -> None:
        if self._folder is None:
            raise SeaformerEdgeError("this run records to a file of its own, by --record")
        if not on:
            self._pipeline.stop_recording()
        elif self._pipeline.status().recording is None:
            self._pipeline.start_recording(free_name(self._folder, ".mp4"), self._draw)

    def _draw(self, result: LiveResult) -> NDArray[np.uint8]:
        return draw(result, self.view_of(result.card))


def _detail(card: Card) -> str:
    return f"{card.variant} {card.width}x{card.height} {card.precision}"
