// The API server of the cluster of `make cluster`, asked by somebody who administers it.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import https from "node:https";
import path from "node:path";
import { each, must, now, until } from "./numbers.mjs";

const MANAGER = "windfirm-bench";

export class Api {
  #agent;
  #server;

  /**
   * `folder` is the cluster's; `connections` bounds what is asked at the same time. `as` is the account to ask as, which then also counts
   * as that account where the API server lets requests wait.
   */
  constructor(folder, { connections = 16, as } = {}) {
    Object.assign(this, { folder, as });
    this.built = fs.readFileSync(path.join(folder, "built"), "utf8").trim();
    const kubeconfig = ["--kubeconfig", path.join(folder, "admin.kubeconfig"), "config", "view", "--raw", "--minify", "-o", "json"];
    const { clusters, users } = JSON.parse(execFileSync(path.join(this.built, "bin", "kubectl"), kubeconfig, { encoding: "utf8" }));
    const bytes = (text) => Buffer.from(text, "base64");
    this.#server = new URL(clusters[0].cluster.server);
    this.#agent = new https.Agent({
      keepAlive: true,
      maxSockets: connections,
      ca: bytes(clusters[0].cluster["certificate-authority-data"]),
      cert: bytes(users[0].user["client-certificate-data"]),
      key: bytes(users[0].user["client-key-data"]),
    });
  }

  /** This machine, as pods reach it. */
  get host() {
    return fs.readFileSync(path.join(this.folder, "address"), "utf8").trim();
  }
  /** An image of the node. */
  image(name) {
    const list = fs.readFileSync(path.join(this.built, "images", "list"), "utf8").split("\n");
    const line = list.find((one) => one.startsWith(`windfirm.local/${name}:`));
    must(line, `The cluster has no image ${name}.`);
    return line.split(" ")[0];
  }
  /** The project's own image of runners, which `deploy/cluster/runner-image.sh` puts there. */
  runnerImage() {
    const file = path.join(this.folder, "runner-image");
    must(fs.existsSync(file), "The cluster has no runner image. Run deploy/cluster/runner-image.sh.");
    return fs.readFileSync(file, "utf8").trim();
  }
  program(name) {
    return path.join(this.built, "bin", name);
  }

  ask(method, address, body, type = "application/json") {
    const sent = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const headers = sent ? { "content-type": type, "content-length": sent.length } : {};
    if (this.as) headers["impersonate-user"] = this.as;
    const options = { agent: this.#agent, host: this.#server.hostname, port: this.#server.port, method, path: address, headers };
    return new Promise((done, failed) => {
      const request = https.request(options, (answer) => {
        const parts = [];
        answer.on("data", (part) => parts.push(part)).on("error", failed);
        answer.on("end", () => done({ status: answer.statusCode, text: Buffer.concat(parts).toString() }));
      });
      request.on("error", failed);
      request.end(sent);
    });
  }
  async #told(method, address, body, type) {
    const { status, text } = await this.ask(method, address, body, type);
    must(status < 300, `The API server answers ${status} to ${method} ${address}: ${text.slice(0, 300)}`);
    return JSON.parse(text);
  }
  get(address) {
    return this.#told("GET", address);
  }
  create(address, object) {
    return this.#told("POST", `${address}?fieldValidation=Strict`, object);
  }
  /** Server-side. The address is the object's own. */
  apply(address, object) {
    return this.#told("PATCH", `${address}?fieldManager=${MANAGER}&force=true`, object, "application/apply-patch+yaml");
  }
  merge(address, patch) {
    return this.#told("PATCH", address, patch, "application/merge-patch+json");
  }
  /** What is not there is removed already. */
  async remove(address) {
    const { status, text } = await this.ask("DELETE", address, { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: "Background" });
    must(status < 300 || status === 404, `The API server answers ${status} to DELETE ${address}: ${text.slice(0, 300)}`);
    return status !== 404;
  }
  async applyAll(list, atOnce, addressOf) {
    await each(list, atOnce, (object) => this.apply(addressOf(object), object));
  }

  /** Every object of a list, page by page, as controllers read it. Returns how many. */
  async count(address, page) {
    let seen = 0;
    for (let on = ""; ; ) {
      const { items, metadata } = await this.get(`${address}?limit=${page}${on && `&continue=${encodeURIComponent(on)}`}`);
      seen += items.length;
      on = metadata.continue ?? "";
      if (!on) return seen;
    }
  }

  /** Everything of this kind, a part at a time, so that no single request takes too long. */
  async removeAll(address, limitMs) {
    const began = now();
    for (;;) {
      const { status, text } = await this.ask("DELETE", `${address}?limit=500`, { apiVersion: "v1", kind: "DeleteOptions" });
      must(status < 300 || status === 404 || status === 504, `The API server answers ${status} to the deletion of ${address}: ${text.slice(0, 300)}`);
      if (status === 404) return;
      const left = await this.get(`${address}?limit=1`);
      if (left.items.length === 0) return;
      must(now() - began < limitMs, `${address} is not empty after ${Math.round(limitMs / 1000)} s; what is left has to be deleted by hand.`);
    }
  }
  async removeNamespace(name, limitMs) {
    if (!(await this.remove(`/api/v1/namespaces/${name}`))) return;
    await until(`The end of the namespace ${name}`, limitMs, async () => (await this.ask("GET", `/api/v1/namespaces/${name}`)).status === 404, 500);
  }
}
