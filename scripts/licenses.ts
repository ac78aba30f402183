/**
 * Collects the licences of everything compiled into the binary: what Bun says of itself, and the licence files of
 * every package that the bundle takes code from. Run as a program it prints them.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { bundleConfig, LICENSES_FILE } from "./bundle.ts";

const LICENSE_NAME = /^(?:licen[sc]e|copying|notice)(?:[-._].*)?$/i;

/** Texts for packages that ship none, taken from their repositories. Named after the package, `/` written as `__`. */
const SUPPLIED = join(import.meta.dir, "licenses");

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  /** The older form of the same. */
  readonly licenses?: readonly { readonly type: string }[];
  readonly repository?: string | { readonly url?: string };
}

export interface PackageLicense {
  readonly name: string;
  readonly version: string;
  /** SPDX expression from the package's manifest. */
  readonly license: string;
  readonly text: string;
}

function readManifest(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as Manifest;
}

function licenseOf(manifest: Manifest): string {
  const license = manifest.license ?? manifest.licenses?.map(({ type }) => type).join(" OR ");
  if (license) return license;
  throw new Error(`${manifest.name} ${manifest.version} does not say its licence`);
}

function repositoryOf({ repository }: Manifest): string | undefined {
  return typeof repository === "string" ? repository : repository?.url;
}

function ownText(directory: string): string | undefined {
  const files = readdirSync(directory).filter((name) => LICENSE_NAME.test(name));
  if (files.length === 0) return undefined;
  return files
    .sort()
    .map((name) => readFileSync(join(directory, name), "utf8").trim())
    .join("\n\n");
}

/** The directories of the packages that files of a bundle came from, nested ones included. */
export function packageDirectories(inputs: Iterable<string>): readonly string[] {
  const directories = new Set<string>();
  for (const input of inputs) {
    const found = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
    if (found !== undefined) directories.add(found);
  }
  return [...directories].sort();
}

/**
 * The licence of the package in each directory. A package without a licence file has the text of a sibling from the
 * same repository under the same licence, or one supplied in scripts/licenses/; without either this throws.
 */
export function packageLicenses(directories: readonly string[]): readonly PackageLicense[] {
  const packages = directories.map((directory) => ({
    manifest: readManifest(directory),
    text: ownText(directory),
  }));
  return packages.map(({ manifest, text }) => {
    const { name, version } = manifest;
    const license = licenseOf(manifest);
    const supplied = join(SUPPLIED, `${name.replace("/", "__")}.txt`);
    const found =
      text ??
      (existsSync(supplied) ? readFileSync(supplied, "utf8").trim() : undefined) ??
      packages.find(
        (other) =>
          other.text !== undefined &&
          licenseOf(other.manifest) === license &&
          repositoryOf(other.manifest) !== undefined &&
          repositoryOf(other.manifest) === repositoryOf(manifest),
      )?.text;
    if (found === undefined) {
      throw new Error(
        `${name} ${version} (${license}) comes without the text of its licence; put it into ${supplied}`,
      );
    }
    return { name, version, license, text: found };
  });
}

/** One text for all: packages that share a licence's text are listed above it. */
export function formatLicenses(bun: string, packages: readonly PackageLicense[]): string {
  const byText = Map.groupBy(packages, ({ text }) => text);
  const rule = "=".repeat(80);
  const sections = [...byText].map(([text, sharing]) => {
    const heads = sharing.map(({ name, version, license }) => `${name} ${version} (${license})`);
    return `${rule}\n${[...new Set(heads)].join("\n")}\n${rule}\n\n${text}\n`;
  });
  return [
    "MusicFS is free software under the MIT licence. The musicfs binary also contains:\n",
    `${rule}\nBun ${Bun.version} (MIT), its runtime\n${rule}\n\n${bun.trim()}\n`,
    ...sections,
  ].join("\n");
}

/** The licences of all that the program in the current directory compiles in. */
export async function collectLicenses(): Promise<string> {
  const { metafile } = await Bun.build({
    ...bundleConfig(),
    // What is collected here goes into the bundle too, and need not be there yet.
    files: { [resolve(LICENSES_FILE)]: "" },
    metafile: true,
  });
  if (metafile === undefined) throw new Error("the bundler did not list what it bundled");
  const bun = readFileSync(join(SUPPLIED, "bun.txt"), "utf8");
  return formatLicenses(bun, packageLicenses(packageDirectories(Object.keys(metafile.inputs))));
}

if (import.meta.main) {
  process.chdir(dirname(import.meta.dir));
  process.stdout.write(await collectLicenses());
}
