// Zones: on the picture, drawn by a pointer or by keys, and their events.
"use strict";

const ZONE_CLASSES = 3;
const EVENTS = 5;
const NEAR_PX = 14;
const STEP = 0.01;
const LARGE_STEP = 0.1;

let shapes = []; // the zones, as in their file
let shownChanges = null; // how often they had been changed then
let corners = null; // (x, y) from 0 to 1 of the zone that is being drawn; null while none is
let cursor = null; // of the arrow keys

async function showZones() {
  if (status.zone_changes !== shownChanges) {
    const changes = status.zone_changes;
    const response = await fetch("api/zones", { cache: "no-store" });
    shapes = (await response.json()).zones;
    shownChanges = changes;
    listZones();
  }
  $("zones").hidden = shapes.length === 0 && !status.can_draw_zones;
  $("draw").hidden = !status.can_draw_zones || corners !== null;
  for (const item of $("zone-rows").children) {
    const largest = Object.entries(status.zones[item.dataset.name] ?? {}).slice(0, ZONE_CLASSES);
    item.children[1].textContent = largest.map(([name, share]) => `${name} ${percent(share)}`).join(", ");
  }
  const lines = status.events.slice(0, EVENTS).map((event) => {
    const time = new Date(event.time).toLocaleTimeString();
    return `${time} ${event.zone}: ${ruleText(event)} ${event.event}s, ${percent(event.share)}`;
  });
  const list = $("events");
  if (lines.join("\n") !== [...list.children].map((item) => item.textContent).join("\n")) {
    list.replaceChildren(...lines.map((line) => make("li", {}, line)));
  }
  drawShapes();
}

function listZones() {
  $("zone-rows").replaceChildren(
    ...shapes.map(({ name }) => {
      const item = make("li", {}, make("span", {}, name), make("span"));
      item.dataset.name = name;
      if (status.can_draw_zones) {
        const remove = make("button", { type: "button", className: "quiet", ariaLabel: `Remove ${name}` }, "Remove");
        remove.addEventListener("click", () => {
          if (confirm(`Remove the zone ${name}?`)) change({ remove_zone: name });
        });
        item.append(remove);
      }
      return item;
    }),
  );
}

function ruleText(rule) {
  const limit = rule.above === undefined || rule.above === null ? "below" : "above";
  return `${rule.class} ${limit} ${percent(rule[limit])}`;
}

// The names of the zones in which an event lasts: its newest record is its beginning.
function activeZones() {
  const rules = new Map();
  for (const event of status.events) {
    const key = JSON.stringify([event.zone, ruleText(event)]);
    if (!rules.has(key)) rules.set(key, event);
  }
  return new Set([...rules.values()].filter((event) => event.event === "begin").map((event) => event.zone));
}

// ---- On the picture ----

function svg(tag, attributes, text = "") {
  const element = document.createElementNS($("shapes").namespaceURI, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

function drawShapes() {
  const { width, height } = $("picture");
  const box = $("shapes").getBoundingClientRect();
  const unit = Math.max(width / box.width, height / box.height) || 1; // one pixel of the page
  const column = width / status.columns;
  const active = activeZones();
  const drawn = [];
  for (let i = 0; i < status.columns; i++) {
    const at = ([x, y]) => [(i + x) * column, y * height];
    for (const { name, polygon } of shapes) {
      const points = polygon.map(at);
      drawn.push(svg("polygon", { points: points.join(" "), class: active.has(name) ? "active" : "" }));
      const [x, y] = points.reduce((a, b) => (b[1] < a[1] ? b : a));
      const left = Math.min(x + 4 * unit, (i + 1) * column - 60 * unit);
      drawn.push(svg("text", { x: left, y: Math.max(y - 5 * unit, 14 * unit), "font-size": 13 * unit }, name));
    }
    if (corners === null) continue;
    drawn.push(svg("polygon", { points: corners.map(at).join(" "), class: "drawn" }));
    for (const corner of corners) {
      const [cx, cy] = at(corner);
      drawn.push(svg("circle", { cx, cy, r: 5 * unit, class: "drawn" }));
    }
    if (cursor !== null) {
      const [x, y] = at(cursor);
      const d = `M${x - 12 * unit} ${y}h${24 * unit}M${x} ${y - 12 * unit}v${24 * unit}`;
      drawn.push(svg("path", { d, class: "drawn" }));
    }
  }
  $("shapes").setAttribute("viewBox", `0 0 ${width} ${height}`);
  $("shapes").replaceChildren(...drawn);
}

// ---- Drawing ----

function startDrawing() {
  corners = [];
  cursor = null;
  const { value } = $("zone-class");
  const names = [...$("names").querySelectorAll("button")].map((button) => button.dataset.name);
  $("zone-class").replaceChildren(new Option("no event", ""), ...names.map((name) => new Option(name, name)));
  if (names.includes(value)) $("zone-class").value = value;
  $("zone-name").value = "";
  $("drawing").hidden = false;
  $("shapes").classList.add("drawing");
  $("shapes").tabIndex = 0;
  $("shapes").ariaHidden = "false";
  $("shapes").focus({ preventScroll: true });
  cornersChanged();
  $("drawing").scrollIntoView({ block: "nearest" });
}

function stopDrawing() {
  corners = cursor = null;
  $("drawing").hidden = true;
  $("shapes").classList.remove("drawing");
  $("shapes").removeAttribute("tabindex");
  $("shapes").ariaHidden = "true";
  showZones();
  $("draw").focus({ preventScroll: true });
}

function cornersChanged() {
  const count = corners.length;
  $("corners").textContent =
    count < 3 ? `Choose corners on the picture: ${count} of at least 3` : `${count} corners`;
  $("undo").disabled = count === 0;
  $("save-zone").disabled = count < 3;
  $("rule").hidden = $("zone-class").value === "";
  $("draw").hidden = true;
  drawShapes();
}

function addCorner(corner) {
  const last = corners.at(-1);
  if (last && last[0] === corner[0] && last[1] === corner[1]) return;
  corners.push(corner);
  cornersChanged();
}

const within = (value) => Math.min(Math.max(Math.round(value * 1e4) / 1e4, 0), 1);

function placeCorner(event) {
  if (corners === null || event.button !== 0) return;
  event.preventDefault();
  $("shapes").focus({ preventScroll: true });
  const matrix = $("shapes").getScreenCTM();
  const column = $("picture").width / status.columns;
  const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
  const i = Math.min(Math.max(Math.floor(x / column), 0), status.columns - 1);
  const corner = [within(x / column - i), within(y / $("picture").height)];
  const [first] = corners;
  if (corners.length > 2) {
    const away = [(corner[0] - first[0]) * column, (corner[1] - first[1]) * $("picture").height];
    if (Math.hypot(...away) * matrix.a < NEAR_PX) {
      $("zone-name").focus(); // the polygon is closed
      return;
    }
  }
  addCorner(corner);
}

function moveCursor(event) {
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const step = event.shiftKey ? LARGE_STEP : STEP;
  const move = moves[event.key];
  if (corners === null || event.ctrlKey || event.altKey || event.metaKey) return;
  if (move) {
    cursor ??= [0.5, 0.5];
    cursor = cursor.map((value, i) => within(value + step * move[i]));
    drawShapes();
  } else if (event.key === "Enter" || event.key === " ") {
    if (cursor) addCorner(cursor);
  } else if (event.key === "Backspace") undo();
  else if (event.key === "Escape") stopDrawing();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function undo() {
  corners.pop();
  cornersChanged();
}

async function saveZone(event) {
  event.preventDefault();
  const rules = [];
  if ($("zone-class").value) {
    rules.push({
      class: $("zone-class").value,
      [$("zone-limit").value]: Number($("zone-share").value) / 100,
      seconds: Number($("zone-seconds").value),
    });
  }
  const zone = { name: $("zone-name").value.trim(), polygon: corners, rules };
  if (await change({ zone })) stopDrawing();
}

function prepareZones() {
  $("draw").addEventListener("click", startDrawing);
  $("undo").addEventListener("click", undo);
  $("cancel").addEventListener("click", stopDrawing);
  $("drawing").addEventListener("submit", saveZone);
  $("zone-class").addEventListener("change", cornersChanged);
  $("shapes").addEventListener("pointerdown", placeCorner);
  $("shapes").addEventListener("keydown", moveCursor);
  addEventListener("resize", () => status && drawShapes());
}
