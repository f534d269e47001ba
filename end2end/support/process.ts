// Programs that the tests start, and the ports that they listen on.
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import net from "node:net";

/** A program in a process group of its own, whose output goes to a file. */
export class Program {
  private constructor(
    readonly name: string,
    private readonly child: ChildProcess,
    readonly log: string,
    private readonly ended: Promise<string>,
  ) {}

  static start(name: string, command: string, args: string[], log: string, env: NodeJS.ProcessEnv = process.env): Program {
    const file = openSync(log, "a");
    const child = spawn(command, args, { stdio: ["ignore", file, file], detached: true, env });
    closeSync(file);
    const ended = new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, signal) => resolve(signal ?? `code ${code}`));
    });
    return new Program(name, child, log, ended);
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null || this.child.pid === undefined;
  }

  /** The last of what it wrote, for failures. */
  tail(): string {
    return readFileSync(this.log, "utf8").slice(-3000);
  }

  /** Waits until `answers` is true; fails at once when the program ends instead. */
  async until(answers: () => Promise<boolean>, what: string, limitMs: number): Promise<void> {
    const deadline = Date.now() + limitMs;
    while (!(await answers().catch(() => false))) {
      if (this.hasEnded) throw new Error(`${this.name} ended (${await this.ended}) before ${what}:\n${this.tail()}`);
      if (Date.now() > deadline) throw new Error(`${this.name}: not within ${limitMs} ms: ${what}.\n${this.tail()}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Ends this process alone (what it started goes on), or its whole group. */
  async end(signal: NodeJS.Signals, who: "alone" | "group" = "alone"): Promise<void> {
    const { pid } = this.child;
    if (this.hasEnded || pid === undefined) return;
    const target = who === "group" ? -pid : pid;
    process.kill(target, signal);
    const late = setTimeout(() => process.kill(target, "SIGKILL"), 30_000);
    await this.ended;
    clearTimeout(late);
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** The first of `count` free ports in a row, below the range that the system hands out by itself. */
export async function freePorts(count: number): Promise<number> {
  for (let tries = 0; tries < 200; tries += 1) {
    const first = 18_000 + Math.floor(Math.random() * (12_000 - count));
    const free = await Promise.all(Array.from({ length: count }, (_, index) => isFree(first + index)));
    if (free.every(Boolean)) return first;
  }
  throw new Error(`There are no ${count} free ports in a row between 18000 and 30000.`);
}

/** Whether an address answers with 200. */
export async function answers(url: string): Promise<boolean> {
  const response = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(2_000) });
  await response.arrayBuffer();
  return response.status === 200;
}
