// A real Keycloak: fetched once from Maven Central into the cache, run from a copy, with a realm of two people.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { cache } from "./machine";
import { Program, answers, freePorts } from "./process";

const VERSION = "26.4.0";
const MAVEN_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1";
/** Decided before the start: a database in a file. */
const BUILD = ["--db=dev-file"];
const REALM = "windfirm";
const CLIENT = { id: "windfirm", secret: "keycloak-test-secret" };
const PASSWORD = "keycloak-test-password";

export const kept = path.join(cache, "keycloak", `keycloak-${VERSION}`);

/** Java and, unless Keycloak is in the cache already, Maven; otherwise a sentence that says what is missing. */
export function missing(): string | undefined {
  const java = spawnSync("java", ["-version"], { encoding: "utf8" });
  const version = Number(/version "(\d+)/.exec(java.stderr ?? "")?.[1] ?? 0);
  if (version < 17) return `Keycloak: it needs Java 17 or newer, and ${version ? `this is Java ${version}` : "there is no Java"}. Install a JRE (Debian: openjdk-17-jre-headless).`;
  if (existsSync(kept)) return undefined;
  if (spawnSync("mvn", ["--version"]).status !== 0) return "Keycloak: it comes from Maven Central, and there is no Maven. Install it (Debian: maven).";
  return fetchOnce();
}

/** Unpacked and prepared beside its place first, so that a fetch that breaks off leaves no half of it. */
function fetchOnce(): string | undefined {
  const folder = path.dirname(kept);
  mkdirSync(folder, { recursive: true });
  const fresh = mkdtempSync(path.join(folder, "fetch-"));
  console.log(`Fetching Keycloak ${VERSION} from Maven Central, once (160 MB)`);
  const fetched = spawnSync(
    "mvn",
    ["-q", "-B", `${MAVEN_PLUGIN}:unpack`, `-Dartifact=org.keycloak:keycloak-quarkus-dist:${VERSION}:zip`, `-DoutputDirectory=${fresh}`],
    { cwd: fresh, encoding: "utf8", timeout: 300_000 },
  );
  const unpacked = path.join(fresh, `keycloak-${VERSION}`);
  // What Keycloak otherwise does at each start of its development mode; it takes longer than the start itself.
  const prepared = fetched.status === 0 && spawnSync(path.join(unpacked, "bin", "kc.sh"), ["build", ...BUILD], { encoding: "utf8", timeout: 180_000 }).status === 0;
  if (prepared && !existsSync(kept)) renameSync(unpacked, kept);
  rmSync(fresh, { recursive: true, force: true });
  return existsSync(kept) ? undefined : `Keycloak: it could not be fetched from Maven Central. ${(fetched.stdout ?? "").trim().split("\n").slice(-2).join(" ")}`;
}

export interface KeycloakPerson {
  user: string;
  first: string;
  last: string;
  group: string;
}

export class Keycloak {
  private constructor(
    private readonly program: Program,
    private readonly folder: string,
    private readonly port: number,
  ) {}

  /** Starts it with a realm whose one client is the portal at `portal`. */
  static async start(portal: string, people: KeycloakPerson[]): Promise<Keycloak> {
    const [folder, port] = [mkdtempSync(path.join(os.tmpdir(), "windfirm-keycloak-")), await freePorts(2)];
    const home = path.join(folder, "keycloak");
    cpSync(kept, home, { recursive: true });
    mkdirSync(path.join(home, "data", "import"), { recursive: true });
    writeFileSync(path.join(home, "data", "import", `${REALM}.json`), JSON.stringify(realm(portal, people)));
    const base = `http://127.0.0.1:${port}`;
    const args = ["start", "--optimized", "--http-enabled=true", "--http-host=127.0.0.1", `--http-port=${port}`, `--hostname=${base}`, "--import-realm", "--cache=local"];
    const env = { ...process.env, KC_BOOTSTRAP_ADMIN_USERNAME: "admin", KC_BOOTSTRAP_ADMIN_PASSWORD: PASSWORD, JAVA_OPTS_KC_HEAP: "-Xms64m -Xmx512m" };
    const program = Program.start("Keycloak", path.join(home, "bin", "kc.sh"), args, path.join(folder, "keycloak.log"), env);
    const keycloak = new Keycloak(program, folder, port);
    try {
      await program.until(() => answers(`${keycloak.issuer}/.well-known/openid-configuration`), "its realm answered", 150_000);
    } catch (error) {
      await keycloak.end();
      throw error;
    }
    return keycloak;
  }

  get issuer(): string {
    return `http://127.0.0.1:${this.port}/realms/${REALM}`;
  }
  get client() {
    return CLIENT;
  }
  get password(): string {
    return PASSWORD;
  }

  async end(): Promise<void> {
    await this.program.end("SIGTERM", "group");
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A realm as an administrator would export it, with no more than the portal's client needs. */
function realm(portal: string, people: KeycloakPerson[]) {
  return {
    realm: REALM,
    enabled: true,
    sslRequired: "none",
    groups: people.map(({ group }) => ({ name: group })),
    clients: [
      {
        clientId: CLIENT.id,
        secret: CLIENT.secret,
        protocol: "openid-connect",
        publicClient: false,
        standardFlowEnabled: true,
        directAccessGrantsEnabled: false,
        redirectUris: [`${portal}/login/keycloak/callback`],
        webOrigins: [],
        attributes: { "pkce.code.challenge.method": "S256", "post.logout.redirect.uris": `${portal}/logged-out` },
        protocolMappers: [
          {
            name: "groups",
            protocol: "openid-connect",
            protocolMapper: "oidc-group-membership-mapper",
            config: { "claim.name": "groups", "full.path": "false", "id.token.claim": "true", "access.token.claim": "true", "userinfo.token.claim": "true" },
          },
        ],
      },
    ],
    users: people.map(({ user, first, last, group }) => ({
      username: user,
      enabled: true,
      emailVerified: true,
      email: `${user}@demo.windfirm.dev`,
      firstName: first,
      lastName: last,
      groups: [`/${group}`],
      credentials: [{ type: "password", value: PASSWORD, temporary: false }],
    })),
  };
}
