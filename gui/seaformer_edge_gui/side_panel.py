"""The panel beside the picture: view and classes, or a drawer with one page at a time."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QScroller,
    QSizePolicy,
    QSlider,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from seaformer_edge.hub.card import Card
from seaformer_edge.inference.modes import Mode
from seaformer_edge_gui.class_panel import ClassPanel
from seaformer_edge_gui.metrics_panel import MetricsPanel
from seaformer_edge_gui.run_panel import RunPanel
from seaformer_edge_gui.theme import label

WIDTH_PX = 300


class SidePanel(QWidget):
    """View controls and classes. Its signals report what the user requests.

    Attributes:
        tabs: chooses the page of a drawer.
        modes: the button of each mode.
    """

    mode_requested = Signal(object)  # Mode
    opacity_requested = Signal(float)
    smoothing_requested = Signal(float)
    min_confidence_requested = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.modes = {mode: self._mode_button(mode) for mode in Mode}
        self.opacity = _slider("Opacity", "Opacity of the class colours ([ and ])")
        self.smoothing = _slider("Smoothing", "Smoothing over time: less flicker in still areas")
        self.min_confidence = _slider(
            "Confidence", "Pixels whose class is less probable than this are unknown"
        )
        self.classes = ClassPanel()
        self.tabs = QTabBar()
        self.tabs.setAccessibleName("Pages")
        self.tabs.setExpanding(True)
        self.tabs.setDrawBase(False)
        self.tabs.currentChanged.connect(self._show_page)
        self._view = _card(self._mode_row(), self._slider_rows())
        self._view.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._classes = _card(self.classes)
        self._pages: dict[str, QWidget] = {}
        self._card: Card | None = None
        content = QWidget()
        self._column = QVBoxLayout(content)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)
        self._column.addWidget(self._view, 0, Qt.AlignmentFlag.AlignTop)
        self._column.addWidget(self._classes, 1)
        area = QScrollArea()
        area.setWidget(content)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        QScroller.grabGesture(area.viewport(), QScroller.ScrollerGestureType.TouchGesture)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(6)
        whole.addWidget(self.tabs)
        whole.addWidget(area, 1)
        self.show_both()

    def sizeHint(self) -> QSize:
        width = round(WIDTH_PX * self.fontMetrics().height() / 16)
        return QSize(max(width, self._column.minimumSize().width()), 0)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, 0)

    def show_both(self) -> None:
        """Shows the view controls above the classes, as a wide window does."""
        self._pages = {}
        self.tabs.hide()
        self.classes.top.show()
        self._view.show()
        self._classes.show()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    def show_pages(self, run: RunPanel, metrics: MetricsPanel, *, below: bool) -> None:
        """Becomes a drawer with tabs, which also holds the run's controls and the figures.

        Args:
            below: the drawer is as wide as the window.
        """
        run.arrange(in_row=False)
        metrics.arrange(stacked=True)
        self._pages = {
            "Classes": self._classes,
            "View": self._view,
            "Run": run,
            "Figures": metrics,
        }
        for page in (run, metrics):
            self._column.addWidget(page, 0, Qt.AlignmentFlag.AlignTop)
        while self.tabs.count() < len(self._pages):
            self.tabs.addTab(list(self._pages)[self.tabs.count()])
        self.tabs.show()
        self.classes.top.hide()  # the tab says the same
        self._show_page(self.tabs.currentIndex())
        across = QSizePolicy.Policy.Expanding if below else QSizePolicy.Policy.Fixed
        self.setSizePolicy(across, QSizePolicy.Policy.Expanding)

    def _show_page(self, chosen: int) -> None:
        for i, page in enumerate(self._pages.values()):
            page.setVisible(i == chosen)

    def set_touch(self, touch: bool) -> None:
        """Makes rows as high as a finger needs."""
        self.classes.set_touch(touch)

    def set_mode(self, mode: Mode) -> None:
        """Checks the mode's button."""
        self.modes[mode].setChecked(True)
        self._enable()

    def show_card(self, card: Card | None) -> None:
        """Shows the classes of a model."""
        if card is not self._card:
            self._card = card
            self.classes.show_card(card)
            self._enable()

    def _enable(self) -> None:
        """Disables what changes nothing: a classifier colours nothing, a mask is opaque."""
        segments = self._card is None or self._card.task == "segmentation"
        for button in self.modes.values():
            button.setEnabled(segments)
        self.smoothing.setEnabled(segments)
        self.min_confidence.setEnabled(segments)
        shown = next((mode for mode, button in self.modes.items() if button.isChecked()), None)
        self.opacity.setEnabled(segments and shown is not None and "overlay" in shown.panels)

    def change_opacity(self, percent: int) -> None:
        """Moves the slider, unless it does nothing now."""
        if self.opacity.isEnabled():
            self.opacity.setValue(self.opacity.value() + percent)

    def _mode_row(self) -> QWidget:
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(3)
        group = QButtonGroup(self)  # exclusive
        for button in self.modes.values():
            group.addButton(button)
            row.addWidget(button, 1)
        return holder

    def _mode_button(self, mode: Mode) -> QPushButton:
        button = QPushButton(mode.label)
        button.setObjectName("mode")
        button.setCheckable(True)
        button.setToolTip(f"{mode.description.capitalize()} ({mode.key})")
        button.clicked.connect(lambda: self.mode_requested.emit(mode))
        button.toggled.connect(self._enable)
        return button

    def _slider_rows(self) -> QWidget:
        holder = QWidget()
        grid = QGridLayout(holder)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(4)
        rows = (
            (self.opacity, self.opacity_requested),
            (self.smoothing, self.smoothing_requested),
            (self.min_confidence, self.min_confidence_requested),
        )
        for row, (slider, signal) in enumerate(rows):
            value = label("0 %")
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            value.setMinimumWidth(value.fontMetrics().horizontalAdvance("100 %"))
            slider.valueChanged.connect(lambda v, value=value: value.setText(f"{v} %"))
            slider.valueChanged.connect(lambda v, signal=signal: signal.emit(v / 100))
            name = label(slider.accessibleName())
            name.setBuddy(slider)
            for column, widget in enumerate((name, slider, value)):
                grid.addWidget(widget, row, column)
        grid.setColumnStretch(1, 1)
        return holder


def _slider(name: str, tip: str) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(0, 100)
    slider.setPageStep(10)
    slider.setSingleStep(5)
    slider.setAccessibleName(name)
    slider.setToolTip(tip)
    return slider


def _card(*contents: QWidget) -> QFrame:
    frame = QFrame()
    frame.setObjectName("panel")
    layout = QVBoxLayout(frame)
    layout.setContentsMargins(10, 6, 10, 8)
    layout.setSpacing(4)
    for content in contents:
        layout.addWidget(content)
    return frame
