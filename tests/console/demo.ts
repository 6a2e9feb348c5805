// Starts the demo on a free port and waits until its story is told; ends it when the tests are done.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** An unoptimised server on a busy machine tells its story for a minute or two. */
const PATIENCE_MS = 600_000;

export default async function start(): Promise<() => Promise<void>> {
  // Somebody who works on the pages has a demo running already.
  if (process.env["SAOLOU_ADDRESS"]) return async () => undefined;
  const folder = mkdtempSync(join(tmpdir(), "saolou-console-"));
  // Cargo knows where it builds to, and turns into the program that it runs: ending it ends the demo.
  const program = ["run", "--quiet", "--locked", "--package", "saolou-server", "--"];
  const demo = spawn("cargo", [...program, "demo", "--data-dir", folder, "--port", "0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => demo.once("exit", () => resolve()));
  const address = new Promise<string>((resolve, reject) => {
    let told = "";
    const late = setTimeout(() => reject(new Error(`the demo does not serve:\n${told}`)), PATIENCE_MS);
    demo.stdout.on("data", (text: Buffer) => {
      told += text.toString();
      const found = /服务地址 (http:\S+)/.exec(told)?.[1];
      if (!found) return;
      clearTimeout(late);
      resolve(found);
    });
    demo.once("exit", () => reject(new Error(`the demo ended:\n${told}`)));
  });
  process.env["SAOLOU_ADDRESS"] = await address;
  return async () => {
    demo.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
}
