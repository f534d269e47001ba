// What all measurements share: waiting, medians, the table of BENCHMARKS.md, and checks that end a measurement which did not happen.
import process from "node:process";

export const wait = (ms) => new Promise((done) => setTimeout(done, ms));
export const now = () => performance.timeOrigin + performance.now();

/** The value at this rank of a list, the nearest one. */
export function quantile(list, q) {
  must(list.length > 0, "There is nothing to take a quantile of: nothing was measured.");
  const ascending = [...list].sort((a, b) => a - b);
  return ascending[Math.min(ascending.length - 1, Math.floor(q * ascending.length))];
}
export const median = (list) => quantile(list, 0.5);
export const mean = (list) => list.reduce((sum, one) => sum + one, 0) / Math.max(1, list.length);

/** A figure is worth nothing when what it measures did not happen. */
export function must(condition, sentence) {
  if (!condition) throw new Error(sentence);
}

/** Asks again until there is an answer. Whoever waits longer than that gets a sentence. */
export async function until(what, limitMs, ask, pauseMs = 100) {
  const began = now();
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false && answer !== null) return answer;
    must(now() - began < limitMs, `${what} did not come within ${Math.round(limitMs / 1000)} s.`);
    await wait(pauseMs);
  }
}

/** Does `work` with each of a list, so many at a time. The first failure ends it. */
export async function each(list, atOnce, work) {
  let next = 0;
  const worker = async () => {
    while (next < list.length) {
      const at = next;
      next += 1;
      await work(list[at], at);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, list.length) }, worker));
}

export const say = (line) => process.stderr.write(`  ${line}\n`);
export const count = (number) => Math.round(number).toLocaleString("en-GB");
export const times = (ours, theirs) => `${(ours / theirs).toFixed(2)} ×`;

/** Rows as in BENCHMARKS.md, in the order in which they were measured. */
export class Table {
  rows = [];

  /** `good` is undefined where nothing was asked for. */
  row(what, reach, measured, good) {
    const line = `| ${what} | ${reach} | ${measured} | ${good === undefined ? "" : good ? "reached" : "missed"} |`;
    this.rows.push(line);
    say(line);
  }
  failed(what, why) {
    const line = `| ${what} | | not measured: ${why.replaceAll("|", "/").replaceAll("\n", " ")} | **failed** |`;
    this.rows.push(line);
    say(line);
  }
  text() {
    return ["| what | reach | measured | |", "|---|---|---|---|", ...this.rows].join("\n");
  }
}
