// `windfirm serve` with a configuration of its own, beside a demo whose tree, policy and shop it uses.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Demo } from "./demo";
import { binary, k6, site } from "./machine";
import { Program, answers } from "./process";

export interface Provider {
  issuer: string;
  client: { id: string; secret: string };
}

export class Served {
  private constructor(
    private readonly program: Program,
    private readonly folder: string,
  ) {}

  /** The configuration is JSON, which is YAML too. */
  static async start(demo: Demo, port: number, provider: Provider): Promise<Served> {
    const folder = mkdtempSync(path.join(os.tmpdir(), "windfirm-served-"));
    const config = {
      listen: `127.0.0.1:${port}`,
      public_url: `http://127.0.0.1:${port}/`,
      state: path.join(folder, "state"),
      policy: demo.policy,
      tree: { repository: demo.repository, revision: "main", roots: "roots" },
      identity: [
        {
          name: "keycloak",
          label: "Company Keycloak",
          issuer: provider.issuer,
          client_id: provider.client.id,
          client_secret: { env: "WINDFIRM_TEST_CLIENT_SECRET" },
          scopes: ["openid", "profile"],
          groups_claim: "groups",
        },
      ],
      runner: { k6: k6() },
    };
    const file = path.join(folder, "windfirm.yaml");
    writeFileSync(file, JSON.stringify(config, null, 2));
    const env = { ...process.env, WINDFIRM_TEST_CLIENT_SECRET: provider.client.secret };
    const program = Program.start("windfirm serve", binary(), ["serve", "--config", file, "--site", site()], path.join(folder, "portal.log"), env);
    const served = new Served(program, folder);
    try {
      await program.until(() => answers(`http://127.0.0.1:${port}/health/ready`), "it was ready", 30_000);
    } catch (error) {
      await served.end();
      throw error;
    }
    return served;
  }

  async end(): Promise<void> {
    await this.program.end("SIGTERM");
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
