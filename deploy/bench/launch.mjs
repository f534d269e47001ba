// From the click to the first request that the target sees, with three runners, beside the same TestRun created bare by the API.
// One after the other in pairs, so that both have the same machine.
import { count, mean, must, now, times } from "./numbers.mjs";
import { Place, appPath, ended, form } from "./portal.mjs";
import { Target } from "./target.mjs";
import { Bare, bareName, clean, gone, prototype } from "./testrun.mjs";

const RUNNERS = 3;
const RUN_MS = 180_000;
const MOST_MORE_MS = 300;

/** What the target saw of a run that is over. */
function first(target, mark, began) {
  const seen = target.seen(mark);
  must(seen, `The target was never asked by ${mark}.`);
  must(seen.users.size === RUNNERS, `${seen.users.size} of ${RUNNERS} runners of ${mark} asked the target.`);
  must(seen.first > began, `The target was asked by ${mark} before it was launched.`);
  return seen.first - began;
}

export async function launch(stage, table, { pairs }) {
  const { api } = stage;
  const target = await Target.open(stage);
  const place = await Place.lay(stage, "launch", { target: target.url });
  await clean(api);
  const portal = await place.serve();
  const bares = [];
  try {
    const person = await portal.logIn();
    const click = async (mark, look) => {
      const fields = await form(person, appPath(0), "first", mark, RUNNERS);
      const began = now();
      const run = await portal.launch(person, fields);
      const found = await look?.(run);
      const page = await ended(person, run, RUN_MS);
      must(page.state.state === "passed", `The run ${mark} ended as ${JSON.stringify(page.state)}: ${page.verdict?.reasons?.join(" ")}`);
      await gone(api, run);
      return { took: first(target, mark, began), found };
    };
    // The first one is not counted: it shows what the portal makes.
    const { found: made } = await click("model", (run) => prototype(api, run));
    must(made.spec.parallelism === RUNNERS, `The portal made ${made.spec.parallelism} runners in place of ${RUNNERS}.`);
    const create = async (name) => {
      const bare = new Bare(api, made, name, target.url);
      bares.push(bare);
      await bare.prepare();
      // Its script is the model's, so it asks under the model's mark.
      target.forget("model");
      const began = now();
      await bare.create();
      await bare.finished(RUN_MS);
      const took = first(target, "model", began);
      await bare.remove();
      bares.pop();
      return took;
    };
    const [ours, alone] = [[], []];
    for (let at = 0; at < pairs; at += 1) {
      // In turns also within the pair.
      const steps = [async () => ours.push((await click(`ours${at}`)).took), async () => alone.push(await create(bareName(at)))];
      for (const step of at % 2 ? steps.reverse() : steps) await step();
    }
    // Probes and the operator look once a second or so: a single start is off by as much, and a median jumps. So means, and how sure they are.
    const each = ours.map((took, at) => took - alone[at]);
    const more = mean(each);
    const unsure = Math.sqrt(mean(each.map((one) => (one - more) ** 2)) / Math.max(1, pairs - 1));
    const figures = `${more < 0 ? "−" : "+"}${count(Math.abs(more))} ms ± ${count(unsure)} (means of ${pairs} pairs, with their standard error: ${count(mean(ours))} ms against ${count(mean(alone))} ms, ${times(mean(ours), mean(alone))})`;
    table.row("launch: click to the first request with 3 runners, beyond the same TestRun created bare", `≤ +${MOST_MORE_MS} ms`, figures, more <= MOST_MORE_MS);
  } finally {
    for (const bare of bares) await bare.remove();
    await portal.stop();
    target.close();
  }
}
