// Light, dark, or as the system says; remembered, without a flash, with and without script.
import { expect, test } from "../support/fixtures";
import type { Page } from "@playwright/test";

const background = (page: Page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
const brightness = async (page: Page) => {
  const numbers = (await background(page)).match(/[\d.]+/g)?.slice(0, 3).map(Number) ?? [];
  return numbers.reduce((sum, number) => sum + number, 0) / 3;
};

for (const script of [true, false]) {
  test(`the choice of light and dark is remembered ${script ? "with" : "without"} script`, async ({ seat }) => {
    const { page } = await seat("ana", { javaScriptEnabled: script, colorScheme: "light" });
    await page.goto("/tree");
    const choose = async (name: RegExp) => {
      await page.getByRole("banner").locator("summary", { hasText: "Ana Ruiz" }).click();
      await page.getByRole("banner").getByRole("button", { name }).click();
    };
    const html = page.locator("html");
    await choose(/dark/i);
    await expect(html).toHaveAttribute("data-theme", "dark");
    await expect(page, "on the page where it was chosen").toHaveURL(/\/tree$/);
    await page.goto("/runs");
    await expect(html).toHaveAttribute("data-theme", "dark");
    if (script) expect(await brightness(page)).toBeLessThan(60);
    await choose(/light/i);
    await expect(html).toHaveAttribute("data-theme", "light");
    if (script) expect(await brightness(page)).toBeGreaterThan(230);
    await choose(/system/i);
    await expect(html).not.toHaveAttribute("data-theme", /./);
  });
}

test("without a choice the system decides", async ({ seat }) => {
  const dark = await seat("ana", { colorScheme: "dark" });
  await dark.page.goto("/");
  expect(await brightness(dark.page)).toBeLessThan(60);
  const light = await seat("ana", { colorScheme: "light" });
  await light.page.goto("/");
  expect(await brightness(light.page)).toBeGreaterThan(230);
});

test("on a phone the menu opens, leads on, and closes", async ({ seat }) => {
  const { page } = await seat("ana", { viewport: { width: 390, height: 844 } });
  await page.goto("/");
  const tree = page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Tree" });
  await expect(tree).toBeHidden();
  await page.getByRole("button", { name: "Menu" }).click();
  await expect(tree).toBeVisible();
  await tree.click();
  await expect(page.getByRole("heading", { level: 1, name: "Tree" })).toBeVisible();
  await expect(tree).toBeHidden();
});

test("the first Tab offers to skip the menu", async ({ seat }) => {
  const { page } = await seat("ana");
  await page.goto("/runs");
  await page.keyboard.press("Tab");
  await expect(page.locator(":focus")).toHaveText(/skip to content/i);
  await page.keyboard.press("Enter");
  await expect(page.locator("#main")).toBeFocused();
});
