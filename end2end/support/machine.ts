// What the tests need of the machine, from the environment; nothing else here knows where things are.
import { existsSync } from "node:fs";
import path from "node:path";

export const output = path.resolve(__dirname, "..", "output");
export const chromium = process.env.WINDFIRM_CHROMIUM ?? "/usr/bin/chromium";
export const cache = process.env.WINDFIRM_CACHE ?? path.join(process.env.HOME ?? ".", ".cache", "windfirm");

/** A file or folder that the environment names; without it there is nothing to test. */
function named(variable: string, what: string): string {
  const value = process.env[variable];
  if (!value) throw new Error(`${variable} is not set. It names ${what}; run these tests through \`make browser\`, which sets it.`);
  if (!existsSync(value)) throw new Error(`${variable} names ${value}, which does not exist. Build ${what} first: \`make build\`.`);
  return path.resolve(value);
}

export const binary = () => named("WINDFIRM_BINARY", "the program");
export const site = () => named("WINDFIRM_SITE", "the folder of the browser half");
export const k6 = () => named("WINDFIRM_K6", "the k6 binary");
