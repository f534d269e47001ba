// A portal that is killed in the middle of a run and comes back after 1, 10 and 60 seconds: what it lacks then of the requests that k6 and the
// target have counted. Once with stock k6 as runners, once with the runner image; both at the same time, each with a portal of its own.
import { count, must, now, until, wait } from "./numbers.mjs";
import { Place, appPath, ended, form } from "./portal.mjs";
import { Target } from "./target.mjs";
import { clean, gone, room } from "./testrun.mjs";

const AWAY_S = [1, 10, 60];
const RUNNERS = 2;
const RUN_MS = 240_000;
/** Of the run before the portal goes, so that it is in the middle. */
const BEFORE_MS = 6_000;

async function once(stage, portal, person, target, mark, seconds) {
  target.forget(mark);
  const run = await portal.launch(person, await form(person, appPath(0), `away${seconds}`, mark, RUNNERS));
  await until(`The first request of ${mark}`, 120_000, () => target.seen(mark), 50);
  await wait(BEFORE_MS);
  const before = now();
  const tookMs = await portal.away(seconds * 1000);
  const page = await ended(person, run, RUN_MS);
  must(page.ended / 1000 > before + tookMs, `The run ${mark} was over before the portal was back.`);
  await gone(stage.api, run);
  const own = page.completeness?.rows.find((row) => row.counter === "http_reqs");
  must(own, `The run ${mark} has no counts of k6: ${JSON.stringify(page.state)} ${page.completeness?.sentence}`);
  const sent = target.seen(mark).requests;
  must(own.k6 === sent, `k6 counted ${own.k6} requests of ${mark}, and the target ${sent}.`);
  return { took: tookMs / 1000, sent, got: page.measured.totals.requests, state: page.state.state };
}

async function series(stage, target, kind, runnerImage) {
  const place = await Place.lay(stage, `away-${kind}`, { target: target.url, runnerImage });
  const portal = await place.serve();
  try {
    const person = await portal.logIn();
    const found = [];
    for (const seconds of AWAY_S) found.push(await once(stage, portal, person, target, `${kind}${seconds}`, seconds));
    return found;
  } finally {
    await portal.stop();
  }
}

const told = ({ took, sent, got, state }) => `${count(sent - got)} of ${count(sent)} requests missing (${(((sent - got) / sent) * 100).toFixed(1)} %), ${state}; away ${took.toFixed(1)} s`;

export async function away(stage, table) {
  const runnerImage = stage.api.runnerImage();
  const target = await Target.open(stage);
  await clean(stage.api);
  await room(stage.api, 2);
  try {
    const [stock, ours] = await Promise.all([series(stage, target, "stock", undefined), series(stage, target, "ours", runnerImage)]);
    for (const [at, seconds] of AWAY_S.entries()) {
      table.row(`the portal is away for ${seconds} s in the middle of a run: runners are stock k6`, "", told(stock[at]));
      table.row(`the portal is away for ${seconds} s in the middle of a run: runners are the runner image`, "nothing missing", told(ours[at]), ours[at].got === ours[at].sent);
    }
  } finally {
    target.close();
  }
}
