// Launching, stopping and waiting for runs, as a person does it.
import { expect, type Locator, type Page } from "@playwright/test";

/** How the address of a run ends. */
export const RUN_PAGE = /\/runs\/[0-9a-f]{32}$/;

export interface Run {
  id: string;
  path: string;
  /** Its address. */
  href: string;
}

export interface Wish {
  path: string;
  /** Path of the script in the repository; the app's first without it. */
  test?: string;
  /** A steady load in place of the script's own. */
  load?: { vus: number; duration: string };
  reason?: string;
}

/** The address of the filled launch form. */
export function launchForm({ path, test, load, reason }: Wish): string {
  const query = new URLSearchParams({ path });
  if (test) query.set("test", test);
  if (load) {
    query.set("profile", "load");
    query.set("vus", `${load.vus}`);
    query.set("duration", load.duration);
  }
  if (reason) query.set("reason", reason);
  return `/launch?${query}`;
}

export function addressOf(page: Page): string {
  return new URL(page.url()).pathname;
}

/** Fills the launch form by its address and sends it. Ends on the page of the run. */
export async function launch(page: Page, wish: Wish): Promise<Run> {
  await page.goto(launchForm(wish));
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.waitForURL(RUN_PAGE);
  const href = addressOf(page);
  return { id: href.replace("/runs/", ""), path: wish.path, href };
}

const ENDED = /^\s*Verdict\s*(Pass|Fail|Inconclusive|Cancelled|Lost|Error)/;

/** The answer at the top of the page of a run. */
export function verdict(page: Page): Locator {
  return page.getByRole("region", { name: "Verdict" });
}

/** Waits on the page of the run, which follows by itself, until it has its verdict. */
export async function settled(page: Page, run: Run, limitMs = 75_000): Promise<void> {
  if (addressOf(page) !== run.href) await page.goto(run.href);
  await expect(verdict(page)).toContainText(ENDED, { timeout: limitMs });
}

/** The same without leaning on the live page: loads it again and again. */
export async function over(page: Page, run: Run, limitMs = 75_000): Promise<void> {
  await expect(async () => {
    await page.goto(run.href);
    await expect(verdict(page)).toContainText(ENDED, { timeout: 500 });
  }).toPass({ timeout: limitMs, intervals: [1_000] });
}

/** Stops the run whose page is open, and confirms. */
export async function stop(page: Page): Promise<void> {
  await page.getByText("Stop this run").click();
  await page.getByRole("button", { name: "Stop now" }).click();
}

/** The value beside a name in a list of facts or numbers. */
export function fact(scope: Locator | Page, name: string | RegExp): Locator {
  const term = scope.locator("dt").filter({ hasText: typeof name === "string" ? new RegExp(`^\\s*${name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}\\s*$`) : name });
  return term.first().locator("xpath=following-sibling::dd[1]");
}

/** A number as pages write it: `1,204`, `12.5 ms`, `—`. */
export function numberIn(text: string | null): number {
  const found = /-?[\d,]+(\.\d+)?/.exec(text ?? "");
  return found ? Number(found[0].replaceAll(",", "")) : Number.NaN;
}

/** All that a page says. */
export async function text(page: Page): Promise<string> {
  return (await page.locator("body").innerText()).replace(/\s+/g, " ");
}
