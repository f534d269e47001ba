// Many runs of two runners each at once: all must finish, and three counts of their requests must be equal: the target's own, k6's own,
// and the portal's. Beside as many of the same TestRuns created bare at once.
import { count, must, now, times } from "./numbers.mjs";
import { Place, appPath, ended, form } from "./portal.mjs";
import { Target } from "./target.mjs";
import { Bare, bareName, clean, gone, prototype, room } from "./testrun.mjs";

const RUNNERS = 2;
const RUN_MS = 600_000;
/** Seldom, so that asking takes nothing from the runs. When each ended stands on its page. */
const ASK_MS = 1_000;

/** One run that is over: what is wrong with it, or nothing. */
function wrong(page, seen) {
  const requests = page.measured.totals.requests;
  const rows = page.completeness?.rows ?? [];
  const own = rows.find((row) => row.counter === "http_reqs");
  const unequal = rows.filter((row) => row.received !== row.k6).map((row) => `${row.counter}: ${row.received} of ${row.k6}`);
  if (page.state.state !== "passed") return `it ended as ${JSON.stringify(page.state)} (${page.verdict?.reasons?.join(" ")})`;
  if (!own || !page.completeness.complete) return `its counts are not complete: ${page.completeness?.sentence}`;
  if (unequal.length > 0) return `the portal has not what k6 counted: ${unequal.join(", ")}`;
  if (requests !== seen.requests || requests !== own.k6) return `requests: portal ${requests}, k6 ${own.k6}, target ${seen.requests}`;
  if (seen.users.size !== RUNNERS) return `${seen.users.size} of ${RUNNERS} runners asked the target`;
  return undefined;
}

/** How many of these were under way at the same moment, at most. */
function together(pages) {
  const starts = pages.map((page) => page.started);
  return Math.max(...starts.map((at) => pages.filter((page) => page.started <= at && at < page.ended).length));
}

export async function atOnce(stage, table, { runs }) {
  const { api } = stage;
  const target = await Target.open(stage);
  const place = await Place.lay(stage, "together", { apps: runs, target: target.url });
  await clean(api);
  await room(api, runs);
  const portal = await place.serve();
  const bares = [];
  try {
    const person = await portal.logIn();
    const marks = Array.from({ length: runs }, (_, at) => `run${at}`);
    const fields = [];
    for (const [at, mark] of marks.entries()) fields.push(await form(person, appPath(at), "steady", mark, RUNNERS));
    const began = now();
    const ids = await Promise.all(fields.map((one) => portal.launch(person, one)));
    must(new Set(ids).size === runs, `${new Set(ids).size} runs were made in place of ${runs}.`);
    const made = await prototype(api, ids[0]);
    const pages = await Promise.all(ids.map((id) => ended(person, id, RUN_MS, ASK_MS)));
    const took = Math.max(...pages.map((page) => page.ended)) / 1000 - began;
    for (const [at, page] of pages.entries()) {
      const why = wrong(page, target.seen(marks[at]) ?? { requests: 0, users: new Set() });
      must(!why, `Of ${runs} runs at once, ${marks[at]} is not right: ${why}`);
    }
    for (const id of ids) await gone(api, id);
    await room(api, runs);
    const requests = pages.reduce((sum, page) => sum + page.measured.totals.requests, 0);

    for (const at of marks.keys()) bares.push(new Bare(api, made, bareName(at), target.url));
    for (const bare of bares) await bare.prepare();
    target.forget(marks[0]);
    const created = now();
    await Promise.all(bares.map((bare) => bare.create()));
    await Promise.all(bares.map((bare) => bare.finished(RUN_MS)));
    const alone = now() - created;
    must(target.seen(marks[0])?.requests > 0, "The bare TestRuns never asked the target.");

    const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
    table.row(
      `${runs} runs of ${RUNNERS} runners each at once`,
      "all finish, counts equal",
      `${pages.length} finished, ${together(pages)} of them under way at one moment; ${count(requests)} requests by the portal, by k6 and by the target alike`,
      true,
    );
    table.row("from the first launch to the last verdict, beside as many bare TestRuns to the last that finished", "", `${seconds(took)} against ${seconds(alone)}, ${times(took, alone)}`);
  } finally {
    await Promise.all(bares.map((bare) => bare.remove()));
    await portal.stop();
    target.close();
  }
}
