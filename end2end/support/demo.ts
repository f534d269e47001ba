// A whole demo in a folder of its own, on ports of its own: it can be stopped, killed and started again.
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { binary, k6, site } from "./machine";
import { Program, answers, freePorts } from "./process";

/** The shop's services, in the order of their ports (see `server/demo`). */
const SHOP = ["storefront", "catalogue", "cart", "payments", "shipping", "ledger", "gateway"] as const;
const STAGES = ["staging", "dev", "prod"] as const;
const SHOP_PORTS = 23;

export class Demo {
  private portal: Program | undefined;

  private constructor(
    readonly state: string,
    private readonly port: number,
  ) {}

  static async start(): Promise<Demo> {
    const port = await freePorts(2 + SHOP_PORTS);
    const demo = new Demo(mkdtempSync(path.join(os.tmpdir(), "windfirm-demo-")), port);
    try {
      await demo.start();
    } catch (error) {
      await demo.end();
      throw error;
    }
    return demo;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }
  get issuer(): string {
    return `http://127.0.0.1:${this.port + 1}`;
  }
  get repository(): string {
    return path.join(this.state, `repository-${this.port + 2}.git`);
  }
  get policy(): string {
    return path.join(this.state, "policy.yaml");
  }
  service(stage: (typeof STAGES)[number], name: (typeof SHOP)[number]): string {
    return `http://127.0.0.1:${this.port + 2 + STAGES.indexOf(stage) * SHOP.length + SHOP.indexOf(name)}`;
  }

  /** Starts the portal; the ports, the database and everything else are those of before. */
  async start(): Promise<void> {
    const ports = ["--port", `${this.port}`, "--idp-port", `${this.port + 1}`, "--shop-port", `${this.port + 2}`];
    const args = ["demo", ...ports, "--state", this.state, "--site", site(), "--k6", k6()];
    this.portal = Program.start("windfirm demo", binary(), args, path.join(this.state, "portal.log"));
    await this.portal.until(() => answers(`${this.url}/health/ready`), "it was ready", 30_000);
  }

  /** The portal dies without a word; runners and the shop know nothing of it. */
  async kill(): Promise<void> {
    await this.portal?.end("SIGKILL");
  }

  log(): string {
    return this.portal?.tail() ?? "";
  }

  /** Ends the portal politely. Without its folder the shop ends too. */
  async end(): Promise<void> {
    await this.portal?.end("SIGTERM");
    rmSync(this.state, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Switches a fault of the shop on (slower by some milliseconds, errors in per cent) or, without one, everything off. */
  async fault(stage: (typeof STAGES)[number], name: (typeof SHOP)[number], fault: { slow_ms?: number; error_percent?: number } = {}): Promise<void> {
    const response = await fetch(`${this.service(stage, name)}/_faults`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(fault),
    });
    if (!response.ok) throw new Error(`The shop refused a fault: ${response.status} ${await response.text()}`);
  }
}
