// What the runs load: answers everything, and keeps when it was first asked under each mark, how often, and by which virtual users.
// It also takes what runners of bare TestRuns deliver, in the portal's place.
import http from "node:http";
import { now } from "./numbers.mjs";

export class Target {
  #seen = new Map();
  #server;

  static async open(stage) {
    const target = new Target(stage.api.host);
    await new Promise((done) => target.#server.listen(0, "0.0.0.0", done));
    return target;
  }
  constructor(host) {
    this.host = host;
    this.#server = http.createServer((request, answer) => {
      const at = now();
      const [, mark, user] = request.url.split("/");
      if (request.method === "POST") request.resume();
      else this.#note(mark, user, at);
      answer.setHeader("content-type", "application/json");
      answer.end("{}");
    });
    this.#server.keepAliveTimeout = 60_000;
  }
  #note(mark, user, at) {
    const known = this.#seen.get(mark) ?? { first: at, requests: 0, users: new Set() };
    known.requests += 1;
    known.users.add(user);
    this.#seen.set(mark, known);
  }

  /** As pods call it. */
  get url() {
    return `http://${this.host}:${this.#server.address().port}`;
  }
  seen(mark) {
    return this.#seen.get(mark);
  }
  forget(mark) {
    this.#seen.delete(mark);
  }
  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
