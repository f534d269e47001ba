// The last line of the run: what passed, what failed, what was skipped and why. Nothing is skipped silently.
import path from "node:path";
import type { FullResult, Reporter, TestCase, TestResult } from "@playwright/test/reporter";

const COLOURS = /\u001b\[[0-9;]*m/g;

export default class Counts implements Reporter {
  private readonly last = new Map<TestCase, TestResult>();

  onTestEnd(test: TestCase, result: TestResult): void {
    this.last.set(test, result);
  }

  onEnd(result: FullResult): void {
    const counted = { passed: 0, failed: 0, skipped: 0 };
    for (const [test, result] of this.last) {
      const { status } = result;
      if (status === "skipped") {
        counted.skipped += 1;
        const why = test.annotations.find((note) => note.type === "skip")?.description ?? "it was not reached";
        console.log(`skipped: ${test.title}: ${why}`);
      } else if (status === test.expectedStatus) {
        counted.passed += 1;
      } else {
        counted.failed += 1;
        console.log(`failed: ${path.basename(test.location.file)}: ${test.title}: ${(result.error?.message ?? result.status).replace(COLOURS, "").replaceAll(/\s+/g, " ").slice(0, 400)}`);
      }
    }
    const words = Object.entries(counted).flatMap(([word, count]) => (count > 0 ? [`${count} ${word}`] : []));
    const interrupted = result.status === "passed" || result.status === "failed" ? "" : ` (${result.status})`;
    console.log(`browser: ${words.join(", ") || "0 passed"} in ${Math.round(result.duration / 1000)} s${interrupted}`);
  }

  printsToStdio(): boolean {
    return false;
  }
}
