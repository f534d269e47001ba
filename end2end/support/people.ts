// The five people of the demo, and how one of them logs in.
import type { Page } from "@playwright/test";

export const people = {
  ana: { name: "Ana Ruiz", groups: ["shop-dev"] },
  ben: { name: "Ben Okafor", groups: ["shop-dev", "shop-leads"] },
  eli: { name: "Eli Tanaka", groups: ["search-dev"] },
  chris: { name: "Chris Lindqvist", groups: ["platform"] },
  dora: { name: "Dora Weiss", groups: ["audit"] },
} as const;

export type Person = keyof typeof people;
export const everybody = Object.keys(people) as Person[];

/** From the login page to the demo's provider and back, as a person clicks. `page` stands on our login page. */
export async function choose(page: Page, person: Person): Promise<void> {
  await page.getByRole("main").getByRole("button", { name: /demo identity provider/i }).click();
  await page.getByRole("list", { name: "Demo people" }).getByRole("button", { name: people[person].name }).click();
}

/** Asks for a page as nobody, logs in, and lands on that page. */
export async function loginAs(page: Page, base: string, person: Person, to = "/"): Promise<void> {
  await page.goto(base + to);
  await choose(page, person);
  await page.waitForURL(base + to);
}
