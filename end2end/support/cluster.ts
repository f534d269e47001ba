// `windfirm serve` beside a real Kubernetes, with the demo's identity provider and the policy of the example.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { binary, k6, site } from "./machine";
import { Program, answers, freePorts } from "./process";

const root = path.resolve(__dirname, "..", "..");
const EXAMPLE = path.join(root, "deploy", "example", "cluster-policy.yaml");

/** Why there is no cluster to test on; nothing when there is one. */
export function missing(): string | undefined {
  return process.env.WINDFIRM_TEST_CLUSTER ? undefined : "the pages on a real Kubernetes: WINDFIRM_TEST_CLUSTER is not set; `make cluster` brings one up, its folder is .windfirm/cluster";
}

export class ClusterPortal {
  private readonly programs: Program[] = [];

  private constructor(
    private readonly cluster: string,
    private readonly folder: string,
    private readonly port: number,
  ) {}

  static async start(): Promise<ClusterPortal> {
    const cluster = process.env.WINDFIRM_TEST_CLUSTER ?? "";
    const portal = new ClusterPortal(cluster, mkdtempSync(path.join(os.tmpdir(), "windfirm-cluster-")), await freePorts(2));
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

  private built(): string {
    return readFileSync(path.join(this.cluster, "built"), "utf8").trim();
  }

  /** The example's configuration, on ports of its own. JSON is YAML too. */
  private configuration(): unknown {
    const image = (name: string) => readFileSync(path.join(this.built(), "images", "list"), "utf8").split("\n").find((line) => line.startsWith(`windfirm.local/${name}:`))?.split(" ")[0];
    return {
      listen: `0.0.0.0:${this.port}`,
      public_url: `${this.url}/`,
      state: path.join(this.folder, "state"),
      policy: this.policy,
      tree: { repository: path.join(this.cluster, "shop"), revision: "main", roots: "roots", repositories: ["https://git.demo.windfirm.dev/shop/deploy.git"] },
      identity: [
        { name: "demo", label: "Demo identity provider", issuer: this.issuer, client_id: "windfirm", client_secret: { value: "demo-secret-for-loopback-only" }, scopes: ["openid", "profile", "groups"], groups_claim: "groups" },
      ],
      runner: { k6: k6() },
      clusters: [
        {
          name: "home",
          kubeconfig: { file: path.join(this.cluster, "portal.kubeconfig") },
          known_as: ["https://kubernetes.default.svc"],
          argocd: { namespace: "argocd" },
          runs: { portal: `http://portal.host:${this.port}`, k6_image: image("k6"), starter_image: image("starter"), pull_policy: "Never", cpu: "50m", memory_mib: 256, slots: 10 },
        },
      ],
    };
  }

  private get policy(): string {
    return path.join(this.folder, "policy.yaml");
  }

  private async start(): Promise<void> {
    copyFileSync(EXAMPLE, this.policy);
    const idp = ["demo-idp", "--port", `${this.port + 1}`, "--portal", `${this.url}/`];
    const config = path.join(this.folder, "windfirm.yaml");
    writeFileSync(config, JSON.stringify(this.configuration(), null, 2));
    this.programs.push(Program.start("windfirm demo-idp", binary(), idp, path.join(this.folder, "idp.log")));
    const portal = Program.start("windfirm serve", binary(), ["serve", "--config", config, "--site", site()], path.join(this.folder, "portal.log"));
    this.programs.push(portal);
    await portal.until(() => answers(`${this.url}/health/ready`), "it was ready", 30_000);
  }

  /** Somebody who administers the cluster; what kubectl prints. */
  hand(args: string[], input = ""): string {
    const env = { ...process.env, KUBECACHEDIR: path.join(this.cluster, "kubectl") };
    return execFileSync(path.join(this.built(), "bin", "kubectl"), ["--kubeconfig", path.join(this.cluster, "admin.kubeconfig"), ...args], { encoding: "utf8", input, env });
  }

  /** The account of a namespace, and the portal's right to act as it, as they were. */
  restore(namespace: string): void {
    const rendered = readFileSync(path.join(root, "deploy", "cluster", "manifests", "access.yaml"), "utf8");
    const documents = rendered.split("\n---\n").filter((document) => document.includes(`\n  namespace: ${namespace}\n`));
    this.hand(["apply", "-f", "-"], documents.join("\n---\n"));
  }

  /**
   * Puts the example's policy in force with something at its end, and what Secrets in a namespace need of it into the cluster, as
   * `windfirm policy render` writes it.
   */
  rule(namespace: string, more: string): void {
    writeFileSync(this.policy, readFileSync(EXAMPLE, "utf8") + more);
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
