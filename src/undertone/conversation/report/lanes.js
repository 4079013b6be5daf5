// The picture of time: waveforms, one lane per speaker, and the strip of the whole recording. Drawn on canvas, so that
// thousands of turns cost no elements; only what is in view is drawn.

const RULER = 28, CAPTION = 22, WAVE = 40, BLOCK = 30, TRACK = 22, BETWEEN = 14, BAR = 3;
const MOST_STRETCH = 12e6; // pixels; browsers lose precision or stop laying out beyond some 17 million

const viewport = byId("viewport"), stretch = byId("stretch"), lanes = byId("lanes"), overview = byId("overview");
const view = { scale: 1, rows: [], height: 0, hovered: -1, active: new Set(), pending: false, strip: null };
const sound = { peaks: [], bucket: 1, loudest: 1 };
const turnsOf = data.speakers.map(() => []);
const everyTurn = data.turns.map((_, index) => index); // in order of start, as within each speaker's own
data.turns.forEach((turn, index) => turnsOf[turn.speaker].push(index));

/** Rows from the top: each channel's waveform, then the lanes of the speakers heard on it. */
function layRows() {
  const home = turnsOf.map((own) => Math.min(data.turns[own[0]].channel ?? 0, data.waves - 1));
  let top = RULER;
  view.rows = [];
  for (let channel = 0; channel < data.waves; channel++) {
    const speakers = home.flatMap((own, speaker) => (own === channel ? [speaker] : []));
    const shared = speakers.length !== 1 || data.waves === 1;
    const title = data.waves === 1 ? "" : `channel ${channel + 1}`;
    const name = shared ? title : data.speakers[speakers[0]].name;
    const caption = name ? CAPTION : 0;
    view.rows.push({ channel, top: top + caption, height: WAVE, name, title: shared ? "" : title, strong: !shared });
    top += caption + WAVE + 4;
    for (const speaker of speakers) {
      const tall = BLOCK + (turnsOf[speaker].some((index) => data.turns[index].track.length > 1) ? TRACK : 0);
      const lead = shared ? CAPTION : 0;
      view.rows.push({ speaker, top: top + lead, height: tall, name: shared ? data.speakers[speaker].name : "", title: "", strong: true });
      top += lead + tall + (shared ? 6 : 0);
    }
    top += BETWEEN;
  }
  view.height = top - BETWEEN + 4;
  byId("captions").replaceChildren(...view.rows.filter((row) => row.name).map(captionOf));
}

function captionOf(row) {
  const caption = element("div", "caption");
  const words = element("span");
  words.append(element(row.strong ? "b" : "span", "", row.name));
  if (row.title) words.append(` ${row.title}`);
  words.dir = "auto";
  caption.append(words);
  caption.style.top = `${row.top - CAPTION}px`;
  return caption;
}

/** The last turn of `own` that starts at or before a time, by bisection; -1 where none does. */
function lastBefore(own, time) {
  let low = 0, high = own.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (data.turns[own[middle]].start <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The turns that hold the floor at a time, at most one per speaker. */
function turnsAt(time) {
  return turnsOf.flatMap((own) => {
    const at = lastBefore(own, time);
    return at >= 0 && data.turns[own[at]].end > time ? [own[at]] : [];
  });
}

/** The turn under a point of the picture, or nearly under it where turns are thinner than a finger; -1 where none is. */
function turnUnder(x, y) {
  const row = view.rows.find((each) => each.speaker !== undefined && y >= each.top && y < each.top + each.height);
  if (!row) return -1;
  const own = turnsOf[row.speaker], time = x / view.scale, slack = 4 / view.scale;
  const at = lastBefore(own, time);
  if (at >= 0 && data.turns[own[at]].end + slack > time) return own[at];
  return at + 1 < own.length && data.turns[own[at + 1]].start - slack < time ? own[at + 1] : -1;
}

function rowOf(speaker) {
  return view.rows.find((row) => row.speaker === speaker);
}

/** The usual level between two times; the highest would make every minute of talk look alike from afar. */
function levelBetween(channel, from, to) {
  const peaks = sound.peaks[channel], first = Math.floor(from / sound.bucket);
  const last = Math.min(peaks.length, Math.max(Math.ceil(to / sound.bucket), first + 1));
  let sum = 0;
  for (let at = first; at < last; at++) sum += peaks[at];
  return last > first ? sum / (last - first) / sound.loudest : 0;
}

/** Bars stand at fixed times, so that scrolling moves the picture without making it shimmer. */
function levelsBetween(channels, scale, from, to) {
  const bars = [];
  for (let bar = Math.floor((from * scale) / BAR); bar * BAR < to * scale; bar++) {
    const levels = channels.map((channel) => levelBetween(channel, (bar * BAR) / scale, ((bar + 1) * BAR) / scale));
    bars.push([bar * BAR, Math.max(...levels)]);
  }
  return bars;
}

function drawWave(pen, bars, top, height) {
  for (const [x, level] of bars) {
    const tall = Math.max(1, level * height);
    pen.fillRect(x, top + (height - tall) / 2, BAR - 1, tall);
  }
}

function patternOf(pen, index) {
  const pattern = pen.createPattern(colours[index].tile, "repeat");
  return pattern && (pattern.setTransform(new DOMMatrix().scale(TILE / colours[index].tile.width)), pattern);
}

function drawRuler(pen, from, to) {
  const steps = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
  const step = steps.find((each) => each * view.scale >= 76) ?? 7200;
  pen.fillStyle = themeColour("--soft");
  pen.strokeStyle = themeColour("--line");
  pen.font = "12px system-ui, sans-serif";
  pen.textBaseline = "middle";
  pen.beginPath();
  for (let at = Math.floor(from / step); at * step <= Math.min(to, data.duration); at++) {
    const x = Math.round(at * step * view.scale) + 0.5;
    pen.moveTo(x, RULER - 8);
    pen.lineTo(x, view.height);
    const words = clock(at * step, step < 1);
    if (x + 4 + pen.measureText(words).width <= data.duration * view.scale) pen.fillText(words, x + 4, RULER / 2 - 3);
  }
  pen.stroke();
}

/** The windows of a turn as points of one curve; overlapping windows meet half-way between their middles. */
function pointsOf(turn) {
  const points = turn.track.map((each) => {
    const value = Math.max(...each.p);
    return { time: (each.start + each.end) / 2, value, top: each.p.indexOf(value) };
  });
  const between = (one, two) => ({ time: (one.time + two.time) / 2, value: (one.value + two.value) / 2 });
  return points.map((point, at) => ({
    top: point.top,
    from: at ? between(points[at - 1], point) : { time: turn.start, value: point.value },
    over: point,
    to: at + 1 < points.length ? between(point, points[at + 1]) : { time: turn.end, value: point.value },
  }));
}

/** How probable the most probable emotion is along a turn, in that emotion's colour: the floor is 0, the block 1. */
function drawTrack(pen, turn, y) {
  const floor = y + TRACK, spot = ({ time, value }) => [time * view.scale, floor - value * (TRACK - 4)];
  pen.lineWidth = 2;
  pen.lineJoin = "round";
  for (const { top, from, over, to } of pointsOf(turn)) {
    pen.beginPath();
    pen.moveTo(...spot(from));
    pen.lineTo(...spot(over));
    pen.lineTo(...spot(to));
    pen.strokeStyle = pen.fillStyle = colours[top].fill;
    pen.stroke();
    pen.lineTo(to.time * view.scale, floor);
    pen.lineTo(from.time * view.scale, floor);
    pen.globalAlpha = 0.28;
    pen.fill();
    pen.globalAlpha = 1;
  }
}

function drawBlock(pen, index, y) {
  const turn = data.turns[index], look = outcomes[index], { fill, ink } = colours[look];
  const x = turn.start * view.scale, width = Math.max(2, (turn.end - turn.start) * view.scale - 1);
  pen.beginPath();
  pen.roundRect(x, y, width, BLOCK, Math.min(5, width / 2));
  if (data.looks[look].filled) {
    pen.fillStyle = fill;
    pen.fill();
  }
  if (width > 6 && data.looks[look].pattern) {
    pen.fillStyle = patternOf(pen, look);
    pen.fill();
  }
  if (!data.looks[look].filled) {
    pen.strokeStyle = fill;
    pen.lineWidth = 1;
    pen.stroke();
  }
  drawName(pen, turn, look, x, width, y, data.looks[look].filled ? fill : themeColour("--card"), data.looks[look].filled ? ink : fill);
  if (view.active.has(index) || view.hovered === index) {
    pen.beginPath();
    pen.roundRect(x - 2, y - 2, width + 4, BLOCK + 4, Math.min(6, width / 2 + 2));
    pen.strokeStyle = themeColour(view.hovered === index ? "--accent" : "--ink");
    pen.lineWidth = 2;
    pen.stroke();
  }
}

/** Write as much of code, name and confidence as the visible part of a block can hold, on a calm ground. */
function drawName(pen, turn, look, x, width, y, ground, ink) {
  const left = Math.max(x, viewport.scrollLeft), room = x + width - left - 8;
  const code = data.looks[look].code, name = data.looks[look].name;
  const best = turn.label === null ? "" : `  ${percent(Math.max(...turn.p))}`;
  const apart = turn.apart ? `  ≠ ${data.looks[byVoice(turn)[0]].code}` : "";
  pen.font = "600 13px system-ui, sans-serif";
  pen.textBaseline = "middle";
  const words = [`${code}  ${name}${best}${apart}`, `${code}  ${name}${apart}`, `${code}${apart}`, code].find((each) => pen.measureText(each).width + 8 <= room);
  if (!words) return;
  pen.fillStyle = ground;
  pen.beginPath();
  pen.roundRect(left + 4, y + 6, pen.measureText(words).width + 8, BLOCK - 12, 4);
  pen.fill();
  pen.fillStyle = ink;
  pen.fillText(words, left + 8, y + BLOCK / 2 + 1);
}

function drawLanes() {
  const width = viewport.clientWidth, pen = penFor(lanes, width, view.height);
  const from = viewport.scrollLeft / view.scale, to = (viewport.scrollLeft + width) / view.scale;
  pen.translate(-viewport.scrollLeft, 0);
  drawRuler(pen, from, to);
  for (const row of view.rows) {
    if (row.speaker === undefined) {
      pen.fillStyle = themeColour("--wave");
      if (sound.peaks.length) drawWave(pen, levelsBetween([row.channel], view.scale, from, Math.min(to, data.duration)), row.top, row.height);
      continue;
    }
    const own = turnsOf[row.speaker];
    // One turn earlier than the first that starts in view may reach into it, and so may those it overlaps with.
    for (let at = Math.max(0, lastBefore(own, from) - 2); at < own.length && data.turns[own[at]].start <= to; at++) {
      drawBlock(pen, own[at], row.top);
      if (data.turns[own[at]].track.length > 1) drawTrack(pen, data.turns[own[at]], row.top + BLOCK);
    }
  }
}

function redraw() {
  if (view.pending) return;
  view.pending = true;
  requestAnimationFrame(() => {
    view.pending = false;
    drawLanes();
    drawOverview();
  });
}

/** The strip of the whole recording, without what moves in it. */
function drawStrip(width, height) {
  view.strip = document.createElement("canvas");
  const pen = penFor(view.strip, width, height), scale = width / data.duration;
  const band = Math.max(2, Math.min(6, 18 / data.speakers.length)), wave = height - band * data.speakers.length - 3;
  pen.fillStyle = themeColour("--wave");
  if (sound.peaks.length) {
    const bars = levelsBetween(sound.peaks.map((_, channel) => channel), scale, 0, data.duration);
    const most = Math.max(0.05, ...bars.map(([, level]) => level));
    drawWave(pen, bars.map(([x, level]) => [x, level / most]), 0, wave);
  }
  data.turns.forEach((turn, index) => {
    pen.fillStyle = colours[outcomes[index]].fill;
    pen.globalAlpha = data.looks[outcomes[index]].filled ? 1 : 0.4;
    pen.fillRect(turn.start * scale, wave + 3 + turn.speaker * band, Math.max(1, (turn.end - turn.start) * scale), band - 1);
  });
}

function drawOverview() {
  const width = overview.clientWidth, height = overview.clientHeight, canvas = overview.firstElementChild;
  if (!width || !data.duration) return;
  if (!view.strip) drawStrip(width, height);
  const pen = penFor(canvas, width, height);
  const scale = width / data.duration, shown = viewport.clientWidth / view.scale, left = viewport.scrollLeft / view.scale;
  if (shown < data.duration * 0.995) {
    pen.fillStyle = themeColour("--shade");
    pen.beginPath();
    pen.roundRect(left * scale, 0, Math.max(3, shown * scale), height, 4);
    pen.fill();
  }
  pen.drawImage(view.strip, 0, 0, width, height);
  pen.fillStyle = themeColour("--ink");
  pen.fillRect(Math.min(width - 2, player.time * scale - 1), 0, 2, height);
}
