"use strict";
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const { groups, objects, holds, processes } = data;
const count = objects.group.length;

// Words, as the report has them.
const bytes = (n) => {
  if (n === null || n === undefined) return "size not known";
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let at = 0;
  while (n >= 1024 && at < units.length - 1) { n /= 1024; at++; }
  return `${Math.round(n * 10) / 10} ${units[at]}`;
};
const moment = (ns) => {
  for (const [unit, name] of [[1e9, "s"], [1e6, "ms"], [1e3, "µs"]]) if (ns >= unit) return `${+(ns / unit).toPrecision(4)} ${name}`;
  return `${Math.round(ns)} ns`;
};
const who = (index) => { const p = processes[index]; return p ? `pid ${p.pid} (${p.name})` : "?"; };

// Which objects belong to which group, and which holds to which object.
const members = groups.map(() => []);
const leaking = groups.map(() => 0);
for (let i = 0; i < count; i++) { members[objects.group[i]].push(i); leaking[objects.group[i]] += objects.leak[i]; }
const firstHold = new Int32Array(count + 1);
for (const object of holds.object) firstHold[object + 1]++;
for (let i = 0; i < count; i++) firstHold[i + 1] += firstHold[i];
const ofObject = new Int32Array(holds.object.length);
{ const next = firstHold.slice(); holds.object.forEach((object, index) => { ofObject[next[object]++] = index; }); }
const holdsOf = (object) => ofObject.subarray(firstHold[object], firstHold[object + 1]);

// State: what of the time is seen, which rows there are, which one is chosen.
let from = 0, to = data.span;
let rows = [], open = new Set(), chosen = 0, found = new Set(), query = "";
const HEIGHT = 22, MOST = 500, SPAN = Math.max(1, Math.min(1000, data.span));

const texts = groups.map((group) => [group.label, group.by, ...group.places].join("\n").toLowerCase());
const objectText = (i) => objects.name[i].toLowerCase();
function search() {
  found = new Set();
  if (query) {
    groups.forEach((_, g) => { if (texts[g].includes(query)) for (const i of members[g]) found.add(i); });
    const pids = new Set();
    processes.forEach((p, index) => { if (`pid ${p.pid} (${p.name})`.toLowerCase().includes(query)) pids.add(index); });
    if (pids.size) holds.object.forEach((object, index) => { if (pids.has(holds.process[index])) found.add(object); });
    for (let i = 0; i < count; i++) if (objectText(i).includes(query)) found.add(i);
  }
  $("matches").textContent = query ? `${found.size} of ${count} objects` : `${count} objects, ${groups.length} places`;
  build();
}
function build() {
  rows = [];
  const only = $("only").checked;
  const order = groups.map((_, g) => g).sort((a, b) => (leaking[b] > 0) - (leaking[a] > 0) || groups[b].bytes - groups[a].bytes);
  for (const g of order) {
    const shown = members[g].filter((i) => (!query || found.has(i)) && (!only || objects.leak[i]));
    if (!shown.length) continue;
    if (shown.length === 1) { rows.push({ group: g, object: shown[0], depth: 0 }); continue; }
    rows.push({ group: g, shown, depth: 0 });
    if (open.has(g)) {
      for (const i of shown.slice(0, MOST)) rows.push({ group: g, object: i, depth: 1 });
      if (shown.length > MOST) rows.push({ group: g, more: shown.length - MOST, depth: 1 });
    }
  }
  chosen = Math.min(chosen, Math.max(0, rows.length - 1));
  // No taller than what there is to show.
  $("rows").style.height = `${Math.max(8 * HEIGHT, Math.min(window.innerHeight * .55, rows.length * HEIGHT + 4))}px`;
  $("spacer").style.height = `${Math.max(0, rows.length * HEIGHT - $("rows").clientHeight)}px`;
  document.body.dataset.rows = rows.length;
  draw();
}

// Drawing.
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
const hue = (index) => `hsl(${(index * 137.5) % 360} 60% ${document.documentElement.classList.contains("dark") ? 60 : 45}%)`;
function fit(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.style.width = `${width}px`; canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}
let left = 320, right = 1000;
const x = (time) => left + (right - left) * (time - from) / (to - from);
const timeAt = (place) => from + (place - left) / (right - left) * (to - from);
const label = (row) => row.more ? `… ${row.more} more: search for them` :
  row.object === undefined ? `${open.has(row.group) ? "▾" : "▸"} ${counted(row)}` :
  `${"  ".repeat(row.depth)}${objects.name[row.object]}, ${bytes(objects.size[row.object])}`;
const counted = (row) => row.shown.length === members[row.group].length ? groups[row.group].label : `${row.shown.length} of ${groups[row.group].label}`;
function clip(pen, text, width) {
  if (pen.measureText(text).width <= width) return text;
  let low = 0, high = text.length;
  while (low < high) { const mid = (low + high + 1) >> 1; if (pen.measureText(text.slice(0, mid) + "…").width <= width) low = mid; else high = mid - 1; }
  return text.slice(0, low) + "…";
}
function draw() {
  const box = $("rows"), width = box.clientWidth, height = box.clientHeight;
  left = Math.min(320, width * 0.35); right = width - 12;
  const pen = fit($("lanes"), width, height);
  const colours = Object.fromEntries(["text", "dim", "line", "stripe", "life", "leak", "accent"].map((n) => [n, colour(`--${n}`)]));
  const top = box.scrollTop, first = Math.floor(top / HEIGHT);
  pen.font = "12px system-ui, sans-serif"; pen.textBaseline = "middle";
  for (let r = first; r < rows.length && (r - first) * HEIGHT <= height + HEIGHT; r++) {
    const y = r * HEIGHT - top, row = rows[r];
    if (r % 2) { pen.fillStyle = colours.stripe; pen.fillRect(0, y, width, HEIGHT); }
    pen.save(); pen.beginPath(); pen.rect(left, y, right - left, HEIGHT); pen.clip();
    if (row.object !== undefined) one(pen, row.object, y, colours); else if (row.shown) many(pen, row.shown, y, colours);
    pen.restore();
    pen.fillStyle = row.object !== undefined ? (objects.leak[row.object] ? colours.leak : colours.text) : (leaking[row.group] ? colours.leak : colours.text);
    pen.fillText(clip(pen, label(row), left - 12), 6, y + HEIGHT / 2);
    if (r === chosen) { pen.strokeStyle = colours.accent; pen.lineWidth = 2; pen.strokeRect(1, y + 1, width - 2, HEIGHT - 2); }
  }
  pen.strokeStyle = colours.line; pen.lineWidth = 1; pen.beginPath(); pen.moveTo(left, 0); pen.lineTo(left, height); pen.stroke();
  memory();
  say();
  document.body.dataset.from = Math.round(from); document.body.dataset.to = Math.round(to);
}
function one(pen, i, y, colours) {
  const start = x(objects.from[i]), end = objects.to[i] === null ? right : x(objects.to[i]);
  pen.fillStyle = objects.leak[i] ? colours.leak : colours.life;
  pen.fillRect(start, y + 3, Math.max(1.5, end - start), 4);
  const lanes = [];
  for (const h of holdsOf(i)) {
    const a = x(holds.from[h]), b = holds.to[h] === null ? right : x(holds.to[h]);
    let lane = lanes.findIndex((until) => until <= a);
    if (lane < 0) { if (lanes.length >= 4) continue; lane = lanes.length; lanes.push(0); }
    lanes[lane] = Math.max(b, a + 1.5);
    pen.fillStyle = hue(holds.process[h]);
    pen.fillRect(a, y + 8 + lane * 3, Math.max(1.5, b - a), holds.kind[h] === 2 ? 1.5 : 2.5);
  }
}
// How many there are at each moment: so a thousand are one picture.
function many(pen, shown, y, colours) {
  const width = Math.max(1, Math.ceil(right - left));
  const steps = new Int32Array(width + 2), leaks = new Int32Array(width + 2);
  const cell = (place) => Math.max(0, Math.min(width, Math.floor(place - left)));
  for (const i of shown) {
    const start = x(objects.from[i]), end = objects.to[i] === null ? right : x(objects.to[i]);
    if (end < left || start > right) continue;
    const a = cell(start), b = Math.max(a + 1, cell(end) + (objects.to[i] === null ? 1 : 0));
    steps[a]++; steps[Math.min(b, width + 1)]--;
    if (objects.leak[i]) { leaks[a]++; leaks[Math.min(b, width + 1)]--; }
  }
  let peak = 1, now = 0;
  for (let c = 0; c <= width; c++) { now += steps[c]; peak = Math.max(peak, now); }
  const high = HEIGHT - 6;
  let all = 0, bad = 0;
  for (let c = 0; c <= width; c++) {
    all += steps[c]; bad += leaks[c];
    if (!all) continue;
    pen.fillStyle = colours.life;
    const tall = Math.max(1, high * all / peak);
    pen.fillRect(left + c, y + HEIGHT - 3 - tall, 1, tall);
    if (bad) { pen.fillStyle = colours.leak; const t = Math.max(1, high * bad / peak); pen.fillRect(left + c, y + HEIGHT - 3 - t, 1, t); }
  }
}
function memory() {
  const canvas = $("memory"), width = $("rows").clientWidth;
  const pen = fit(canvas, width, 150);
  pen.font = "12px system-ui, sans-serif"; pen.textBaseline = "middle";
  curve(pen, data.existing, 6, 52, colour("--objects"), "bytes in objects");
  curve(pen, data.mapped, 66, 52, colour("--mapped"), "bytes mapped");
  pen.fillStyle = colour("--dim");
  for (let i = 0; i <= 5; i++) {
    const place = left + (right - left) * i / 5;
    pen.textAlign = i === 0 ? "left" : i === 5 ? "right" : "center";
    pen.fillText(moment(timeAt(place)), place, 138);
  }
  pen.textAlign = "left";
}
function curve(pen, points, y, height, ink, name) {
  let peak = 0, value = 0;
  const seen = [];
  for (const [time, n] of points) { if (time < from) { value = n; continue; } if (time > to) break; seen.push([time, n]); }
  seen.unshift([from, value]);
  for (const [, n] of seen) peak = Math.max(peak, n);
  pen.fillStyle = ink;
  pen.fillText(clip(pen, `${name}: at most ${bytes(peak)}`, left - 12), 6, y + height / 2);
  if (!peak) return;
  pen.globalAlpha = .75; pen.beginPath(); pen.moveTo(left, y + height);
  let last = seen[0][1];
  for (const [time, n] of seen) { pen.lineTo(x(time), y + height - height * last / peak); pen.lineTo(x(time), y + height - height * n / peak); last = n; }
  pen.lineTo(right, y + height - height * last / peak); pen.lineTo(right, y + height); pen.closePath(); pen.fill(); pen.globalAlpha = 1;
}

// What the chosen row, or the one below the pointer, is.
function about(row, time) {
  if (!row) return "";
  const group = groups[row.group], lines = [];
  if (row.object !== undefined) {
    const i = row.object;
    lines.push(`${objects.name[i]}, ${bytes(objects.size[i])}${objects.leak[i] ? ", never removed" : ""}`);
    lines.push(`from ${moment(objects.from[i])} ${objects.to[i] === null ? "to the end" : `to ${moment(objects.to[i])}`}`);
    const held = [...holdsOf(i)].filter((h) => time === undefined || holds.from[h] <= time && (holds.to[h] === null || holds.to[h] >= time));
    const kinds = ["attachment", "mapping", "descriptor"];
    for (const h of held.slice(0, 6)) lines.push(`  ${kinds[holds.kind[h]]} of ${who(holds.process[h])}, ${moment(holds.from[h])} ${holds.to[h] === null ? "to the end" : `to ${moment(holds.to[h])}`}`);
    if (held.length > 6) lines.push(`  and ${held.length - 6} more`);
  } else if (row.shown) lines.push(counted(row) + (leaking[row.group] ? `, ${leaking[row.group]} never removed` : ""));
  else lines.push(label(row));
  lines.push(`made by ${group.by}`, ...group.places.map((place) => `  ${place}`));
  return lines.join("\n");
}
const say = () => { $("chosen").textContent = about(rows[chosen]); };

// Moving.
function view(a, b) {
  const span = Math.max(SPAN, Math.min(data.span, b - a));
  from = Math.max(0, Math.min(data.span - span, a)); to = from + span;
  draw();
}
const zoom = (factor, at = (from + to) / 2) => view(at - (at - from) * factor, at + (to - at) * factor);
const move = (part) => { const step = (to - from) * part; view(from + step, to + step); };
function choose(row) {
  chosen = Math.max(0, Math.min(rows.length - 1, row));
  const box = $("rows"), y = chosen * HEIGHT;
  if (y < box.scrollTop) box.scrollTop = y; else if (y + HEIGHT > box.scrollTop + box.clientHeight) box.scrollTop = y + HEIGHT - box.clientHeight;
  draw();
}
function toggle(row) {
  const at = rows[row];
  if (!at || !at.shown) return;
  if (open.has(at.group)) open.delete(at.group); else open.add(at.group);
  build();
}
const box = $("rows");
const rowAt = (event) => { const r = Math.floor((event.clientY - box.getBoundingClientRect().top - box.clientTop + box.scrollTop) / HEIGHT); return r < rows.length ? r : -1; };
const placeOf = (event) => event.clientX - box.getBoundingClientRect().left;
box.addEventListener("scroll", draw);
box.addEventListener("wheel", (event) => { if (event.ctrlKey || event.metaKey) { event.preventDefault(); zoom(Math.exp(event.deltaY / 300), timeAt(placeOf(event))); } else if (event.deltaX) move(event.deltaX / 1000); }, { passive: false });
let drag = null;
box.addEventListener("pointerdown", (event) => { if (placeOf(event) > left && placeOf(event) < right + 6) drag = { place: event.clientX, from, to, moved: false }; });
window.addEventListener("pointermove", (event) => {
  if (drag) {
    const by = (drag.place - event.clientX) / (right - left) * (drag.to - drag.from);
    if (Math.abs(drag.place - event.clientX) > 3) { drag.moved = true; view(drag.from + by, drag.to + by); }
  }
});
window.addEventListener("pointerup", () => { if (drag && drag.moved) setTimeout(() => { drag = null; }); else drag = null; });
box.addEventListener("pointermove", (event) => {
  const r = rowAt(event), tip = $("tip");
  tip.hidden = r < 0;
  if (r < 0) return;
  tip.textContent = `${moment(Math.max(0, timeAt(placeOf(event))))}\n${about(rows[r], placeOf(event) > left ? timeAt(placeOf(event)) : undefined)}`;
  tip.style.left = `${Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8)}px`;
  tip.style.top = `${Math.min(event.clientY + 14, window.innerHeight - tip.offsetHeight - 8)}px`;
});
box.addEventListener("pointerleave", () => { $("tip").hidden = true; });
box.addEventListener("click", (event) => { if (drag && drag.moved) return; const r = rowAt(event); if (r >= 0) { choose(r); toggle(r); } });
box.addEventListener("keydown", (event) => {
  const keys = { ArrowLeft: () => move(-.2), ArrowRight: () => move(.2), ArrowUp: () => choose(chosen - 1), ArrowDown: () => choose(chosen + 1),
    PageUp: () => choose(chosen - 10), PageDown: () => choose(chosen + 10), Home: () => choose(0), End: () => choose(rows.length - 1),
    Enter: () => toggle(chosen), " ": () => toggle(chosen) };
  if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
});
window.addEventListener("keydown", (event) => {
  if (event.target.tagName === "INPUT" || event.ctrlKey || event.metaKey || event.altKey) return;
  const keys = { "+": () => zoom(.5), "=": () => zoom(.5), "-": () => zoom(2), "0": () => view(0, data.span), "/": () => $("search").focus() };
  if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
});
$("in").addEventListener("click", () => zoom(.5));
$("out").addEventListener("click", () => zoom(2));
$("all").addEventListener("click", () => view(0, data.span));
$("only").addEventListener("change", build);
$("search").addEventListener("input", () => { query = $("search").value.trim().toLowerCase(); search(); });
$("search").addEventListener("keydown", (event) => { if (event.key === "Escape") { $("search").value = ""; query = ""; search(); box.focus(); } });
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const theme = (on) => { document.documentElement.classList.toggle("dark", on); draw(); };
dark.addEventListener("change", () => theme(dark.matches));
$("theme").addEventListener("click", () => theme(!document.documentElement.classList.contains("dark")));
window.addEventListener("resize", build);

// Tables.
function cell(row, text, number) { const td = row.insertCell(); if (number) td.className = "number"; td.append(text); return td; }
function places(row, list) {
  const td = row.insertCell();
  list.forEach((place, index) => { const span = document.createElement("span"); span.className = index ? "place" : "place first"; span.textContent = place; td.append(span); });
}
function table(into, heads, list, fill, keys) {
  if (!list.length) { into.textContent = "none"; return; }
  const table = document.createElement("table"), head = table.createTHead().insertRow();
  const body = table.createTBody();
  const show = () => { body.replaceChildren(); for (const item of list.slice(0, 1000)) fill(body.insertRow(), item); };
  heads.forEach((name, index) => {
    const th = document.createElement("th"); th.scope = "col";
    if (keys[index]) {
      const button = document.createElement("button"); button.textContent = name; button.title = "Sort by this";
      button.addEventListener("click", () => { list.sort((a, b) => keys[index](b) - keys[index](a)); show(); });
      th.append(button);
    } else th.textContent = name;
    head.append(th);
  });
  show();
  into.append(table);
}
$("title").textContent = data.title; document.title = `Shared memory of ${data.title}`;
$("verdict").textContent = data.verdict; $("verdict").classList.toggle("bad", data.leaks.some((leak) => leak.kind !== "held"));
for (const reason of data.reasons) { const li = document.createElement("li"); li.textContent = reason; $("reasons").append(li); }
$("leakcount").textContent = data.leaks.length ? `(${data.leaks.length} places)` : "";
table($("leaks"), ["what", "count", "bytes", "made by", "where"], data.leaks, (row, leak) => {
  cell(row, leak.what + (leak.examples ? ` — ${leak.examples}` : "")); cell(row, String(leak.count), true); cell(row, bytes(leak.bytes), true); cell(row, `${leak.who}, ${leak.call}`); places(row, leak.places);
}, [null, (leak) => leak.count, (leak) => leak.bytes]);
$("failcount").textContent = data.more_failures ? `(the most frequent; ${data.more_failures} more kinds)` : "";
table($("failures"), ["call", "count", "first at", "error", "object", "process", "where"], data.failures, (row, f) => {
  cell(row, f.call); cell(row, String(f.count), true); cell(row, moment(f.first), true); cell(row, f.errno + (f.why ? ` — ${f.why}` : "")); cell(row, f.object); cell(row, f.who); places(row, f.places);
}, [null, (f) => f.count, (f) => -f.first]);
$("proccount").textContent = processes.length > 1000 ? "(the first 1000)" : "";
table($("processes"), ["process", "from", "end", "how"], processes.slice(), (row, p) => {
  cell(row, `pid ${p.pid} (${p.name})`); cell(row, moment(p.from), true); cell(row, p.to === null ? "" : moment(p.to), true); cell(row, p.end);
}, [(p) => -p.pid, (p) => -p.from]);
document.documentElement.classList.toggle("dark", dark.matches);
// Few objects need no grouping.
if (count <= 60) groups.forEach((_, g) => open.add(g));
search();
document.body.dataset.ready = "yes";
})();
