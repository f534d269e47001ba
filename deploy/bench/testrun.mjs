// The TestRun of a run of the portal, and the same one created bare: by the API alone, with nobody who supervises it.
import { Api } from "./api.mjs";
import { must, until } from "./numbers.mjs";
import { ACCOUNT, RUNS, SPACE, ofRun } from "./portal.mjs";

const CORE = `/api/v1/namespaces/${SPACE}`;
/** Everything bare bears this, so that what an aborted measurement left is found. */
const LABEL = "windfirm-bench";
const DELETED_MS = 60_000;

/** Names of bare TestRuns have the form of the portal's, which the admission policy demands of them. */
export const bareName = (at) => `windfirm-${`${at}`.padStart(32, "0")}`;

/** What the portal made for a run that is under way. */
export async function prototype(api, run) {
  const made = await until(`The TestRun of the run ${run}`, 60_000, async () => (await api.get(ofRun(run))).items[0], 100);
  const { name } = made.metadata;
  // Its script comes a moment later than itself.
  const script = await until(`The ConfigMap ${name}`, 30_000, async () => {
    const { status, text } = await api.ask("GET", `${CORE}/configmaps/${name}`);
    return status === 200 && JSON.parse(text).binaryData;
  });
  return { name, spec: made.spec, script };
}

/** Waits until the portal has deleted the TestRun of a run that is over. */
export async function gone(api, run) {
  await until(`The deletion of the TestRun of ${run}`, DELETED_MS, async () => (await api.get(ofRun(run))).items.length === 0, 250);
}

/** Waits until the quota of the namespace has room for so many TestRuns: it learns of deletions a little late. */
export async function room(api, runs) {
  const counted = "count/testruns.k6.io";
  const free = ({ status }) => Number(status?.hard?.[counted] ?? Infinity) - Number(status?.used?.[counted] ?? 0);
  await until(`Room for ${runs} TestRuns in the quota of ${SPACE}`, 60_000, async () => (await api.get(`${CORE}/resourcequotas`)).items.every((quota) => free(quota) >= runs), 500);
}

export class Bare {
  /** `sink` takes the deliveries in the portal's place. */
  constructor(api, { name: was, spec, script }, name, sink) {
    // Created as the account that the portal acts as, so that admission has the same to do.
    const creator = new Api(api.folder, { connections: 1, as: `system:serviceaccount:${ACCOUNT.replace("/", ":")}` });
    Object.assign(this, { api, creator, name, script });
    const renamed = JSON.parse(JSON.stringify(spec).replaceAll(was, name));
    const host = renamed.runner.env.find((one) => one.name === "K6_CLOUD_HOST");
    must(host, "The portal's TestRun does not say where measurements go.");
    host.value = `${sink}/ingest`;
    // No portal may take it, or its pods, for its own. The admission policy wants one of the labels.
    for (const pod of [renamed.initializer, renamed.starter, renamed.runner]) pod.metadata = { labels: { [LABEL]: "bare", "windfirm.dev/execution": name } };
    this.object = { apiVersion: "k6.io/v1alpha1", kind: "TestRun", metadata: this.#metadata(), spec: renamed };
  }
  #metadata() {
    return { name: this.name, labels: { [LABEL]: "bare" } };
  }
  /** What its pods mount. Not part of what is measured. */
  async prepare() {
    const token = Buffer.from("of a bare run").toString("base64");
    await this.api.create(`${CORE}/configmaps`, { apiVersion: "v1", kind: "ConfigMap", metadata: this.#metadata(), binaryData: this.script });
    await this.api.create(`${CORE}/secrets`, { apiVersion: "v1", kind: "Secret", metadata: this.#metadata(), data: { token } });
  }
  create() {
    return this.creator.create(RUNS, this.object);
  }
  /** Waits for its end, and checks that it was one that finished. */
  finished(limitMs) {
    return until(`The end of the TestRun ${this.name}`, limitMs, async () => {
      const { status } = await this.api.get(`${RUNS}/${this.name}`);
      must(status?.stage !== "error", `The TestRun ${this.name} ends with an error.`);
      return status?.stage === "finished";
    }, 500);
  }
  async remove() {
    await this.api.remove(`${RUNS}/${this.name}`);
    for (const kind of ["configmaps", "secrets"]) await this.api.remove(`${CORE}/${kind}/${this.name}`);
    const pods = `${CORE}/pods?labelSelector=k6_cr%3D${this.name}`;
    await until(`The end of the pods of ${this.name}`, DELETED_MS, async () => (await this.api.get(pods)).items.length === 0, 250);
  }
}

/** Removes what an aborted measurement left. */
export async function clean(api) {
  for (const kind of [RUNS, `${CORE}/configmaps`, `${CORE}/secrets`]) {
    const { items } = await api.get(`${kind}?labelSelector=${LABEL}`);
    for (const { metadata } of items) await api.remove(`${kind}/${metadata.name}`);
  }
}
