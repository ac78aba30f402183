import { version } from "../../package.json";

/** The commit the binary was built from; scripts/build.ts defines it, sources run without it. */
declare const MUSICFS_COMMIT: string;

/** `0.1.0 (commit 1a2b3c4d5e6f, Bun 1.4.4)`; the commit is left out where there is none to name. */
export function versionText(): string {
  const commit = typeof MUSICFS_COMMIT === "string" ? MUSICFS_COMMIT : "";
  return `${version} (${commit === "" ? "" : `commit ${commit}, `}Bun ${Bun.version})`;
}
