// What every spec starts from: a running demo, and browsers of people who are logged in.
import { test as base, expect, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from "@playwright/test";
import { Demo } from "./demo";
import { loginAs, type Person } from "./people";
import { launch, over, type Run } from "./runs";
import { Watch } from "./watch";

/** A browser of one person. */
export interface Seat {
  page: Page;
  context: BrowserContext;
  watch: Watch;
}

type State = Exclude<BrowserContextOptions["storageState"], string | undefined>;

/** Logs each person in once, then lends the session to every browser that asks for it. */
export class Logins {
  private readonly known = new Map<Person, State>();
  constructor(
    private readonly browser: Browser,
    private readonly base: string,
  ) {}

  async of(person: Person): Promise<State> {
    const known = this.known.get(person);
    if (known) return known;
    const context = await this.browser.newContext();
    await loginAs(await context.newPage(), this.base, person);
    const state = await context.storageState();
    await context.close();
    this.known.set(person, state);
    return state;
  }

  /** After a test that has ended all sessions of a person. */
  forget(person: Person): void {
    this.known.delete(person);
  }
}

interface Shared {
  demo: Demo;
  logins: Logins;
  /** A run of Ana's on /shop/catalogue/, made once, ended, with 30 seconds of measurements. */
  finished: Run;
}

interface Own {
  /** A new browser: of a person who is logged in, or of nobody. At the end it must have nothing to complain about. */
  seat: (person?: Person, options?: BrowserContextOptions) => Promise<Seat>;
}

export const test = base.extend<Own, Shared>({
  demo: [
    async ({}, use) => {
      const demo = await Demo.start();
      await use(demo);
      await demo.end();
    },
    { scope: "worker", timeout: 60_000 },
  ],
  logins: [async ({ browser, demo }, use) => use(new Logins(browser, demo.url)), { scope: "worker" }],
  finished: [
    async ({ browser, demo, logins }, use) => {
      const context = await browser.newContext({ storageState: await logins.of("ana"), baseURL: demo.url });
      const page = await context.newPage();
      const run = await launch(page, { path: "/shop/catalogue/", reason: "Before the sale" });
      await over(page, run);
      await context.close();
      await use(run);
    },
    { scope: "worker", timeout: 90_000 },
  ],
  seat: async ({ browser, demo, logins }, use, info) => {
    const seats: Seat[] = [];
    await use(async (person, options = {}) => {
      const state = person ? { storageState: await logins.of(person) } : {};
      const context = await browser.newContext({ baseURL: demo.url, ...state, ...options });
      const watch = new Watch(context, () => [demo.url, demo.issuer]);
      const seat = { context, watch, page: await context.newPage() };
      seats.push(seat);
      return seat;
    });
    for (const { context } of seats) await context.close();
    if (info.status !== info.expectedStatus) await info.attach("portal.log", { body: demo.log() });
    expect(seats.flatMap(({ watch }) => watch.complaints), "the browser has nothing to complain about").toEqual([]);
  },
});

export { expect };
export { choose, everybody, loginAs, people, type Person } from "./people";
export { RUN_PAGE, addressOf, fact, launch, launchForm, numberIn, over, settled, stop, text, verdict, type Run } from "./runs";
