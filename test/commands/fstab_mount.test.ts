import { describe, expect, test } from "bun:test";
import { parseFstabOptions } from "../../src/commands/fstab_mount.ts";

describe("parseFstabOptions()", () => {
  test("takes what concerns the mount", () => {
    const options = [
      "rw,allow_other,uid=1000,gid=100,config=/etc/m.toml",
      "cache_dir=/c,passthrough=all,require_all,log_level=warn",
    ];
    expect(parseFstabOptions(options)).toEqual({
      flags: {
        allowOther: true,
        uid: 1000,
        gid: 100,
        config: "/etc/m.toml",
        cacheDir: "/c",
        passthrough: "all",
        logLevel: "warn",
      },
      requireAll: true,
    });
  });

  test("ignores what mount(8) and systemd add", () => {
    const options =
      "defaults,ro,rw,noauto,auto,user,nofail,_netdev,nosuid,nodev,noexec,relatime,noatime,comment=x,x-systemd.automount,x-gvfs-show,X-mount.mkdir";
    expect(parseFstabOptions([options])).toEqual({ flags: {}, requireAll: false });
  });

  test("refuses what it does not know, unless sloppy, and wrong values", () => {
    expect(() => parseFstabOptions(["alow_other"])).toThrow(
      'mount option "alow_other" is not known',
    );
    expect(parseFstabOptions(["alow_other"], true)).toEqual({ flags: {}, requireAll: false });
    expect(() => parseFstabOptions(["uid=me"])).toThrow('mount option "uid=me" needs a number');
    expect(() => parseFstabOptions(["passthrough=on"])).toThrow("must be one of off, cache, all");
  });
});
