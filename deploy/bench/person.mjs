// Somebody with a browser's habits: keeps cookies, says where a request comes from, logs in at the demo's identity provider.
import { must } from "./numbers.mjs";

export class Person {
  #jar = new Map();

  /** Somebody who has just logged in at this portal, whose configuration calls the provider “demo”. */
  static async logIn(base, name) {
    const person = new Person(base);
    await person.#logIn(name);
    return person;
  }

  constructor(base) {
    this.base = base;
  }

  /** An address of the portal, or a whole one. */
  async ask(address, options = {}) {
    const cookie = [...this.#jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const url = address.startsWith("/") ? this.base + address : address;
    const answer = await fetch(url, { redirect: "manual", ...options, headers: { cookie, "sec-fetch-site": "same-origin", ...options.headers } });
    for (const line of answer.headers.getSetCookie()) {
      const [pair] = line.split(";");
      const at = pair.indexOf("=");
      if (/max-age=0/i.test(line)) this.#jar.delete(pair.slice(0, at));
      else this.#jar.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return answer;
  }

  /** A server function that reads, as the script of a page calls it. */
  async read(name, fields = {}) {
    const query = new URLSearchParams(fields).toString();
    return this.#told(name, await this.ask(`/api/fn/${name}${query ? `?${query}` : ""}`));
  }
  /** A server function that may change something. */
  async call(name, fields) {
    return this.#told(name, await this.ask(`/api/fn/${name}`, { method: "POST", body: new URLSearchParams(fields) }));
  }
  async page(address) {
    const answer = await this.ask(address, { headers: { accept: "text/html" } });
    const text = await answer.text();
    must(answer.status === 200, `${address} answers ${answer.status} in place of a page.`);
    return text;
  }

  async #told(name, answer) {
    const text = await answer.text();
    must(answer.ok, `The portal's ${name} answers ${answer.status}: ${text.slice(0, 500)}`);
    return text ? JSON.parse(text) : null;
  }

  async #logIn(name) {
    const departure = (await this.ask("/login", { method: "POST", body: new URLSearchParams({ issuer: "demo", return_to: "/" }) })).headers.get("location");
    must(departure, "The portal does not lead to its identity provider.");
    const page = await (await this.ask(departure)).text();
    const fields = new URLSearchParams();
    for (const [input] of page.matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
      const value = (attribute) => (new RegExp(`${attribute}="([^"]*)"`).exec(input)?.[1] ?? "").replaceAll("&amp;", "&").replaceAll("&#x2F;", "/");
      fields.append(value("name"), value("value"));
    }
    fields.append("person", name);
    const back = (await this.ask(departure.split("?")[0], { method: "POST", body: fields })).headers.get("location");
    must(back, `The identity provider does not let ${name} in.`);
    await this.ask(back);
  }
}
