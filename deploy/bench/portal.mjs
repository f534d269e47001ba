// `windfirm serve` beside the cluster of `make cluster`, with a repository and a policy of the measurements' own.
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { must, now, until, wait } from "./numbers.mjs";
import { Person } from "./person.mjs";

/** Who launches, and as which account of the cluster. Both are the cluster's own. */
export const WHO = "ana";
export const SPACE = "shop-staging";
export const ACCOUNT = `${SPACE}/loadtest`;
/** Where the runs' TestRuns are. */
export const RUNS = `/apis/k6.io/v1alpha1/namespaces/${SPACE}/testruns`;
export const ofRun = (run) => `${RUNS}?labelSelector=${encodeURIComponent(`windfirm.dev/run=${run.replaceAll("-", "")}`)}`;
const REPOSITORY = "https://git.demo.windfirm.dev/shop/deploy.git";
const TICKS_PER_SECOND = 100;

export async function freePort() {
  const server = net.createServer();
  await new Promise((done) => server.listen(0, "0.0.0.0", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** Scripts that are found beside the manifests of every app below. */
const SCRIPTS = {
  // Three users on three runners: each says which it is.
  "first.js": `import http from "k6/http"; import exec from "k6/execution"; import { sleep } from "k6";
export const options = { vus: 3, duration: "2s", thresholds: { http_req_failed: ["rate<0.01"] } };
export default () => { http.get(__ENV.TARGET + "/" + __ENV.MARK + "/" + exec.vu.idInTest, { tags: { name: "first" } }); sleep(0.05); };`,
  "steady.js": `import http from "k6/http"; import exec from "k6/execution"; import { sleep } from "k6";
export const options = { vus: 2, duration: "10s", thresholds: { http_req_failed: ["rate<0.01"] } };
export default () => { http.get(__ENV.TARGET + "/" + __ENV.MARK + "/" + exec.vu.idInTest, { tags: { name: "steady" } }); sleep(0.1); };`,
  // As steady, for the time that the portal is away and a while before and after.
  ...Object.fromEntries([1, 10, 60].map((seconds) => [`away${seconds}.js`, `import http from "k6/http"; import exec from "k6/execution"; import { sleep } from "k6";
export const options = { vus: 2, duration: "${seconds + 20}s", thresholds: { http_req_failed: ["rate<0.01"] } };
export default () => { http.get(__ENV.TARGET + "/" + __ENV.MARK + "/" + exec.vu.idInTest, { tags: { name: "away" } }); sleep(0.1); };`])),
  // Its runner only waits, so that all that comes under its name is the measurement's own.
  "still.js": `import { sleep } from "k6";
export const options = { vus: 1, duration: "300s", gracefulStop: "2s" };
export default () => { sleep(1); };`,
};
export const test = (name) => `service/k6/${name}.js`;
export const appPath = (at) => `/bench/bench-${at}/`;

function application(name, source, annotations) {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Application",
    metadata: { name, namespace: "argocd", annotations },
    spec: {
      project: "default",
      source: { repoURL: REPOSITORY, path: source, targetRevision: "main" },
      destination: { server: "https://kubernetes.default.svc", namespace: SPACE },
    },
  };
}

/** A repository with one root and so many apps below it, all with this target. */
function repository(folder, apps, target) {
  const put = (file, text) => {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    fs.writeFileSync(path.join(folder, file), text);
  };
  put("roots/bench.yaml", JSON.stringify(application("bench", "apps", {})));
  for (let at = 0; at < apps; at += 1) put(`apps/bench-${at}.yaml`, JSON.stringify(application(`bench-${at}`, "service", { "windfirm.dev/target": target })));
  put("service/service.yaml", "{ apiVersion: v1, kind: Service, metadata: { name: bench } }\n");
  for (const [name, text] of Object.entries(SCRIPTS)) put(`service/k6/${name}`, text);
  const git = (...args) => execFileSync("git", ["-C", folder, "-c", "user.name=bench", "-c", "user.email=bench@localhost", ...args], { stdio: "pipe" });
  git("init", "-q", "-b", "main");
  git("add", "-A");
  git("commit", "-qm", "Lay out the apps of the measurements");
}

/** Ana may do everything as the cluster's account; each further account has a grant of its own, which nobody has. */
function policy(accounts, host) {
  const more = accounts.map((as, at) => ({ name: `account ${at}`, to: [{ group: `nobody-${at}` }], role: "tester", on: ["/"], in: ["bench"], as }));
  return {
    apiVersion: "windfirm.dev/v1",
    kind: "Policy",
    environments: [{ name: "bench", match: { namespace: "*" } }],
    roles: { tester: { can: ["app.view", "run.view", "run.launch", "run.stop"] } },
    grants: [{ name: "who measures", to: [{ group: "shop-dev" }], role: "tester", on: ["/"], in: ["bench"], as: ACCOUNT }, ...more],
    guardrails: [{ name: "of the measurements", on: ["/"], max_vus: 100, max_duration: "10m", target_hosts: [`${host}:*`] }],
  };
}

/** Files of one portal: configuration, repository, policy. Can be served more than once, each time with a store of its own. */
export class Place {
  static async lay(stage, name, { apps = 1, target = `http://${stage.api.host}:1`, accounts = [], runnerImage } = {}) {
    const [port, idpPort] = [await freePort(), await freePort()];
    return new Place(stage, path.join(stage.folder, name), { port, idpPort, apps, target, accounts, runnerImage });
  }

  constructor(stage, folder, { port, idpPort, apps, target, accounts, runnerImage }) {
    Object.assign(this, { stage, folder, port, idpPort, runnerImage });
    fs.mkdirSync(folder, { recursive: true });
    this.config = path.join(folder, "windfirm.yaml");
    repository(path.join(folder, "repository"), apps, target);
    fs.writeFileSync(path.join(folder, "policy.yaml"), JSON.stringify(policy(accounts, stage.api.host)));
    fs.writeFileSync(this.config, JSON.stringify(this.#configuration()));
  }
  get url() {
    return `http://127.0.0.1:${this.port}`;
  }
  #configuration() {
    const { api, k6 } = this.stage;
    const issuer = `http://127.0.0.1:${this.idpPort}`;
    const runs = { portal: `http://${api.host}:${this.port}`, k6_image: api.image("k6"), starter_image: api.image("starter"), pull_policy: "Never" };
    if (this.runnerImage) runs.runner_image = this.runnerImage;
    return {
      listen: `0.0.0.0:${this.port}`,
      public_url: `${this.url}/`,
      state: "state",
      policy: "policy.yaml",
      tree: { repository: "repository", revision: "main", roots: "roots", repositories: [REPOSITORY] },
      identity: [
        { name: "demo", issuer, client_id: "windfirm", client_secret: { value: "demo-secret-for-loopback-only" }, scopes: ["openid", "profile", "groups"], groups_claim: "groups" },
      ],
      runner: { k6, slots: 2, queue: 200, per_person: 200 },
      clusters: [
        {
          name: "home",
          kubeconfig: { file: path.join(api.folder, "portal.kubeconfig") },
          known_as: ["https://kubernetes.default.svc"],
          argocd: { namespace: "argocd", applications_in: ["*"] },
          // Small, so that forty of them find room on one node of two cores.
          runs: { ...runs, cpu: "10m", memory_mib: 128, start_limit_s: 300, slots: 100 },
        },
      ],
    };
  }

  /** A portal that is ready, with nothing in its store. `began` is when it was started. */
  async serve() {
    fs.rmSync(path.join(this.folder, "state"), { recursive: true, force: true });
    const idp = this.#run("idp", ["demo-idp", "--port", `${this.idpPort}`, "--portal", `${this.url}/`]);
    const began = now();
    const portal = this.begin();
    const served = new Served(this, portal, idp, began);
    try {
      await until("A portal that is ready", 60_000, () => served.ready(), 5);
      served.startMs = now() - began;
    } catch (error) {
      await served.stop();
      throw error;
    }
    return served;
  }
  /** The process alone, with what the store has. */
  begin() {
    return this.#run("portal", ["serve", "--config", this.config, "--site", this.stage.site]);
  }
  #run(name, args) {
    const log = fs.openSync(path.join(this.folder, `${name}.log`), "a");
    const child = spawn(this.stage.binary, args, { stdio: ["ignore", log, log], env: { ...process.env, RUST_LOG: "warn" } });
    fs.closeSync(log);
    child.ended = new Promise((done) => child.once("exit", done));
    return child;
  }
  /** What the portal complained of last. */
  log() {
    return fs.readFileSync(path.join(this.folder, "portal.log"), "utf8").trim().split("\n").slice(-20).join("\n");
  }
}

export class Served {
  /** Runs that were launched here. */
  runs = [];

  constructor(place, child, idp, began) {
    Object.assign(this, { place, child, idp, began });
    place.stage.open.add(this);
  }
  get url() {
    return this.place.url;
  }
  async ready() {
    must(this.child.exitCode === null, `The portal has ended:\n${this.place.log()}`);
    try {
      return (await fetch(`${this.url}/health/ready`)).ok;
    } catch {
      return false;
    }
  }
  /** Killed, and started again so that it is there after that time or a little later. How long it was away. */
  async away(ms) {
    const began = now();
    this.child.kill("SIGKILL");
    await this.child.ended;
    await wait(Math.max(0, ms - (this.startMs ?? 0) - (now() - began)));
    const starting = now();
    this.child = this.place.begin();
    await until("The portal that was started again", 60_000, () => this.ready(), 5);
    this.startMs = now() - starting;
    return now() - began;
  }
  logIn() {
    return Person.logIn(this.url, WHO);
  }
  /** What the kernel counts of its memory, and the most that it ever was, in MB of 2^20 bytes. */
  memory() {
    const status = fs.readFileSync(`/proc/${this.child.pid}/status`, "utf8");
    const mb = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]) / 1024;
    return { residentMb: mb("VmRSS"), peakMb: mb("VmHWM") };
  }
  cpuSeconds() {
    return cpuSeconds(this.child.pid);
  }
  async launch(person, fields) {
    const run = await person.call("launch", fields);
    this.runs.push(run);
    return run;
  }
  /** Ends it, and takes from the cluster what a measurement that failed in the middle has left there. */
  async stop() {
    const { api, open } = this.place.stage;
    open.delete(this);
    for (const child of [this.child, this.idp]) {
      child.kill("SIGTERM");
      const late = await Promise.race([child.ended.then(() => false), wait(20_000).then(() => true)]);
      if (late) child.kill("SIGKILL");
    }
    for (const run of this.runs) {
      for (const { metadata } of (await api.get(ofRun(run))).items) await api.remove(`${RUNS}/${metadata.name}`);
    }
  }
}

/** User and system time of a process. */
export function cpuSeconds(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The form of one test, open and judged, as for a person who is about to click. */
export async function form(person, app, script, mark, runners) {
  const fields = {
    "request[path]": app,
    "request[test]": test(script),
    "request[profile]": "script",
    "request[env]": `MARK=${mark}`,
    "request[runners]": `${runners}`,
  };
  // Launches are locked for the first seconds, until the cluster was asked what the account may do.
  let said = "";
  const judged = async () => {
    const answer = await person.call("judge", fields);
    said = JSON.stringify(answer);
    return answer.may_start;
  };
  await until("A launch form that may be sent", 60_000, judged).catch((error) => {
    throw new Error(`${error.message} It says: ${said.slice(0, 500)}`);
  });
  return fields;
}

/** Waits for the end of a run and gives its page. */
export function ended(person, run, limitMs, pauseMs = 250) {
  const page = async () => {
    const seen = await person.read("run", { id: run });
    return seen.ended ? seen : undefined;
  };
  return until(`The end of the run ${run}`, limitMs, page, pauseMs);
}
