// Ten thousand Applications in the real API server: how soon a portal that starts knows them, what they cost it, how soon a change is on
// the page, and how quick the tree page is.
import { count, median, must, now, quantile, say, times, until, wait } from "./numbers.mjs";
import { Place } from "./portal.mjs";

const SPACE = "windfirm-bench";
/** So many rows below a row that is opened are asked for. */
const ROOM = 20;
const LIST = `/apis/argoproj.io/v1alpha1/namespaces/${SPACE}/applications`;
const ALL = "/apis/argoproj.io/v1alpha1/applications";
const PER_TEAM = 99;
const AT_ONCE = 16;
/** The portal reads as many a page. */
const PAGE = 100;
const CHANGES = 10;
const PAGES = 200;
/** After these, memory is what stays. */
const SETTLE_MS = 10_000;
const DELETED_MS = 900_000;

/** As the shop's own that Argo CD wrote, under another name and below another parent. */
function application(like, name, parent, children) {
  const object = structuredClone({ apiVersion: like.apiVersion, kind: like.kind, spec: like.spec, status: like.status });
  const tracking = `${SPACE}_${parent}:argoproj.io/Application:${SPACE}/${name}`;
  object.metadata = { name, namespace: SPACE, annotations: parent ? { "argocd.argoproj.io/tracking-id": tracking } : {} };
  if (children) {
    object.status.resources = children.map((child) => ({ group: "argoproj.io", version: "v1alpha1", kind: "Application", namespace: SPACE, name: child, status: "Synced" }));
    object.status.summary = { isAppOfApps: true };
  }
  return object;
}

/** A root, teams below it, and apps below those: so many in all. */
function forest(like, size) {
  const teams = new Map();
  const leaves = [];
  for (let team = 0, left = size - 1; left > 0; team += 1) {
    const apps = Math.min(PER_TEAM, left - 1);
    const names = Array.from({ length: apps }, (_, at) => `app-${team}-${at}`);
    teams.set(`team-${team}`, names);
    leaves.push(...names.map((name) => application(like, name, `team-${team}`)));
    left -= apps + 1;
  }
  const parents = [...teams].map(([name, names]) => application(like, name, "windfirm-bench", names));
  return [application(like, "windfirm-bench", undefined, [...teams.keys()]), ...parents, ...leaves];
}

/** Deletes them, also those of a measurement that was interrupted. */
export async function remove(api) {
  if ((await api.ask("GET", `/api/v1/namespaces/${SPACE}`)).status === 404) return;
  await api.removeAll(LIST, DELETED_MS);
  await api.removeNamespace(SPACE, DELETED_MS);
}

const visible = async (person) => (await person.read("tree")).visible_apps;

/** The memory of a portal that has settled. */
async function settled(person, portal) {
  await wait(SETTLE_MS);
  await person.page("/tree");
  return portal.memory();
}

/** Changes one app after the other; how long until the page of each says so. */
async function changes(api, person, names) {
  const taken = [];
  for (const name of names) {
    const [, team] = name.split("-");
    const address = `/apps/windfirm-bench/team-${team}/${name}/`;
    // The word may stand on the page already, of something else: it must come to stand there more often.
    const said = async () => ((await person.page(address)).match(/degraded/gi) ?? []).length;
    const before = await said();
    const began = now();
    await api.merge(`${LIST}/${name}`, { status: { health: { status: "Degraded" } } });
    await until(`The change of ${name} on its page`, 30_000, async () => (await said()) > before, 10);
    taken.push(now() - began);
  }
  return taken;
}

async function repeated(times, ask) {
  const taken = [];
  let last;
  for (let at = 0; at < times; at += 1) {
    const began = now();
    last = await ask();
    taken.push(now() - began);
  }
  return { taken, last };
}

export async function applications(stage, table, { applications: size }) {
  const { api } = stage;
  await remove(api);
  const place = await Place.lay(stage, "applications");
  const before = await api.count(ALL, PAGE);
  const like = await api.get("/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/catalogue");

  let portal = await place.serve();
  let known;
  let without;
  try {
    const person = await portal.logIn();
    // The root and the one app of the repository stand beside those of the cluster.
    known = before + 2;
    await until(`The ${before} Applications that are there`, 60_000, async () => (await visible(person)) === known);
    without = await settled(person, portal);
  } finally {
    await portal.stop();
  }

  try {
    const objects = forest(like, size);
    must(objects.length === size, `${objects.length} Applications would be made in place of ${size}.`);
    await api.apply(`/api/v1/namespaces/${SPACE}`, { apiVersion: "v1", kind: "Namespace", metadata: { name: SPACE } });
    const making = now();
    await api.applyAll(objects, AT_ONCE, ({ metadata }) => `${LIST}/${metadata.name}`);
    const made = now() - making;
    say(`${count(size)} Applications were applied in ${(made / 1000).toFixed(0)} s, each with ${count(JSON.stringify(objects.at(-1)).length)} bytes`);
    const reading = now();
    const read = await api.count(ALL, PAGE);
    const bare = now() - reading;
    must(read === before + size, `The API server has ${read} Applications in place of ${before + size}.`);

    portal = await place.serve();
    const person = await portal.logIn();
    await until(`All ${count(size)} Applications in the tree`, 120_000, async () => (await visible(person)) === known + size, 50);
    const synced = now() - portal.began;
    table.row(
      `${count(size)} Applications: from the start of the portal to all of them in its tree, beside reading them bare`,
      "< 10 s",
      `${(synced / 1000).toFixed(2)} s against ${(bare / 1000).toFixed(2)} s, ${times(synced, bare)}`,
      synced < 10_000,
    );
    const held = await settled(person, portal);
    const more = held.residentMb - without.residentMb;
    table.row(
      "the portal's memory for them (resident, with them less without)",
      "< 60 MB",
      `${more.toFixed(0)} MB (${held.residentMb.toFixed(0)} MB against ${without.residentMb.toFixed(0)} MB, ${times(held.residentMb, without.residentMb)}; at most it was ${held.peakMb.toFixed(0)} MB)`,
      more < 60,
    );

    const { taken: first, last: html } = await repeated(PAGES, () => person.page("/tree"));
    must(html.includes("data-more"), "The tree page does not lead to the rows that it has no room for.");
    const kb = Buffer.byteLength(html) / 1000;
    table.row("tree page, first HTML as it is sent", "≤ 60 kB, p99 < 50 ms", `${kb.toFixed(0)} kB; p50 ${median(first).toFixed(1)} ms, p99 ${quantile(first, 0.99).toFixed(1)} ms of ${PAGES}`, kb <= 60 && quantile(first, 0.99) < 50);
    const { rows } = await person.read("tree", { "query[rows]": `${size}` });
    const team = rows.find((row) => row.name === "team-0" && row.toggle);
    must(team && !team.expanded, "The tree page has no team that can be opened.");
    const wanted = objects.find((object) => object.metadata.name === "team-0").status.resources.length;
    const below = ({ rows }) => rows.filter((row) => row.path?.startsWith(team.path) && row.path !== team.path).length;
    const opening = async (name, asked) => {
      const { taken, last } = await repeated(PAGES, () => person.read("tree", { "query[open]": team.toggle, ...asked }));
      table.row(`tree page, opening a row of ${wanted}: ${name}`, "< 30 ms", `p50 ${median(taken).toFixed(1)} ms, p99 ${quantile(taken, 0.99).toFixed(1)} ms of ${PAGES}`, quantile(taken, 0.99) < 30);
      return below(last);
    };
    const at = rows.indexOf(team);
    const shown = await opening("what its link asks for", { "query[rows]": `${at + 1 + ROOM}` });
    must(shown === Math.min(wanted, ROOM), `${shown} children of the team are shown in place of ${Math.min(wanted, ROOM)}.`);
    const whole = await opening("all of them at once", { "query[rows]": `${at + 1 + wanted}` });
    must(whole === wanted, `${whole} children of the team are shown in place of ${wanted}.`);

    const leaves = objects.filter((object) => object.metadata.name.startsWith("app-"));
    const step = Math.max(1, Math.floor(leaves.length / CHANGES));
    const names = leaves.filter((_, at) => at % step === 0).slice(0, CHANGES).map((object) => object.metadata.name);
    const seen = await changes(api, person, names);
    table.row("a change in the API server on the page of its app", "< 1 s", `median ${count(median(seen))} ms, longest ${count(Math.max(...seen))} ms of ${seen.length}`, Math.max(...seen) < 1_000);
  } finally {
    await portal.stop();
    const began = now();
    await remove(api);
    say(`the Applications were deleted in ${((now() - began) / 1000).toFixed(0)} s`);
  }
}
