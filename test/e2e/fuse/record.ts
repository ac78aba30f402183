/**
 * Records what a real kernel asks, for test/core/fuse/fixtures/exchanges.txt. Needs root:
 *
 *     bun test/e2e/fuse/record.ts
 *
 * It mounts the MemoryFileSystem in another process, uses the mount in every way it can think of, and
 * makes it writable for the kernel (not for us) to see the requests that modify.
 */

import { dlopen, FFIType } from "bun:ffi";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unmount } from "../../../src/core/fuse/device.ts";
import { cString, libc } from "../../../src/core/sys/libc.ts";
import { Memory } from "../../../src/core/sys/memory.ts";
import { XATTR_NAME } from "../../core/fuse/memory_file_system.ts";

const FIXTURE = join(import.meta.dir, "../../core/fuse/fixtures/exchanges.txt");

/** linux/mount.h, linux/fs.h, asm-generic/fcntl.h */
const MS_REMOUNT = 32;
const FS_IOC_GETFLAGS = 0x80086601;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const RENAME_NOREPLACE = 1;
const AT_FDCWD = -100;

const { ptr, u64, i32, u32, i64 } = FFIType;
const { symbols: c } = dlopen("libc.so.6", {
  getxattr: { args: [ptr, ptr, ptr, u64], returns: i64 },
  listxattr: { args: [ptr, ptr, u64], returns: i64 },
  setxattr: { args: [ptr, ptr, ptr, u64, i32], returns: i32 },
  removexattr: { args: [ptr, ptr], returns: i32 },
  renameat2: { args: [i32, ptr, i32, ptr, u32], returns: i32 },
  mknod: { args: [ptr, u32, u64], returns: i32 },
  poll: { args: [ptr, u64, i32], returns: i32 },
});

const root = fs.mkdtempSync(join(tmpdir(), "musicfs-record-"));
const server = Bun.spawn(
  [process.execPath, join(import.meta.dir, "serve.ts"), root, "--record", FIXTURE],
  {
    stdio: ["ignore", "pipe", "inherit"],
  },
);
await server.stdout.getReader().read();

/** Errors are what the record is made of. */
function attempt(operation: () => unknown): void {
  try {
    operation();
  } catch (error) {
    console.log(String(error));
  }
}

const at = (path: string | Buffer) => Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path)]);
const song = at("album/01 song.flac");

attempt(() => fs.readdirSync(at("")));
attempt(() => fs.readdirSync(at("album")));
attempt(() => fs.statSync(at("many/track 7.ogg")));
attempt(() => fs.statSync(at(Buffer.from([0x61, 0x6c, 0x62, 0x75, 0x6d, 0x2f, 0xe4]))));
attempt(() => fs.statSync(at(Buffer.alloc(300, "n"))));
attempt(() => fs.readdirSync(at("many")));
attempt(() => fs.readFileSync(song));
attempt(() => fs.readFileSync(at("album/naïve.mp3")));
attempt(() => fs.readFileSync(at("album/empty")));
attempt(() => fs.statfsSync(at("")));
attempt(() => fs.readlinkSync(song));
attempt(() => Bun.spawnSync(["stat", "-c", "%W", song.toString()]));
attempt(() => {
  const fd = fs.openSync(song, fs.constants.O_RDONLY | fs.constants.O_DIRECT);
  attempt(() => fs.readSync(fd, Buffer.alloc(8192), 0, 4096, 4096));
  attempt(() => fs.fsyncSync(fd));
  libc().lseek(fd, 100, SEEK_DATA);
  libc().lseek(fd, 100, SEEK_HOLE);
  const argument = new Memory(8);
  libc().ioctl(fd, FS_IOC_GETFLAGS, argument.address);
  argument.view.setInt32(0, fd, true);
  argument.view.setInt16(4, 1, true);
  c.poll(argument.bytes, 1, 0);
  fs.fstatSync(fd);
  fs.closeSync(fd);
});
attempt(() => {
  const fd = fs.openSync(at("album"), fs.constants.O_RDONLY);
  attempt(() => fs.fsyncSync(fd));
  fs.closeSync(fd);
});
const value = new Uint8Array(256);
const path = cString(song).bytes;
for (const name of [XATTR_NAME, "user.musicfs.nothing", "user.mime_type", "security.selinux"]) {
  c.getxattr(path, cString(name).bytes, null, 0);
  c.getxattr(path, cString(name).bytes, value, 2);
  c.getxattr(path, cString(name).bytes, value, value.length);
}
c.listxattr(path, null, 0);
c.listxattr(path, value, value.length);

const nothing = cString("none");
const target = cString(root);
libc().mount(nothing.address, target.address, nothing.address, MS_REMOUNT, nothing.address);
attempt(() => fs.mkdirSync(at("new")));
attempt(() => fs.writeFileSync(at("new"), "x"));
attempt(() => fs.writeFileSync(song, "x"));
attempt(() => fs.appendFileSync(song, "x"));
attempt(() => fs.truncateSync(song, 1));
attempt(() => fs.chmodSync(song, 0o777));
attempt(() => fs.utimesSync(song, 1, 1));
attempt(() => fs.unlinkSync(song));
attempt(() => fs.rmdirSync(at("many")));
attempt(() => fs.renameSync(song, at("album/new")));
attempt(() => fs.linkSync(song, at("album/new")));
attempt(() => fs.symlinkSync("target", at("album/new")));
c.renameat2(AT_FDCWD, path, AT_FDCWD, cString(at("album/new")).bytes, RENAME_NOREPLACE);
c.mknod(cString(at("fifo")).bytes, 0o010644, 0);
c.setxattr(path, cString("user.mime_type").bytes, value, 4, 0);
c.removexattr(path, cString("user.mime_type").bytes);
attempt(() => fs.openSync(at(""), fs.constants.O_RDWR | 0o20200000, 0o600));

// Unused nodes and names are forgotten, one alone and many at once.
fs.writeFileSync("/proc/sys/vm/drop_caches", "2");
await unmount(root);
await server.exited;
fs.rmdirSync(root);
