// Takes the measurements that need the whole program, and writes BENCHMARKS.md on standard output.
// Arguments: the windfirm binary, the k6 binary, the site folder, the folder with the figures of the crates' own benchmarks.
import { spawn } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";

const [binary, k6, site, figures] = process.argv.slice(2);
const state = fs.mkdtempSync(path.join(os.tmpdir(), "windfirm-bench-"));
const ports = { portal: 7600, idp: 7601, shop: 7610 };
const base = `http://127.0.0.1:${ports.portal}`;
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

let jar = new Map();
async function ask(url, options = {}) {
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
  const answer = await fetch(url, { redirect: "manual", ...options, headers: { cookie, "sec-fetch-site": "same-origin", ...options.headers } });
  for (const line of answer.headers.getSetCookie()) {
    const [pair] = line.split(";");
    const at = pair.indexOf("=");
    if (/max-age=0/i.test(line)) jar.delete(pair.slice(0, at)); else jar.set(pair.slice(0, at), pair.slice(at + 1));
  }
  return answer;
}
const form = (fields) => ({ method: "POST", body: new URLSearchParams(fields) });

function demo() {
  const child = spawn(binary, ["demo", "--port", ports.portal, "--idp-port", ports.idp, "--shop-port", ports.shop, "--state", state, "--site", site, "--k6", k6].map(String),
    { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, RUST_LOG: "error" } });
  return child;
}
async function answers() {
  for (;;) {
    try { if ((await fetch(`${base}/health/ready`)).ok) return; } catch { /* not yet */ }
    await wait(5);
  }
}
async function stop(child) { child.kill("SIGTERM"); await new Promise((done) => child.once("exit", done)); }
const residentMb = (pid) => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;

async function logIn(person) {
  jar = new Map();
  const departure = (await ask(`${base}/login`, form({ issuer: "demo", return_to: "/" }))).headers.get("location");
  const page = await (await ask(departure)).text();
  const fields = new URLSearchParams();
  for (const [input] of page.matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
    const read = (name) => (new RegExp(`${name}="([^"]*)"`).exec(input)?.[1] ?? "").replaceAll("&amp;", "&").replaceAll("&#x2F;", "/");
    fields.append(read("name"), read("value"));
  }
  fields.append("person", person);
  const back = (await ask(departure.split("?")[0], { method: "POST", body: fields })).headers.get("location");
  await ask(back);
}

async function launchOverhead(times) {
  const overheads = [];
  for (let i = 0; i < times; i += 1) {
    const clicked = Date.now();
    const answer = await ask(`${base}/api/fn/launch`, form({ "request[path]": "/shop/cart/", "request[test]": "services/cart/k6/cart.js", "request[profile]": "smoke" }));
    const id = JSON.parse(await answer.text());
    for (;;) {
      const run = await (await ask(`${base}/api/fn/run?id=${id}`)).json();
      if (run.started) { overheads.push(run.started / 1000 - clicked); }
      if (run.started || run.ended) break;
      await wait(20);
    }
    await ask(`${base}/api/fn/stop`, form({ id }));
    for (;;) {
      const run = await (await ask(`${base}/api/fn/run?id=${id}`)).json();
      if (run.ended) break;
      await wait(100);
    }
  }
  return overheads;
}

// Bare k6 from its start to its first request: what the same k6 takes without us.
async function bareStart(times) {
  const script = path.join(state, "bare.js");
  const taken = [];
  for (let i = 0; i < times; i += 1) {
    let first;
    const server = http.createServer((_, answer) => { first ??= Date.now(); answer.end("{}"); });
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    fs.writeFileSync(script, `import http from "k6/http"; export const options = { vus: 1, iterations: 1 }; export default () => { http.get("http://127.0.0.1:${server.address().port}/"); };`);
    const began = Date.now();
    const child = spawn(k6, ["run", "--quiet", "--no-usage-report", script], { stdio: "ignore", env: { ...process.env, K6_AUTO_EXTENSION_RESOLUTION: "false" } });
    await new Promise((done) => child.once("exit", done));
    taken.push(first - began);
    server.close();
  }
  return taken;
}

const tail = (name) => { try { return fs.readFileSync(path.join(figures, name), "utf8").trim(); } catch { return "not measured"; } };
const size = (name) => { try { return fs.statSync(path.join(site, "pkg", name)).size; } catch { return NaN; } };

let child = demo();
await answers();
await stop(child);
const starts = [];
for (let i = 0; i < 5; i += 1) {
  const began = Date.now();
  child = demo();
  await answers();
  starts.push(Date.now() - began);
  if (i < 4) await stop(child);
}
await logIn("ana");
await wait(2_000);
const idle = residentMb(child.pid);
const overheads = await launchOverhead(5);
await stop(child);
const bare = await bareStart(5);
fs.rmSync(state, { recursive: true, force: true });

const bytes = ["windfirm.wasm.br", "windfirm.js.br", "windfirm.css.br"].map(size);
const kb = bytes.reduce((sum, each) => sum + each, 0) / 1000;
const mark = (good) => (good ? "reached" : "missed");
console.log(`# Benchmarks

Measured by \`make bench\` on ${os.cpus().length} × ${os.cpus()[0]?.model ?? "unknown processor"}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.type()} ${os.release()},
release build, everything on one machine. Medians of five; these machines are shared, so read ratios before absolute times.

| what | reach | measured | |
|---|---|---|---|
| \`windfirm demo\` answers (ready) with 27 apps | < 1 s | ${median(starts)} ms | ${mark(median(starts) < 1000)} |
| resident, idle, 27 apps, one person logged in | < 80 MB | ${idle.toFixed(0)} MB | ${mark(idle < 80)} |
| first load: wasm + JS + CSS, brotli | ≤ 300 kB | ${kb.toFixed(0)} kB (wasm ${(bytes[0] / 1000).toFixed(0)}, JS ${(bytes[1] / 1000).toFixed(0)}, CSS ${(bytes[2] / 1000).toFixed(0)}) | ${mark(kb <= 300)} |
| launch: click until k6 is started, beyond what bare k6 takes | ≤ 300 ms | ${Math.round(median(overheads))} ms (bare k6 from its start to its first request: ${Math.round(median(bare))} ms) | ${mark(median(overheads) <= 300)} |

The launch is measured from the request of the click to the moment when the runner starts k6 (by its own clock): queue, permit, bundle,
runner and confinement. From there on it is the same k6 on both sides.

## Decisions (authorization), \`cargo bench -p windfirm-policy\`

\`\`\`
${tail("bench-decision.txt")}
\`\`\`

## Merging k6's measurements, \`cargo bench -p windfirm-measure\`

\`\`\`
${tail("bench-merge.txt")}
\`\`\`

## Percentiles

Against exact sorted values and against the capture of a real k6 run, the error is kept at or below 0.8 % (or one step of k6's own
histogram, 1 µs, below 0.128 ms) by tests in \`server/measure/tests\`; counts are equal.
`);
