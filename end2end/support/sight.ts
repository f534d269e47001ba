// How a page looks, in both themes, wide and narrow: axe finds nothing, nothing scrolls sideways, nothing is cut off. Keeps pictures.
import { mkdirSync } from "node:fs";
import path from "node:path";
import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { output } from "./machine";

const shots = path.join(output, "screenshots");
mkdirSync(shots, { recursive: true });

const WIDTHS = [
  { name: "wide", width: 1400, height: 900 },
  { name: "narrow", width: 390, height: 844 },
];
const THEMES = ["light", "dark"] as const;

/** Looks at the open page in every theme and width, and says what is wrong with it. */
export async function look(page: Page, name: string): Promise<string[]> {
  const wrong: string[] = [];
  for (const { name: width, ...size } of WIDTHS) {
    await page.setViewportSize(size);
    for (const colorScheme of THEMES) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const picture = `${name}-${width}-${colorScheme}`;
      // Our pages have no frames, so the mode without a second page sees the same, several times faster.
      const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
      for (const { id, help, nodes } of violations) {
        wrong.push(`${picture}: axe ${id}: ${help}: ${nodes.slice(0, 3).map((node) => `${node.target.join(" ")} ${node.failureSummary?.split("\n").slice(1).join(" ").trim() ?? ""}`).join(" | ")}${nodes.length > 3 ? ` and ${nodes.length - 3} more` : ""}`);
      }
      const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      if ((content ?? 0) > (window ?? 0)) wrong.push(`${picture}: scrolls sideways, ${content} px in ${window} px: ${await widest(page)}`);
      // A narrow screen may scroll a table of numbers in its own region; on a wide one everything is in sight.
      if (size.width >= 1180) wrong.push(...(await cutOff(page)).map((what) => `${picture}: ${what}`));
      await page.screenshot({ path: path.join(shots, `${picture}.png`), fullPage: true, animations: "disabled" });
    }
  }
  return wrong;
}

/** Regions that hide a part of their table to the side. */
function cutOff(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const over = [...document.querySelectorAll(".scroll")].filter((region) => region.scrollWidth > region.clientWidth + 1);
    return over.map((region) => `“${region.getAttribute("aria-label") ?? region.className}” needs ${region.scrollWidth} px and has ${region.clientWidth} px`);
  });
}

/** What reaches over the edge, for the message. */
function widest(page: Page): Promise<string> {
  return page.evaluate(() => {
    const over = [...document.querySelectorAll("body *")].filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1);
    return over.slice(0, 4).map((element) => `${element.tagName.toLowerCase()}.${element.getAttribute("class") ?? ""}`).join(", ");
  });
}

/** What every page must have, whoever looks. */
export async function bones(page: Page, address: string): Promise<string[]> {
  return page.evaluate((address) => {
    const wrong: string[] = [];
    if (document.querySelectorAll("h1").length !== 1) wrong.push(`${address}: ${document.querySelectorAll("h1").length} h1`);
    if (document.querySelectorAll("main").length !== 1) wrong.push(`${address}: ${document.querySelectorAll("main").length} main`);
    if (!document.title || !document.title.includes("Windfirm")) wrong.push(`${address}: title “${document.title}”`);
    // Taking a picture leaves empty ones behind.
    if (document.querySelector('[style]:not([style=""])')) wrong.push(`${address}: an inline style`);
    if (!document.documentElement.lang) wrong.push(`${address}: no language`);
    const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
    for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) wrong.push(`${address}: two elements #${id}`);
    for (const use of document.querySelectorAll("use")) {
      const shape = document.querySelector(use.getAttribute("href") ?? "none");
      if (shape?.tagName !== "symbol") wrong.push(`${address}: the icon ${use.getAttribute("href")} is not in the sprite`);
    }
    return wrong;
  }, address);
}
