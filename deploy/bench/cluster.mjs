// Takes the measurements that need a real Kubernetes, and writes their table on standard output. `deploy/make/bench-cluster.sh` starts it.
//
// Every part checks that what it measured happened, and removes what it made, also when it fails. What is missed is told in the table;
// what could not be measured ends this program with 1. Who interrupts it takes away what is left with `--parts clean`, as does the next one.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { Api } from "./api.mjs";
import { away } from "./away.mjs";
import { applications, remove } from "./applications.mjs";
import { ingest } from "./ingest.mjs";
import { launch } from "./launch.mjs";
import { Table, say } from "./numbers.mjs";
import { dismiss, preflight } from "./preflight.mjs";
import { clean } from "./testrun.mjs";
import { atOnce } from "./together.mjs";

/** In the order in which they are taken: what leaves the API server larger than it was comes last. */
const PARTS = { preflight, launch, away, together: atOnce, ingest, applications };
const NUMBERS = { applications: 10_000, pairs: 15, runs: 20, accounts: 200, runners: 50 };

const text = { type: "string" };
const options = { cluster: text, binary: text, k6: text, site: text, deliveries: text, parts: text };
for (const [name, number] of Object.entries(NUMBERS)) options[name] = { ...text, default: `${number}` };
/** Measures nothing. */
const tidy = async ({ api }) => {
  await clean(api);
  await remove(api);
  await dismiss(api);
};
const { values } = parseArgs({ options });

const numbers = Object.fromEntries(Object.keys(NUMBERS).map((name) => [name, Number.parseInt(values[name], 10)]));
const chosen = values.parts ? values.parts.split(",") : Object.keys(PARTS);
const parts = { ...PARTS, clean: tidy };
const unknown = chosen.filter((name) => !parts[name]);
const bad = Object.entries(numbers).filter(([, number]) => !(number >= 1));
if (unknown.length > 0 || bad.length > 0) {
  console.error(`There is no part ${unknown.join(", ")} (there are: ${Object.keys(parts).join(", ")}), or a number is none: ${bad.map(([name]) => name).join(", ")}.`);
  process.exit(2);
}

const stage = {
  api: new Api(values.cluster),
  binary: values.binary,
  k6: values.k6,
  site: values.site,
  deliveries: values.deliveries,
  folder: fs.mkdtempSync(path.join(os.tmpdir(), "windfirm-bench-")),
  /** Portals that are being served. */
  open: new Set(),
};
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130));
process.once("exit", () => {
  for (const portal of stage.open) for (const child of [portal.child, portal.idp]) child.kill("SIGKILL");
  fs.rmSync(stage.folder, { recursive: true, force: true });
});

const table = new Table();
let failed = false;
for (const name of chosen) {
  say(`${name}: begins at ${new Date().toISOString()}`);
  try {
    await parts[name](stage, table, numbers);
  } catch (error) {
    failed = true;
    table.failed(name, error.message);
    say(error.stack);
  }
}
console.log(table.text());
process.exit(failed ? 1 : 0);
