// `windfirm policy preflight` for many accounts, and what somebody else who reads one object meanwhile feels of it.
import { execFile } from "node:child_process";
import { Api } from "./api.mjs";
import { count, each, median, must, now, quantile, times, until, wait } from "./numbers.mjs";
import { Place } from "./portal.mjs";

const ROUNDS = 3;
const AT_ONCE = 4;
const IDLE_MS = 5_000;
/** Another account than the portal's, which waits in the same line at the API server, and the one object that it may read. */
const OTHER_SPACE = "windfirm-bench-bystander";
const OTHER = `system:serviceaccount:${OTHER_SPACE}:bystander`;
const READ = `/api/v1/namespaces/${OTHER_SPACE}/configmaps/bystander`;
const DELETED_MS = 120_000;
const PAUSE_MS = 10;
const LIMIT_MS = 10_000;
const LEAST_VERBS = 12;
/** Kubernetes' own objective for reading one object: 99 of 100 within a second. */
const OBJECTIVE_MS = 1_000;
/** Of the cluster; all others exist nowhere, and the API server reviews them all the same. */
const REAL = ["shop-dev", "shop-prod", "search-staging"].map((space) => `${space}/loadtest`);

/** Somebody who reads one object again and again, until `work` is done. */
async function bystander(api, work) {
  const taken = [];
  let over = false;
  let wrong;
  const read = async () => {
    while (!over) {
      const began = now();
      await api.get(READ);
      taken.push(now() - began);
      await wait(PAUSE_MS);
    }
  };
  const reading = read().catch((error) => (wrong = error));
  try {
    const done = await work();
    if (wrong) throw wrong;
    return { done, taken };
  } finally {
    over = true;
    await reading;
  }
}

const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const WIDE = "windfirm-bench-accounts";

/** The bystander's account, its object, and its right to read that one; and the portal's right to look for accounts where there are none. */
async function bring(api) {
  const metadata = { name: "bystander", namespace: OTHER_SPACE };
  const rbac = { apiVersion: "rbac.authorization.k8s.io/v1", metadata };
  await api.apply(`/api/v1/namespaces/${OTHER_SPACE}`, { apiVersion: "v1", kind: "Namespace", metadata: { name: OTHER_SPACE } });
  await api.apply(`/api/v1/namespaces/${OTHER_SPACE}/serviceaccounts/bystander`, { apiVersion: "v1", kind: "ServiceAccount", metadata });
  await api.apply(READ, { apiVersion: "v1", kind: "ConfigMap", metadata, data: { text: "read me" } });
  const rules = [{ apiGroups: [""], resources: ["configmaps"], resourceNames: ["bystander"], verbs: ["get"] }];
  await api.apply(`${RBAC}/namespaces/${OTHER_SPACE}/roles/bystander`, { ...rbac, kind: "Role", rules });
  const binding = { roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "bystander" }, subjects: [{ kind: "ServiceAccount", ...metadata }] };
  await api.apply(`${RBAC}/namespaces/${OTHER_SPACE}/rolebindings/bystander`, { ...rbac, kind: "RoleBinding", ...binding });
  const wide = { apiVersion: rbac.apiVersion, metadata: { name: WIDE } };
  await api.apply(`${RBAC}/clusterroles/${WIDE}`, { ...wide, kind: "ClusterRole", rules: [{ apiGroups: [""], resources: ["serviceaccounts"], verbs: ["get"] }] });
  const bound = { roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: WIDE }, subjects: [{ kind: "ServiceAccount", name: "portal", namespace: "windfirm" }] };
  await api.apply(`${RBAC}/clusterrolebindings/${WIDE}`, { ...wide, kind: "ClusterRoleBinding", ...bound });
}

/** Takes all of it away again. */
export async function dismiss(api) {
  for (const kind of ["clusterrolebindings", "clusterroles"]) await api.remove(`${RBAC}/${kind}/${WIDE}`);
  await api.removeNamespace(OTHER_SPACE, DELETED_MS);
}

/** The command fails when an account lacks something, as nearly all of these do; what it prints is whole all the same. */
function sweep(stage, config) {
  return new Promise((done, failed) => {
    execFile(stage.binary, ["policy", "preflight", "--json", "--config", config], { maxBuffer: 1 << 30 }, (error, out, told) => {
      try {
        done(JSON.parse(out)[0]);
      } catch {
        failed(new Error(`windfirm policy preflight printed no result: ${told || error?.message}`));
      }
    });
  });
}

function check(swept, accounts) {
  must(swept.accounts.length === accounts, `${swept.accounts.length} accounts were asked about in place of ${accounts}.`);
  const unanswered = swept.accounts.find((account) => account.unanswered.length > 0);
  must(!unanswered, `A question about ${unanswered?.account} has no answer: ${unanswered?.unanswered[0]}`);
  const green = swept.accounts.filter((account) => account.presence.state === "exists" && account.lacks.length === 0);
  must(green.length === REAL.length + 1, `${green.length} accounts can do all that runs need, in place of the cluster's ${REAL.length + 1}.`);
  const missing = swept.accounts.filter((account) => account.presence.state === "missing");
  must(missing.length === accounts - green.length, `${missing.length} accounts are found missing in place of ${accounts - green.length}.`);
  // Each lacks every right, once for itself and once for the portal.
  const verbs = Math.min(...missing.map((account) => account.lacks.filter((lack) => lack.side === "account").length));
  must(verbs >= LEAST_VERBS, `Only ${verbs} rights of an account were asked about.`);
  return verbs;
}

export async function preflight(stage, table, numbers) {
  await bring(stage.api);
  try {
    await measure(stage, table, numbers);
  } finally {
    await dismiss(stage.api);
  }
}

async function measure(stage, table, { accounts }) {
  must(accounts > REAL.length + 1, `At least ${REAL.length + 2} accounts are needed: the cluster's own are among them.`);
  const made = Array.from({ length: accounts - REAL.length - 1 }, (_, at) => `windfirm-bench-${at}/loadtest`);
  const place = await Place.lay(stage, "preflight", { accounts: [...REAL, ...made] });
  const other = new Api(stage.api.folder, { connections: 1, as: OTHER });
  // A right takes a moment until it is known.
  await until("The bystander's right to read", 10_000, async () => (await other.ask("GET", READ)).status === 200);
  const { taken: idle } = await bystander(other, () => wait(IDLE_MS));
  const [took, busy] = [[], []];
  let swept;
  let verbs;
  for (let round = 0; round < ROUNDS; round += 1) {
    const { done, taken } = await bystander(other, () => sweep(stage, place.config));
    swept = done;
    verbs = check(swept, accounts);
    took.push(swept.took_ms);
    busy.push(...taken);
  }
  // As many reviews by hand, as many at once.
  const review = (at) => ({
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    spec: { user: `system:serviceaccount:windfirm-bench-${at % accounts}:loadtest`, resourceAttributes: { namespace: `windfirm-bench-${at % accounts}`, verb: "create", group: "k6.io", resource: "testruns" } },
  });
  const began = now();
  await each(Array.from({ length: swept.reviews }), AT_ONCE, (_, at) => stage.api.ask("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review(at)).then(({ status }) => must(status === 201, `A review by hand is answered with ${status}.`)));
  const byHand = now() - began;
  table.row(
    `preflight of ${accounts} accounts × ${verbs} rights (${count(swept.reviews)} questions), beside as many bare reviews`,
    "< 10 s",
    `${count(median(took))} ms against ${count(byHand)} ms, ${times(median(took), byHand)}`,
    median(took) < LIMIT_MS,
  );
  const figures = (list) => `p50 ${median(list).toFixed(1)} ms, p99 ${quantile(list, 0.99).toFixed(1)} ms`;
  table.row(
    "reading one object meanwhile, beside the same when idle",
    "p99 < 1 s, Kubernetes' own objective",
    `${figures(busy)} of ${count(busy.length)} against ${figures(idle)} of ${count(idle.length)}; p50 ${times(median(busy), median(idle))}`,
    quantile(busy, 0.99) < OBJECTIVE_MS,
  );
}
