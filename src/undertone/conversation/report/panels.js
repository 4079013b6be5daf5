// The words around the picture: facts, legend, the turn in detail, speakers, and the list of turns.

const ROWS_AT_ONCE = 100;
const detail = byId("detail"), list = byId("list");
const rowsOf = []; // per turn, its row in the list; filled in slices so that the page opens at once

function showFacts() {
  const spans = [
    ["length", clock(data.duration)],
    ["speakers", String(data.speakers.length)],
    ["turns", String(data.turns.length)],
    ["bundle", data.bundle],
  ];
  byId("facts").append(
    ...spans.map(([name, value]) => {
      const pair = element("div");
      pair.append(element("dt", "", name), element("dd", "", value));
      return pair;
    }),
  );
  byId("notes").append(...data.notes.map((note) => element("li", "", note)));
  byId("now").style.minWidth = `${clock(data.duration).length + 0.5}ch`;
  byId("length").textContent = `of ${clock(data.duration)}`;
  byId("privacy").textContent = data.audio
    ? "It holds the sound of the recording: share it with the same care."
    : "It does not hold the sound of the recording.";
}

function swatch(index) {
  const made = wear(element("span", "swatch"), index);
  made.append(element("b", "", data.looks[index].code));
  return made;
}

function showLegend() {
  const seen = new Set(outcomes);
  const shown = data.looks.map((_, index) => index).filter((index) => data.looks[index].filled || seen.has(index));
  byId("legend").append(
    ...shown.map((index) => {
      const item = element("li");
      item.append(swatch(index), data.looks[index].name);
      return item;
    }),
  );
  if (data.turns.some((turn) => turn.apart)) byId("legend").append(element("li", "", "≠ what the voice alone would be taken for"));
}

function bars(turn) {
  const made = element("dl", "bars");
  const top = turn.p.indexOf(Math.max(...turn.p));
  turn.p.forEach((value, index) => {
    const weight = index === top ? "top" : "";
    const name = element("dt", weight);
    name.append(swatch(index), data.labels[index]);
    const meter = wear(element("span", "meter"), index);
    meter.append(element("i"));
    meter.firstElementChild.style.width = `${value * 100}%`;
    const bar = element("dd");
    bar.append(meter);
    made.append(name, bar, element("dd", weight, percent(value)));
  });
  return made;
}

/** The curve inside a long turn: the most probable emotions over time, each with its own dashes and letter. */
function curve(turn) {
  const figure = element("figure"), canvas = element("canvas");
  figure.append(canvas, element("figcaption", "", "probabilities inside the turn"));
  const most = turn.p.map((_, index) => Math.max(...turn.track.map((each) => each.p[index])));
  const shown = most.map((_, index) => index).sort((a, b) => most[b] - most[a]).slice(0, 3);
  requestAnimationFrame(() => {
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (!width) return;
    const pen = penFor(canvas, width, height), right = width - 18;
    const x = (time) => ((time - turn.start) / (turn.end - turn.start)) * right;
    const y = (value) => height - 6 - value * (height - 12);
    pen.strokeStyle = themeColour("--line");
    pen.strokeRect(0.5, y(1), right, y(0) - y(1));
    pen.font = "700 11px ui-monospace, Menlo, Consolas, monospace";
    pen.textBaseline = "middle";
    pen.lineWidth = 2;
    shown.forEach((index, rank) => {
      pen.setLineDash([[], [6, 4], [2, 3]][rank]);
      pen.strokeStyle = pen.fillStyle = colours[index].fill;
      pen.beginPath();
      pen.moveTo(x(turn.start), y(turn.track[0].p[index]));
      for (const each of turn.track) pen.lineTo(x((each.start + each.end) / 2), y(each.p[index]));
      pen.lineTo(x(turn.end), y(turn.track.at(-1).p[index]));
      pen.stroke();
    });
    // The letters stand where the curves end, moved up where two would overlap.
    const ends = shown.map((index) => [y(turn.track.at(-1).p[index]), index]).sort((a, b) => b[0] - a[0]);
    let room = height - 6;
    for (const [at, index] of ends) {
      pen.fillStyle = colours[index].fill;
      pen.fillText(data.looks[index].code, right + 6, Math.min(at, room));
      room = Math.min(at, room) - 11;
    }
  });
  return figure;
}

/** The words of a turn, the darker the more they count for its most probable emotion; those that count against it are underlined. */
function wordShares(turn) {
  const words = element("blockquote"), most = Math.max(...turn.words.map(([, share]) => Math.abs(share)), 0.01);
  words.dir = "auto";
  for (const [text, share] of turn.words) {
    const word = element("span", share < 0 ? "against" : "for", text);
    word.style.setProperty("--share", `${Math.round((60 * Math.abs(share)) / most)}%`);
    word.title = `${share < 0 ? "−" : "+"}${percent(Math.abs(share))}`;
    words.append(word, " ");
  }
  return [words, element("p", "hint", `How much less probable ${data.labels[ranked(turn)[0][0]]} is without each word, heard and read; underlined: more probable.`)];
}

function showDetail(index) {
  if (index < 0) {
    const words = data.turns.length ? "Point at a turn, or tap one, to see what was heard in it." : "This timeline has no turns: nobody was heard, so there is nothing to judge.";
    detail.replaceChildren(element("p", "empty", words));
    delete detail.dataset.turn;
    return;
  }
  if (detail.dataset.turn === String(index)) return;
  detail.dataset.turn = String(index);
  const turn = data.turns[index], best = ranked(turn), left = element("div"), head = element("h3");
  head.append(swatch(outcomes[index]), turn.label ?? turn.abstention);
  if (turn.label !== null) head.append(element("small", "", `${percent(best[0][1])} confidence`));
  const speaker = element("bdi", "", data.speakers[turn.speaker].name);
  const where = element("p", "where");
  where.append(speaker, `, ${clock(turn.start)} – ${clock(turn.end)}, ${(turn.end - turn.start).toFixed(1)} s`);
  left.append(head, where);
  if (turn.abstention) left.append(element("p", "why", WHY[turn.abstention]));
  if (turn.voice) {
    const [index, most] = byVoice(turn), alone = `${data.labels[index]} ${percent(most)}`;
    left.append(element("p", turn.apart ? "why" : "hint", turn.apart ? `Voice and words disagree: by voice alone ${alone}.` : `By voice alone: ${alone}.`));
  }
  if (turn.baseline !== null) left.append(element("p", "hint", `Held against ${counted(turn.baseline, "turn")} of this speaker.`));
  if (turn.words.length) left.append(...wordShares(turn));
  else if (turn.text) {
    const words = element("blockquote", "", turn.text);
    words.dir = "auto";
    left.append(words);
  }
  if (turn.track.length > 1 && turn.p) left.append(curve(turn));
  detail.replaceChildren(left);
  if (turn.p) detail.append(bars(turn));
}

function showSpeakers() {
  byId("speakers").append(
    ...data.speakers.map((speaker) => {
      const made = element("div", "speaker"), head = element("div", "head"), stack = element("div", "stack"), shares = element("ul", "shares");
      const name = element("h3", "", speaker.name);
      name.dir = "auto";
      head.append(name, element("span", "hint", `${clock(speaker.speaking)} in ${counted(speaker.turns, "turn")}`));
      for (const [outcome, share] of speaker.shares) {
        const index = lookIndex.get(outcome), part = wear(element("span", share < 0.04 ? "narrow" : ""), index);
        part.style.flex = `${share} 0 0`;
        part.append(element("b", "", data.looks[index].code));
        stack.append(part);
        shares.append(element("li", "", `${outcome} ${percent(share)}`));
      }
      stack.setAttribute("aria-hidden", "true");
      made.append(head, stack, shares);
      return made;
    }),
  );
  if (!data.speakers.length) byId("speakers").append(element("p", "none", "No speakers."));
}

function fillRow(row, index) {
  const turn = data.turns[index], best = ranked(turn), look = outcomes[index];
  const [time, speaker, emotion, confidence, next, words] = row.children;
  row.dataset.turn = index;
  time.firstElementChild.textContent = `${clock(turn.start)}–${clock(turn.end)}`;
  time.firstElementChild.setAttribute("aria-label", `Play ${spoken(index)}`);
  speaker.textContent = data.speakers[turn.speaker].name;
  const chip = wear(emotion.firstElementChild, look);
  chip.firstElementChild.textContent = data.looks[look].code;
  chip.lastElementChild.textContent = data.looks[look].name;
  if (best.length) {
    wear(confidence.firstElementChild, look);
    confidence.querySelector("i").style.width = `${best[0][1] * 100}%`;
    confidence.lastElementChild.textContent = percent(best[0][1]);
    const shown = turn.label === null ? best.slice(0, 2) : best.slice(1, 2);
    next.textContent = shown.map(([label, value]) => `${data.labels[label]} ${percent(value)}`).join(", ");
  } else {
    confidence.firstElementChild.remove();
  }
  words.textContent = turn.text ?? "";
}

/** Add rows a slice at a time, yielding to the browser between slices. */
function addRows(from) {
  const table = list.querySelector("table"), body = element("tbody"), template = byId("row").content.firstElementChild;
  body.setAttribute("role", "rowgroup");
  for (let index = from; index < Math.min(from + ROWS_AT_ONCE, data.turns.length); index++) {
    const row = template.cloneNode(true);
    fillRow(row, index);
    row.hidden = !passes(index);
    rowsOf[index] = row;
    body.append(row);
  }
  table.append(body);
  if (from === 0) rowsOf[0].querySelector("button").tabIndex = 0;
  if (from + ROWS_AT_ONCE < data.turns.length) setTimeout(() => addRows(from + ROWS_AT_ONCE), 0);
}

function passes(index) {
  const speaker = byId("by-speaker").value, outcome = byId("by-outcome").value;
  return (!speaker || data.turns[index].speaker === Number(speaker)) && (!outcome || outcomes[index] === Number(outcome));
}

function filterRows() {
  let shown = 0;
  data.turns.forEach((_, index) => {
    shown += passes(index);
    if (rowsOf[index]) rowsOf[index].hidden = !passes(index);
  });
  byId("count").textContent = shown === data.turns.length ? counted(shown, "turn") : `${shown} of ${counted(data.turns.length, "turn")}`;
  const first = rowsOf.find((row) => !row.hidden);
  if (first && !rowsOf.some((row) => !row.hidden && row.querySelector("button").tabIndex === 0)) first.querySelector("button").tabIndex = 0;
}

function option(words, value) {
  const made = element("option", "", words);
  made.value = value;
  return made;
}

function showList() {
  byId("by-speaker").append(...data.speakers.map((speaker, index) => option(speaker.name, index)));
  byId("by-outcome").append(...[...new Set(outcomes)].sort((a, b) => a - b).map((index) => option(data.looks[index].name, index)));
  byId("by-speaker").addEventListener("change", filterRows);
  byId("by-outcome").addEventListener("change", filterRows);
  list.classList.toggle("long", data.turns.length > 5 * ROWS_AT_ONCE);
  if (data.turns.length) addRows(0);
  else list.replaceChildren(element("p", "none", "No turns."));
  filterRows();
}
