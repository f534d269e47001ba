// What a page must never do: write an error to the console, throw, break the content security policy, fetch from elsewhere.
import type { BrowserContext, Page } from "@playwright/test";

export class Watch {
  private readonly found: string[] = [];
  private readonly allowed: RegExp[] = [];

  constructor(
    context: BrowserContext,
    private readonly home: () => string[],
  ) {
    context.on("page", (page) => this.page(page));
  }

  /** A complaint that the test provokes itself, such as a 404 that it asks for. */
  allow(complaint: RegExp): void {
    this.allowed.push(complaint);
  }

  get complaints(): string[] {
    return this.found.filter((text) => !this.allowed.some((pattern) => pattern.test(text)));
  }

  private page(page: Page): void {
    page.on("console", (message) => {
      if (message.type() !== "error") return;
      const { url } = message.location();
      // The document itself: the test says which status it expects.
      if (message.text().startsWith("Failed to load resource") && url === page.url()) return;
      this.found.push(`console: ${message.text()} (${url}, on ${page.url()})`);
    });
    page.on("pageerror", (error) => this.found.push(`thrown: ${error.message} (on ${page.url()})`));
    page.on("request", (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol.startsWith("http") && !this.home().includes(origin)) this.found.push(`foreign request: ${request.url()} (on ${page.url()})`);
    });
  }
}
