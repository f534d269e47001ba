// `windfirm serve` beside a real Kubernetes, with the demo's identity provider and the policy of the example.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, test, type Browser, type Locator, type Page } from "@playwright/test";
import { binary, k6, site } from "./machine";
import { loginAs, type Person } from "./people";
import { Program, answers, freePorts } from "./process";
import { Watch } from "./watch";

const root = path.resolve(__dirname, "..", "..");
const EXAMPLES = path.join(root, "deploy", "example");

const cluster = () => process.env.WINDFIRM_TEST_CLUSTER ?? "";
const built = () => readFileSync(path.join(cluster(), "built"), "utf8").trim();

/** Skips every test of a file where there is no cluster to test on; fails where one is wanted. */
export function needCluster(): void {
  const lacking = cluster() ? undefined : "the pages on a real Kubernetes: WINDFIRM_TEST_CLUSTER is not set; `make cluster` brings one up, its folder is .windfirm/cluster";
  test.beforeEach(() => {
    expect(process.env.WINDFIRM_REQUIRE_CLUSTER === "1" && lacking, "a cluster is wanted, so this test may not be skipped").toBeFalsy();
    test.skip(lacking !== undefined, lacking);
  });
}

/** What kubectl prints, for somebody who administers the cluster or for the portal. */
export function kubectl(who: "admin" | "portal", args: string[], input = ""): string {
  const env = { ...process.env, KUBECACHEDIR: path.join(cluster(), "kubectl") };
  return execFileSync(path.join(built(), "bin", "kubectl"), ["--kubeconfig", path.join(cluster(), `${who}.kubeconfig`), ...args], { encoding: "utf8", input, env });
}

/** A cluster of the configuration; runs are carried out in each. */
export interface Site {
  name: string;
  /** A file. */
  kubeconfig: string;
  known_as: string[];
  argocd: { namespace: string; applications_in?: string[] };
}

/** What a portal has beside the example's. */
export interface More {
  /** Where `home` reads Applications, in place of everywhere. */
  homeReads?: string[];
  sites?: Site[];
  /** Grants, each a line of YAML. */
  grants?: string[];
}

export class ClusterPortal {
  private readonly programs: Program[] = [];

  private constructor(
    private readonly folder: string,
    private readonly port: number,
    private readonly more: More,
  ) {}

  static async start(more: More = {}): Promise<ClusterPortal> {
    const portal = new ClusterPortal(mkdtempSync(path.join(os.tmpdir(), "windfirm-cluster-")), await freePorts(2), more);
    try {
      await portal.start();
    } catch (error) {
      await portal.end();
      throw error;
    }
    return portal;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }
  get issuer(): string {
    return `http://127.0.0.1:${this.port + 1}`;
  }

  /** The example's configuration as it stands, on ports and in folders of its own, and what this portal has beside it. */
  private configuration(): string {
    let text = readFileSync(path.join(EXAMPLES, "cluster.yaml"), "utf8");
    const replace = (from: string, to: string) => {
      expect(text, `the example says ${from}`).toContain(from);
      text = text.replaceAll(from, to);
    };
    replace("0.0.0.0:7700", `0.0.0.0:${this.port}`);
    replace("public_url: http://127.0.0.1:7700/", `public_url: ${this.url}/`);
    replace("issuer: http://127.0.0.1:7701", `issuer: ${this.issuer}`);
    replace("http://portal.host:7700", `http://portal.host:${this.port}`);
    replace("../../.windfirm/cluster-portal", path.join(this.folder, "state"));
    replace("policy: cluster-policy.yaml", `policy: ${this.policy}`);
    replace("../../.windfirm/cluster/", `${cluster()}/`);
    // Smaller than there, so that several tests find room at the same time.
    replace("cpu: 100m", "cpu: 50m");
    if (this.more.homeReads) replace("applications_in: ['*']", `applications_in: ${JSON.stringify(this.more.homeReads)}`);
    const runs = { portal: `http://portal.host:${this.port}`, k6_image: "windfirm.local/k6:2.2.0", starter_image: "windfirm.local/starter:1", pull_policy: "Never", cpu: "50m", memory_mib: 256, slots: 10 };
    // JSON is YAML too, and the clusters come last.
    const sites = (this.more.sites ?? []).map(({ kubeconfig, ...site }) => `  - ${JSON.stringify({ ...site, kubeconfig: { file: kubeconfig }, runs })}\n`);
    return `${text}${sites.join("")}\nrunner: ${JSON.stringify({ k6: k6() })}\n`;
  }

  private get policy(): string {
    return path.join(this.folder, "policy.yaml");
  }

  /** The example's policy, with more grants, and with something at its end. */
  private writePolicy(end: string): void {
    const grants = (this.more.grants ?? []).map((grant) => `  - ${grant}\n`).join("");
    writeFileSync(this.policy, readFileSync(path.join(EXAMPLES, "cluster-policy.yaml"), "utf8").replace("\ngrants:\n", `\ngrants:\n${grants}`) + end);
  }

  private async start(): Promise<void> {
    this.writePolicy("");
    const idp = ["demo-idp", "--port", `${this.port + 1}`, "--portal", `${this.url}/`];
    const config = path.join(this.folder, "windfirm.yaml");
    writeFileSync(config, this.configuration());
    this.programs.push(Program.start("windfirm demo-idp", binary(), idp, path.join(this.folder, "idp.log")));
    const portal = Program.start("windfirm serve", binary(), ["serve", "--config", config, "--site", site()], path.join(this.folder, "portal.log"));
    this.programs.push(portal);
    await portal.until(() => answers(`${this.url}/health/ready`), "it was ready", 30_000);
  }

  /** Somebody who administers the cluster; what kubectl prints. */
  hand(args: string[], input = ""): string {
    return kubectl("admin", args, input);
  }

  /** The account of a namespace, and the portal's right to act as it, as they were. */
  restore(namespace: string): void {
    const rendered = readFileSync(path.join(root, "deploy", "cluster", "manifests", "access.yaml"), "utf8");
    const documents = rendered.split("\n---\n").filter((document) => document.includes(`\n  namespace: ${namespace}\n`) && !document.includes("\nkind: NetworkPolicy\n"));
    this.hand(["apply", "-f", "-"], documents.join("\n---\n"));
  }

  /**
   * Puts the example's policy in force with something at its end, and what Secrets in a namespace need of it into the cluster, as
   * `windfirm policy render` writes it.
   */
  rule(namespace: string, more: string): void {
    this.writePolicy(more);
    const rendered = execFileSync(binary(), ["policy", "render", "--policy", this.policy], { encoding: "utf8" });
    const ofSecrets = (document: string) =>
      document.includes("\nkind: ValidatingAdmissionPolicy\n") || (document.includes("\nkind: Role\n") && document.includes(`\n  namespace: ${namespace}\n`));
    this.hand(["apply", "--server-side", "--force-conflicts", "-f", "-"], rendered.split("---\n").filter(ofSecrets).join("---\n"));
  }

  log(): string {
    return this.programs.map((program) => program.tail()).join("\n");
  }

  async end(): Promise<void> {
    for (const program of this.programs) await program.end("SIGTERM");
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A browser of a person, who has nothing to complain about at the end. */
export async function seat(browser: Browser, portal: ClusterPortal, person: Person): Promise<{ page: Page; leave: () => Promise<void> }> {
  const context = await browser.newContext({ baseURL: portal.url });
  const watch = new Watch(context, () => [portal.url, portal.issuer]);
  const page = await context.newPage();
  await loginAs(page, portal.url, person);
  const leave = async () => {
    await context.close();
    expect(watch.complaints, "the browser has nothing to complain about").toEqual([]);
  };
  return { page, leave };
}

/** The answer of the launch form. */
export function mayStart(page: Page): Locator {
  return page.getByRole("complementary", { name: "May this run start" });
}

/** Launches are locked for the first seconds, until the cluster was asked what the accounts may do. */
export async function open(page: Page, address: string): Promise<void> {
  await expect(async () => {
    await page.goto(address);
    await expect(mayStart(page)).toContainText("May start", { timeout: 1_000 });
  }).toPass({ timeout: 60_000 });
}
