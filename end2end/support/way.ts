// A way to the API server that a test can close, as if the cluster were away: a proxy of bytes, which knows nothing of what goes through.
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { kubectl } from "./cluster";

interface View {
  clusters: { cluster: { server: string; "tls-server-name"?: string } }[];
}

export class Way {
  private readonly folder = mkdtempSync(path.join(os.tmpdir(), "windfirm-way-"));
  private readonly open = new Set<net.Socket>();
  private closed = false;

  private constructor(
    private readonly server: net.Server,
    private readonly there: URL,
  ) {
    server.on("connection", (near) => this.connect(near));
  }

  static async begin(): Promise<Way> {
    const view = JSON.parse(kubectl("portal", ["config", "view", "--raw", "--flatten", "--minify", "-o", "json"])) as View;
    const [entry] = view.clusters;
    if (!entry) throw new Error("The portal's kubeconfig names no cluster.");
    const way = new Way(net.createServer(), new URL(entry.cluster.server));
    way.server.listen(0, "127.0.0.1");
    await once(way.server, "listening");
    const { port } = way.server.address() as net.AddressInfo;
    // The certificate is the API server's, so it is looked at by the name that this has.
    entry.cluster = { ...entry.cluster, server: `https://127.0.0.1:${port}`, "tls-server-name": entry.cluster["tls-server-name"] ?? way.there.hostname };
    writeFileSync(way.kubeconfig, JSON.stringify(view), { mode: 0o600 });
    return way;
  }

  /** The portal's own, by this way. */
  get kubeconfig(): string {
    return path.join(this.folder, "kubeconfig");
  }

  /** Cuts what is connected; what connects from now on is cut at once. The port stays this one's. */
  close(): void {
    this.closed = true;
    for (const socket of this.open) socket.destroy();
  }

  reopen(): void {
    this.closed = false;
  }

  async end(): Promise<void> {
    this.close();
    this.server.close();
    await once(this.server, "close");
    rmSync(this.folder, { recursive: true, force: true });
  }

  private connect(near: net.Socket): void {
    if (this.closed) {
      near.destroy();
      return;
    }
    const far = net.connect(Number(this.there.port || 443), this.there.hostname);
    for (const [socket, other] of [[near, far], [far, near]] as const) {
      this.open.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.open.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }
}
