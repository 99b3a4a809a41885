// The page of a live run: draws the stream, polls the status, and sends changes.
"use strict";

const POLL_MS = 1000;
const RETRY_MS = [500, 1000, 2000, 4000];
const SILENT_MS = 12000; // the server repeats its picture every five seconds
const BARS = 8;
const TYPING = "select, input:not([type=radio], [type=range])";
const NONE = "–";

const $ = (id) => document.getElementById(id);
let status = null; // the last one received
let shownModel = null; // the model whose legend is shown
let streamProblem = "";
let serverProblem = "";
let refusal = "";

// ---- The picture ----

const context = $("picture").getContext("2d");
let newest = null; // the JPEG to be drawn next
let drawing = false;
let drawnAt = []; // times of the last pictures, in milliseconds

async function draw(jpeg) {
  newest = jpeg; // one that still waits is older, and is skipped
  if (drawing) return;
  drawing = true;
  while (newest) {
    const blob = new Blob([newest], { type: "image/jpeg" });
    newest = null;
    try {
      const bitmap = await createImageBitmap(blob);
      const canvas = context.canvas;
      if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
        canvas.width = bitmap.width;
        canvas.height = bitmap.height;
      }
      context.drawImage(bitmap, 0, 0);
      bitmap.close();
      drawnAt.push(performance.now());
    } catch (error) {
      console.warn("a picture cannot be decoded", error);
    }
  }
  drawing = false;
}

// Splits the stream into JPEGs. Of several that have arrived, only the newest is drawn.
class Parts {
  constructor() {
    this.bytes = new Uint8Array(1 << 20);
    this.used = 0;
  }

  add(chunk) {
    if (this.used + chunk.length > this.bytes.length) {
      const larger = new Uint8Array(2 * (this.used + chunk.length));
      larger.set(this.bytes.subarray(0, this.used));
      this.bytes = larger;
    }
    this.bytes.set(chunk, this.used);
    this.used += chunk.length;
    let begin = 0;
    let jpeg = null;
    for (;;) {
      const end = this.endOfHeaders(begin);
      if (end < 0) break;
      const headers = new TextDecoder().decode(this.bytes.subarray(begin, end));
      const length = Number(/content-length: *(\d+)/i.exec(headers)?.[1]);
      if (!(length >= 0)) throw new Error("no length");
      if (this.used < end + length) break;
      jpeg = this.bytes.slice(end, end + length);
      begin = end + length;
    }
    this.bytes.copyWithin(0, begin, this.used);
    this.used -= begin;
    return jpeg;
  }

  endOfHeaders(begin) {
    for (let i = this.bytes.indexOf(13, begin); i >= 0 && i + 3 < this.used; i = this.bytes.indexOf(13, i + 1)) {
      if (this.bytes[i + 1] === 10 && this.bytes[i + 2] === 13 && this.bytes[i + 3] === 10 && i > begin + 2) {
        return i + 4;
      }
    }
    return -1;
  }
}

async function receive() {
  const abort = new AbortController();
  const leave = () => document.hidden && abort.abort();
  document.addEventListener("visibilitychange", leave); // a hidden page costs the board nothing
  let silent = setTimeout(() => abort.abort(), SILENT_MS);
  try {
    const response = await fetch("stream.mjpg", { signal: abort.signal, cache: "no-store" });
    if (response.status === 401) location.reload();
    if (!response.ok) throw new Error((await response.json()).error);
    const reader = response.body.getReader();
    const parts = new Parts();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Error("cut");
      clearTimeout(silent);
      silent = setTimeout(() => abort.abort(), SILENT_MS);
      const jpeg = parts.add(value);
      if (jpeg) {
        streamProblem = "";
        retries = 0;
        draw(jpeg);
      }
    }
  } finally {
    clearTimeout(silent);
    document.removeEventListener("visibilitychange", leave);
    abort.abort();
  }
}

let retries = 0;

async function play() {
  for (;;) {
    if (document.hidden) {
      await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
      continue;
    }
    try {
      await receive();
    } catch (error) {
      if (!document.hidden) {
        streamProblem = "The picture's connection was cut; trying again";
        showMessage();
        await pause(RETRY_MS[Math.min(retries++, RETRY_MS.length - 1)]);
      }
    }
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// ---- The status ----

async function poll() {
  for (;;) {
    if (!document.hidden) {
      try {
        const response = await fetch("api/status", { cache: "no-store", signal: AbortSignal.timeout(5000) });
        if (response.status === 401) location.reload();
        await show(await response.json());
        serverProblem = "";
      } catch (error) {
        serverProblem = "The program does not answer; trying again";
        shownChanges = null; // it may come back with other zones
      }
      showMessage();
    }
    await pause(POLL_MS);
  }
}

async function showChoices() {
  const response = await fetch("api/choices", { cache: "no-store" });
  const { model, classes, models, modes } = await response.json();
  shownModel = model;
  $("modes").replaceChildren(
    $("modes").querySelector("legend"),
    ...modes.map(({ mode, label, detail }, i) => {
      const radio = make("input", { type: "radio", name: "mode", value: mode });
      radio.setAttribute("aria-keyshortcuts", i + 1);
      radio.addEventListener("change", () => change({ mode }));
      return make("label", { title: detail }, radio, label);
    }),
  );
  $("model").replaceChildren(
    ...models.map(({ name, detail, program }) => {
      const option = new Option(`${name} (${detail})`, name);
      option.dataset.program = program;
      return option;
    }),
  );
  $("names").replaceChildren(
    ...classes.map(({ class: name, colour }) => {
      const button = make("button", { type: "button", ariaPressed: "false" }, swatch(colour), make("span", {}, name));
      button.dataset.name = name;
      button.dataset.colour = colour;
      button.addEventListener("click", () => toggleClass(name));
      return make("li", {}, button);
    }),
  );
  $("legend").hidden = classes.length === 0;
  $("modes").disabled = $("opacity").disabled = classes.length === 0;
}

async function show(next) {
  status = next;
  if (status.model !== shownModel && !status.loading) await showChoices();
  for (const name of ["capture_fps", "inference_fps"]) $(name).textContent = figure(status[name]);
  for (const name of ["latency_p50_ms", "latency_p90_ms", "latency_p99_ms"]) $(name).textContent = figure(status[name]);
  const since = performance.now() - 2000;
  drawnAt = drawnAt.filter((time) => time > since);
  $("page_fps").textContent = figure(drawnAt.length / 2);
  showRows("stages", Object.entries(status.stage_ms).map(([name, ms]) => [name, figure(ms)]));
  const dropped = Object.entries(status.dropped).sort((a, b) => b[1] - a[1]);
  showRows("dropped", dropped.length ? dropped.map(([cause, count]) => [cause, String(count)]) : [["none", ""]]);
  showBoard();
  showBars();
  await showZones();
  const size = status.width ? `, ${status.width}x${status.height}` : "";
  $("source").textContent = `${status.source}${size}, ${status.model ?? "no model"}`;
  document.title = `${status.source}: seaformer-edge`;

  press("pause", status.paused, status.paused ? "Resume" : "Pause");
  press("record", status.recording !== null, status.recording ? `Stop (${status.recorded_frames})` : "Record");
  $("record").disabled = !status.can_record;
  const radio = document.querySelector(`#modes input[value="${status.mode}"]`);
  if (radio) radio.checked = true;
  if (document.activeElement !== $("opacity")) showOpacity(status.opacity * 100);
  for (const option of $("model").options) {
    if (option.dataset.program === status.model && !status.loading) option.selected = true;
  }
  const chosen = new Set(status.chosen_classes);
  for (const button of $("names").querySelectorAll("button")) {
    button.ariaPressed = String(chosen.has(button.dataset.name));
  }
  $("all").hidden = chosen.size === 0;
}

function showBars() {
  const rows = status.classes.slice(0, BARS);
  if (status.unknown) rows.push({ class: "unknown", share: status.unknown });
  while ($("bars").children.length > rows.length) $("bars").lastChild.remove();
  rows.forEach((row, i) => {
    const item = $("bars").children[i] ?? $("bars").appendChild(newBar());
    const [box, name, share, confidence, bar] = item.children;
    const part = row.share ?? row.probability;
    box.style.background = colourOf(row.class);
    name.textContent = row.class;
    share.textContent = percent(part);
    confidence.textContent = row.confidence === undefined ? "" : percent(row.confidence);
    bar.firstChild.style.width = `${100 * part}%`;
  });
  const summary = rows.slice(0, 5).map((row) => `${row.class} ${percent(row.share ?? row.probability)}`);
  $("picture").setAttribute("aria-label", `Live picture: ${summary.join(", ") || "no classes yet"}`);
}

function newBar() {
  const bar = make("div", { className: "bar", ariaHidden: "true" }, make("span"));
  const confidence = make("span", { className: "confidence", title: "confidence" });
  return make("li", {}, make("span", { className: "swatch" }), make("span"), make("span"), confidence, bar);
}

function showBoard() {
  const rows = [
    ["processor", status.cpu_percent, " %"],
    ["this program", status.process_cpu_percent, " %"],
    ["memory", status.process_rss_mb, " MB"],
    ["free", status.memory_available_mb === null ? null : status.memory_available_mb / 1000, " GB"],
    ["temperature", status.temperature_c, " °C"],
  ].flatMap(([name, value, unit]) => (value === null ? [] : [[name, figure(value) + unit]]));
  if (status.throttled.length) rows.push(["limited", status.throttled.join(", "), "warning"]);
  showRows("board", rows);
}

function showRows(id, rows) {
  const list = $(id);
  while (list.children.length > rows.length) list.lastChild.remove();
  rows.forEach(([name, value, kind], i) => {
    const row = list.children[i] ?? list.appendChild(make("div", {}, make("dt"), make("dd")));
    row.children[0].textContent = name;
    row.children[1].textContent = value;
    row.children[1].className = kind ?? "";
  });
}

function showMessage() {
  let text = serverProblem || streamProblem || refusal;
  let problem = true;
  if (!text && status) {
    const fine = status.state === "running" && status.message.includes(": running");
    if (status.notice) text = status.notice;
    else if (!fine) text = status.message;
    else {
      problem = false;
      text = status.loading ? "Loading the model" : status.paused ? "Paused" : "";
    }
  }
  if ($("message").textContent !== text) $("message").textContent = text;
  $("message").className = problem ? "problem" : "";
}

const figure = (value) => (value === null ? NONE : value < 9.95 ? value.toFixed(1) : value.toFixed(0));
const percent = (share) => `${100 * share < 9.95 ? (100 * share).toFixed(1) : (100 * share).toFixed(0)}\u00a0%`;

function colourOf(name) {
  const button = [...$("names").querySelectorAll("button")].find((each) => each.dataset.name === name);
  return button ? `rgb(${button.dataset.colour})` : "transparent";
}

function swatch(colour) {
  const box = make("span", { className: "swatch" });
  box.style.background = `rgb(${colour})`;
  return box;
}

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function press(id, pressed, text) {
  $(id).ariaPressed = String(pressed);
  $(id).textContent = text;
}

function showOpacity(percentage) {
  $("opacity").value = percentage;
  $("opacity-shown").textContent = `${Math.round(percentage)} %`;
}

// ---- Changes ----

// Returns whether the change was made.
async function change(body) {
  let done = false;
  try {
    const response = await fetch("api/control", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const answer = await response.json();
    done = response.ok;
    refusal = done ? "" : answer.error;
    if (done) await show(answer);
  } catch (error) {
    refusal = "";
    serverProblem = "The program does not answer; trying again";
  }
  showMessage();
  if (refusal) setTimeout(() => ((refusal = ""), showMessage()), 6000);
  return done;
}

function toggleClass(name) {
  const chosen = new Set(status.chosen_classes);
  if (!chosen.delete(name)) chosen.add(name);
  change({ classes: [...chosen] });
}

$("opacity").addEventListener("input", () => showOpacity(Number($("opacity").value)));
$("opacity").addEventListener("change", () => change({ opacity: $("opacity").value / 100 }));
$("model").addEventListener("change", () => change({ model: $("model").value }));
$("pause").addEventListener("click", () => status && change({ paused: !status.paused }));
$("record").addEventListener("click", () => status && change({ recording: status.recording === null }));
$("all").addEventListener("click", () => change({ classes: [] }));
$("snapshot").addEventListener("click", () => {
  const now = new Date(Date.now() - new Date().getTimezoneOffset() * 60000).toISOString();
  $("snapshot").download = `${now.slice(0, 19).replace("T", " ").replaceAll(":", ".")}.jpg`;
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest(TYPING)) return;
  if (event.key === " " && event.target.closest("input, button, a")) return; // it presses these
  const radio = $("modes").querySelectorAll("input")[Number(event.key) - 1];
  const id = { " ": "pause", r: "record", s: "snapshot" }[event.key];
  if (radio && !$("modes").disabled) radio.click();
  else if (id && !$(id).disabled) $(id).click();
  else return;
  event.preventDefault();
});

prepareZones();
play();
poll();
