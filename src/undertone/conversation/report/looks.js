// What the page knows, words for it, and how each emotion is drawn.

const data = JSON.parse(document.getElementById("data").textContent);
const root = document.documentElement;
const TILE = 8; // CSS pixels across one tile of a pattern; palette.py draws on the same grid

const lookIndex = new Map(data.looks.map((look, index) => [look.name, index]));
const outcomes = data.turns.map((turn) => lookIndex.get(turn.label ?? turn.abstention));
let colours = []; // per look, in the theme of the moment: { fill, ink, tile }

const WHY = {
  uncertain: "No label: no emotion is probable enough to be named.",
  "too short": "No label: the turn is too short to be judged.",
  silent: "No label: the turn holds nothing but silence.",
};

function byId(id) {
  return document.getElementById(id);
}

function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/** Write a time for people, as undertone.units.clock does: 0:07.3, 12:05.0, 1:02:03.4. */
function clock(seconds, tenths = true) {
  const count = tenths ? Math.floor(seconds * 10 + 0.5) : Math.floor(seconds + 0.5) * 10;
  const hours = Math.floor(count / 36000);
  const minutes = Math.floor(count / 600) % 60;
  const rest = String(Math.floor(count / 10) % 60).padStart(2, "0") + (tenths ? `.${count % 10}` : "");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

function percent(share) {
  return share > 0 && share < 0.005 ? "<1%" : `${Math.round(share * 100)}%`;
}

function counted(count, thing) {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}

/** Pair label numbers with probabilities, most probable first. */
function ranked(turn) {
  return turn.p === null ? [] : turn.p.map((value, index) => [index, value]).sort((a, b) => b[1] - a[1]);
}

/** What the voice of a turn alone would be taken for: label number and probability. */
function byVoice(turn) {
  const most = Math.max(...turn.voice);
  return [turn.voice.indexOf(most), most];
}

function spoken(index) {
  const turn = data.turns[index];
  const best = ranked(turn);
  const judged = best.length ? `${data.labels[best[0][0]]} ${percent(best[0][1])}` : "";
  const heard = turn.label === null ? `no label, ${turn.abstention}${judged && `, most probable ${judged}`}` : judged;
  const place = `${clock(turn.start)} to ${clock(turn.end)}`;
  const apart = turn.apart ? `, by voice alone ${data.labels[byVoice(turn)[0]]}` : "";
  return `Turn ${index + 1} of ${data.turns.length}, ${data.speakers[turn.speaker].name}, ${place}: ${heard}${apart}. ${turn.text ?? ""}`;
}

/** Dress an element in a look: the style sheet takes the colours and the pattern from these properties. */
function wear(target, index) {
  target.style.setProperty("--look", `var(--look-${index})`);
  target.style.setProperty("--look-ink", `var(--look-ink-${index})`);
  target.style.setProperty("--pattern", `var(--pattern-${index})`);
  target.classList.toggle("unfilled", !data.looks[index].filled);
  return target;
}

function drawTile(look, fill, ink) {
  const scale = 4;
  const tile = document.createElement("canvas");
  tile.width = tile.height = TILE * scale;
  const pen = tile.getContext("2d");
  pen.scale(scale, scale);
  pen.strokeStyle = look.filled ? ink : fill;
  pen.globalAlpha = look.filled ? 0.3 : 0.55;
  pen.lineWidth = look.filled ? 1.3 : 1.1;
  pen.lineCap = "round";
  pen.stroke(new Path2D(look.pattern));
  return tile;
}

/** Read the theme's colours from the style sheet and make the patterns from them. */
function readColours() {
  const style = getComputedStyle(root);
  colours = data.looks.map((look, index) => {
    const fill = style.getPropertyValue(`--look-${index}`).trim();
    const ink = style.getPropertyValue(`--look-ink-${index}`).trim();
    const tile = drawTile(look, fill, ink);
    root.style.setProperty(`--pattern-${index}`, look.pattern ? `url(${tile.toDataURL()})` : "none");
    return { fill, ink, tile };
  });
}

/** Fit a canvas to its box at the screen's own resolution; returns a pen that counts in CSS pixels. */
function penFor(canvas, width, height) {
  const scale = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}

function themeColour(name) {
  return getComputedStyle(root).getPropertyValue(name).trim();
}
