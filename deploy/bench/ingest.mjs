// What fifty runners deliver at once: the portal's processor time for each million of samples that the deliveries stand for, beside a
// bare receiver, which unpacks and counts the same deliveries and keeps nothing.
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { count, each, median, must, now, times, until, wait } from "./numbers.mjs";
import { Place, SPACE, appPath, cpuSeconds, form } from "./portal.mjs";
import { gone, prototype } from "./testrun.mjs";

const ROUNDS = 3;
const SECONDS = 20;
const IDLE_MS = 3_000;

/** Deliveries of each runner, as files of bodies; what they stand for. Their seconds begin now. */
function make(stage, folder, runners) {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  const told = execFileSync(stage.deliveries, [folder, `${runners}`, `${SECONDS}`, `${Math.floor(Date.now() / 1000)}`], { encoding: "utf8" });
  const [, samples, requests] = /samples=(\d+) requests=(\d+)/.exec(told) ?? [];
  must(samples, `The deliveries were not made: ${told}`);
  const bodies = Array.from({ length: runners }, (_, runner) => {
    const all = fs.readFileSync(path.join(folder, `${runner + 1}`));
    const list = [];
    for (let at = 0; at < all.length; ) {
      const length = all.readUInt32LE(at);
      list.push(all.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
    must(list.length === SECONDS, `A runner has ${list.length} deliveries in place of ${SECONDS}.`);
    return list;
  });
  return { samples: Number(samples), requests: Number(requests), bodies };
}

/** All runners at once, each as soon as its delivery before was taken. How long that took. */
async function deliver(url, token, round, { bodies }) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: bodies.length });
  const post = (body, key) =>
    new Promise((done, failed) => {
      const headers = { authorization: `Token ${token}`, "content-encoding": "snappy", "content-length": body.length, "k6-idempotency-key": key, "k6-metrics-protocol-version": "2.0", "user-agent": "k6cloud/2.2.0" };
      const request = http.request(url, { agent, method: "POST", headers }, (answer) => {
        const parts = [];
        answer.on("data", (part) => parts.push(part)).on("error", failed);
        answer.on("end", () => done({ status: answer.statusCode, text: Buffer.concat(parts).toString() }));
      });
      request.on("error", failed);
      request.end(body);
    });
  const began = now();
  await each(bodies, bodies.length, async (list, runner) => {
    for (const [at, body] of list.entries()) {
      const { status, text } = await post(body, `bench-${round}-${runner}-${at}`);
      must(status === 200, `A delivery is answered with ${status}: ${text}`);
    }
  });
  agent.destroy();
  return now() - began;
}

/** The receiver of `make cluster`, as a process of its own. */
async function receiver(stage) {
  const address = path.join(stage.folder, "receiver.address");
  const said = path.join(stage.folder, "receiver.out");
  fs.rmSync(address, { force: true });
  const out = fs.openSync(said, "w");
  const child = spawn(stage.api.program("receiver"), ["-listen", "127.0.0.1:0", "-address", address], { stdio: ["ignore", out, "inherit"] });
  fs.closeSync(out);
  const at = await until("The bare receiver", 10_000, () => fs.existsSync(address) && fs.readFileSync(address, "utf8").trim(), 20);
  const requests = () => Number(/(\d+) requests\s*$/.exec(fs.readFileSync(said, "utf8"))?.[1]);
  return { url: `http://${at}/v2/metrics/bench`, cpu: () => cpuSeconds(child.pid), requests, stop: () => child.kill("SIGTERM") };
}

export async function ingest(stage, table, { runners }) {
  const { api } = stage;
  const place = await Place.lay(stage, "ingest");
  const portal = await place.serve();
  const folder = path.join(stage.folder, "deliveries");
  let bare;
  try {
    bare = await receiver(stage);
    const person = await portal.logIn();
    const run = await portal.launch(person, await form(person, appPath(0), "still", "still", 1));
    const made = await prototype(api, run);
    const secret = await api.get(`/api/v1/namespaces/${SPACE}/secrets/${made.name}`);
    const token = Buffer.from(secret.data.token, "base64").toString();
    const page = await until("A run that is under way", 120_000, async () => {
      const seen = await person.read("run", { id: run });
      return seen.state.state === "running" && seen;
    });
    const url = `${portal.url}/ingest/v2/metrics/${page.execution}`;
    const idle = await (async () => {
      const before = portal.cpuSeconds();
      await wait(IDLE_MS);
      return (portal.cpuSeconds() - before) / IDLE_MS;
    })();
    const [ours, alone, rates] = [[], [], []];
    let expected = 0;
    let delivered;
    // The first round is not counted.
    for (let round = 0; round <= ROUNDS; round += 1) {
      delivered = make(stage, folder, runners);
      const [before, began] = [portal.cpuSeconds(), now()];
      const took = await deliver(url, token, round, delivered);
      const spent = portal.cpuSeconds() - before - idle * (now() - began);
      const receiving = bare.cpu();
      await deliver(bare.url, "bench", round, delivered);
      const receiver = bare.cpu() - receiving;
      expected += delivered.requests;
      must(bare.requests() === expected, `The bare receiver counted ${bare.requests()} requests of ${expected}.`);
      const million = delivered.samples / 1e6;
      if (round > 0) {
        ours.push(spent / million);
        alone.push(receiver / million);
        rates.push(delivered.samples / took / 1000);
      }
    }
    const live = (await person.read("run", { id: run })).measured.totals.requests;
    must(live === expected, `The portal counted ${count(live)} requests of ${count(expected)} that were delivered.`);
    const bytes = delivered.bodies.flat().reduce((sum, body) => sum + body.length, 0);
    table.row(
      `ingest of ${runners} runners at once: processor time for a million represented samples, beside a bare receiver that keeps nothing`,
      "",
      `${median(ours).toFixed(2)} s against ${median(alone).toFixed(2)} s, ${times(median(ours), median(alone))} (medians of ${ROUNDS} rounds of ${count(delivered.samples)} samples in ${count(delivered.bodies.flat().length)} deliveries, ${(bytes / 1e6).toFixed(1)} MB)`,
    );
    table.row("the same as a rate, flat out", "", `${median(rates).toFixed(2)} million samples a second; ${(1 / median(ours)).toFixed(2)} million for each second of a core`);
    await person.call("stop", { id: run });
    await until("The end of the run", 120_000, async () => (await person.read("run", { id: run })).ended, 250);
    const after = (await person.read("run", { id: run })).measured.totals.requests;
    must(after === expected, `The settled run has ${count(after)} requests of ${count(expected)} that were delivered.`);
    await gone(api, run);
  } finally {
    bare?.stop();
    await portal.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
