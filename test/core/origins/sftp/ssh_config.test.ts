import { describe, expect, test } from "bun:test";
import { SftpFault } from "../../../../src/core/origins/sftp/errors.ts";
import { resolveSshHost } from "../../../../src/core/origins/sftp/ssh_config.ts";
import { seeded } from "./seeded.ts";

type Files = Readonly<Record<string, string>>;

function resolve(alias: string, files: string | Files, overridden: readonly string[] = []) {
  const all = typeof files === "string" ? { "/home/me/.ssh/config": files } : files;
  return resolveSshHost({
    alias,
    sources: [
      { path: "/home/me/.ssh/config", directory: "/home/me/.ssh" },
      { path: "/etc/ssh/ssh_config", directory: "/etc/ssh" },
    ],
    files: {
      read: (path) => all[path],
      glob: (pattern) => Object.keys(all).filter((path) => new Bun.Glob(pattern).match(path)),
    },
    home: "/home/me",
    localUser: "me",
    overridden: new Set(overridden),
  });
}

function refusal(alias: string, files: string | Files, overridden: readonly string[] = []): string {
  try {
    resolve(alias, files, overridden);
  } catch (error) {
    if (error instanceof SftpFault && error.code === "misconfigured") return error.message;
    throw error;
  }
  return "not refused";
}

describe("ssh_config", () => {
  test("leaves a host alone that nobody speaks of", () => {
    expect(resolve("nas", {})).toEqual({
      hostName: "nas",
      port: undefined,
      user: undefined,
      identityFiles: [],
    });
  });

  test("honours Host, HostName, Port, User and IdentityFile", () => {
    const text = `
      # the box in the cellar
      Host nas music
        HostName 192.168.1.2
        Port=2222
        user "music lover"
        IdentityFile ~/.ssh/%r@%h-%p
        IdentityFile %d/second
      Host *
        IdentityFile /all/%%/%n
    `;
    expect(resolve("music", text)).toEqual({
      hostName: "192.168.1.2",
      port: 2222,
      user: "music lover",
      identityFiles: [
        "/home/me/.ssh/music lover@192.168.1.2-2222",
        "/home/me/second",
        "/all/%/music",
      ],
    });
    expect(resolve("other", text).identityFiles).toEqual(["/all/%/other"]);
  });

  test("the first value obtained is used, the user's file before the system's", () => {
    const files = {
      "/home/me/.ssh/config": "Host nas\n Port 1\n Port 2\nHost *\n Port 3\n",
      "/etc/ssh/ssh_config": "Host nas\n Port 4\n User sys\n",
    };
    expect(resolve("nas", files)).toMatchObject({ port: 1, user: "sys" });
    expect(resolve("pi", files)).toMatchObject({ port: 3, user: undefined });
  });

  test("patterns and negation decide which block applies", () => {
    const text = "Host *.home !guest.home\n User family\nHost guest.home\n User guest\n";
    expect(resolve("nas.home", text).user).toBe("family");
    expect(resolve("guest.home", text).user).toBe("guest");
    expect(resolve("elsewhere", text).user).toBeUndefined();
  });

  test("HostName may be made of the alias", () => {
    expect(resolve("nas", "Host nas\n HostName %h.home.arpa\n").hostName).toBe("nas.home.arpa");
  });

  test("IdentityFile none names no file", () => {
    expect(resolve("nas", "IdentityFile none").identityFiles).toEqual([]);
  });

  test("includes files where the block applies, in order, and does not loop", () => {
    const files = {
      "/home/me/.ssh/config": "Include conf.d/*\nHost nas\n Include ~/.ssh/nas\nHost pi\n Port 9\n",
      "/home/me/.ssh/conf.d/10": "Host pi\n User first\n",
      "/home/me/.ssh/conf.d/20": "User second\n",
      "/home/me/.ssh/nas": "Port 7\nHost other\n Port 8\n",
    };
    expect(resolve("pi", files)).toMatchObject({ user: "first", port: 9 });
    expect(resolve("nas", files)).toMatchObject({ user: "second", port: 7 });
    expect(resolve("other", files)).toMatchObject({ port: undefined });
    expect(refusal("nas", "Include config")).toContain("Include");
  });

  test.each([
    "ProxyJump gate",
    "ProxyCommand nc %h %p",
    "HostKeyAlias old",
    "UserKnownHostsFile /dev/null",
    "GlobalKnownHostsFile /dev/null",
    "KnownHostsCommand /bin/true",
    "RevokedHostKeys /etc/revoked",
    "CanonicalizeHostname yes",
    "BindAddress 10.0.0.1",
  ])("refuses %s by name where it applies, and only there", (setting) => {
    const [keyword = ""] = setting.split(" ");
    const text = `Host nas\n ${setting}\n`;
    expect(refusal("nas", text)).toContain(`/home/me/.ssh/config:2: ${keyword} applies`);
    expect(refusal("pi", text)).toBe("not refused");
    expect(refusal("nas", `Host *\n${setting.toUpperCase().replace(" ", "=")}`)).toContain(
      keyword.toUpperCase(),
    );
  });

  test("what was switched off before is not refused", () => {
    expect(refusal("nas", "Host nas\n ProxyJump none\nHost *\n ProxyJump gate\n")).toBe(
      "not refused",
    );
    expect(refusal("nas", "CanonicalizeHostname no\n")).toBe("not refused");
  });

  test("what the origin's own settings replace is not refused", () => {
    expect(refusal("nas", "UserKnownHostsFile /dev/null\n", ["userknownhostsfile"])).toBe(
      "not refused",
    );
  });

  test("refuses Match where it may apply and would matter", () => {
    expect(refusal("nas", "Match exec true\n User x\n")).toContain("Match");
    expect(refusal("nas", "Match host nas user bob\n ProxyJump gate\n")).toContain("Match");
    expect(refusal("nas", "Match host pi exec true\n User x\n")).toBe("not refused");
    expect(refusal("nas", "Match exec true\n SendEnv LANG\n")).toBe("not refused");
    expect(refusal("nas", "Host nas\n User mine\nMatch exec true\n User x\n")).toBe("not refused");
    expect(resolve("nas", "Match all\n User x\n").user).toBe("x");
    expect(refusal("nas", "Match all\n ProxyJump gate\n")).toContain("ProxyJump");
  });

  test("a port that is none is refused", () => {
    expect(refusal("nas", "Port 70000\n")).toContain("65535");
    expect(refusal("nas", "Port ssh\n")).toContain("65535");
  });

  test("never fails on garbage but by refusing it", () => {
    const { seed, next: random } = seeded(20260103);
    const parts = [
      "Host ",
      "Match ",
      "host ",
      "\n",
      '"',
      "=",
      " ",
      "#",
      "*",
      "!",
      "%",
      "%h",
      "~/",
      "Include ",
      "IdentityFile ",
      "nas",
      "Port ",
      "22",
      "\0",
      "\t",
      "ProxyJump ",
      "none",
      "all",
    ];
    for (let round = 0; round < 3000; round++) {
      const text = Array.from({ length: random(16) }, () => parts[random(parts.length)]).join("");
      try {
        refusal("nas", text);
      } catch (error) {
        throw new Error(`seed ${seed}: ${JSON.stringify(text)}`, { cause: error });
      }
    }
  });
});
