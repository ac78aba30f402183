/** read(2) and its kind, lseek(2), mmap(2), sendfile(2): the bytes, all of them, and no more. */

import { expect, test } from "bun:test";
import { EACCES, EINVAL, EISDIR, ENXIO } from "../../../src/core/sys/errno.ts";
import type { SystemCalls } from "./system_calls.ts";
import { CONTENT, SPARSE_BYTES } from "./tree.ts";

const O_RDONLY = 0;
const [SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE] = [0, 1, 2, 3, 4];
const [PROT_READ, PROT_WRITE, MAP_SHARED, MAP_PRIVATE] = [1, 2, 1, 2];
const PAGE = 4096;

async function withFile(
  sys: SystemCalls,
  path: string,
  use: (fd: number) => Promise<void>,
): Promise<void> {
  const fd = await sys.open(path, O_RDONLY);
  expect(fd).toBeGreaterThan(0);
  await use(fd);
  await sys.close(fd);
}

export function reads(given: () => SystemCalls): void {
  test("pread gives the bytes at any offset, cut at the end of the file", async () => {
    const sys = given();
    const size = CONTENT.byteLength;
    await withFile(sys, "file", async (fd) => {
      for (const offset of [0, 1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE - 7, size - 1, size - PAGE]) {
        for (const length of [1, 2, 100, PAGE - 1, PAGE, PAGE + 1, size, 1_000_000]) {
          expect(await sys.pread(fd, length, offset)).toEqual(
            CONTENT.subarray(offset, offset + length),
          );
        }
      }
    });
  });

  test("pread at and past the end is empty", async () => {
    const sys = given();
    const size = CONTENT.byteLength;
    await withFile(sys, "file", async (fd) => {
      for (const offset of [size, size + 1, size + PAGE, 2 ** 31, 2 ** 32 + 5, 2 ** 43]) {
        expect(await sys.pread(fd, 100, offset)).toEqual(Buffer.alloc(0));
      }
      // What was read past the end has not moved it.
      expect(await sys.pread(fd, 100, size - 10)).toEqual(CONTENT.subarray(size - 10));
    });
    await withFile(sys, "empty", async (fd) => {
      expect(await sys.pread(fd, 100, 0)).toEqual(Buffer.alloc(0));
    });
  });

  test("reads that make no sense are refused", async () => {
    const sys = given();
    await withFile(sys, "file", async (fd) => {
      expect(await sys.pread(fd, 10, -1)).toBe(-EINVAL);
      expect(await sys.pread(fd, 0, 0)).toEqual(Buffer.alloc(0));
    });
    await withFile(sys, "a", async (fd) => expect(await sys.pread(fd, 10, 0)).toBe(-EISDIR));
  });

  test("read goes on where the last one ended", async () => {
    const sys = given();
    await withFile(sys, "a/b/c/d/deep", async (fd) => {
      const pieces: Uint8Array[] = [];
      for (;;) {
        const { result, bytes } = await sys.fill(999, "read", fd, undefined, 999);
        if (result <= 0) break;
        pieces.push(bytes.subarray(0, result));
      }
      expect<Buffer>(Buffer.concat(pieces)).toEqual(CONTENT);
      expect(await sys.call("lseek64", fd, 0, SEEK_CUR)).toBe(CONTENT.byteLength);
    });
  });

  test("lseek goes to the start, the end, and past it", async () => {
    const sys = given();
    const size = CONTENT.byteLength;
    await withFile(sys, "file", async (fd) => {
      expect(await sys.call("lseek64", fd, 100, SEEK_SET)).toBe(100);
      expect(await sys.call("lseek64", fd, 23, SEEK_CUR)).toBe(123);
      expect(await sys.call("lseek64", fd, 0, SEEK_END)).toBe(size);
      expect(await sys.call("lseek64", fd, -size, SEEK_END)).toBe(0);
      expect(await sys.call("lseek64", fd, 10, SEEK_END)).toBe(size + 10);
      expect(await sys.call("lseek64", fd, -1, SEEK_SET)).toBe(-EINVAL);
      expect(await sys.call("lseek64", fd, -size - 1, SEEK_END)).toBe(-EINVAL);
      expect(await sys.call("lseek64", fd, 0, 99)).toBe(-EINVAL);
    });
  });

  test("a file without holes is data up to its end, where the one hole is", async () => {
    const sys = given();
    const size = CONTENT.byteLength;
    await withFile(sys, "file", async (fd) => {
      expect(await sys.call("lseek64", fd, 0, SEEK_DATA)).toBe(0);
      expect(await sys.call("lseek64", fd, 5000, SEEK_DATA)).toBe(5000);
      expect(await sys.call("lseek64", fd, 0, SEEK_HOLE)).toBe(size);
      expect(await sys.call("lseek64", fd, size - 1, SEEK_HOLE)).toBe(size);
      for (const whence of [SEEK_DATA, SEEK_HOLE]) {
        expect(await sys.call("lseek64", fd, size, whence)).toBe(-ENXIO);
        expect(await sys.call("lseek64", fd, -1, whence)).toBe(-ENXIO);
      }
    });
    await withFile(sys, "empty", async (fd) => {
      expect(await sys.call("lseek64", fd, 0, SEEK_DATA)).toBe(-ENXIO);
    });
  });

  test("holes read as zeros, and data is found nowhere but where it is", async () => {
    const sys = given();
    await withFile(sys, "sparse", async (fd) => {
      for (const offset of [0, 1_234_567, SPARSE_BYTES - 10]) {
        const length = Math.min(PAGE, SPARSE_BYTES - offset);
        expect(await sys.pread(fd, PAGE, offset)).toEqual(Buffer.alloc(length));
      }
      const hole = await sys.call("lseek64", fd, 0, SEEK_HOLE);
      expect([0, SPARSE_BYTES]).toContain(hole);
    });
  });

  test.each([
    ["MAP_SHARED", MAP_SHARED],
    ["MAP_PRIVATE", MAP_PRIVATE],
  ])("mmap with %s shows the bytes, and zeros behind them on the last page", async (_, flags) => {
    const sys = given();
    const size = CONTENT.byteLength;
    const mapped = Math.ceil(size / PAGE) * PAGE;
    await withFile(sys, "file", async (fd) => {
      const address = await sys.call("mmap64", 0, size, PROT_READ, flags, fd, 0);
      expect(address).toBeGreaterThan(0);
      const expected = Buffer.alloc(mapped);
      CONTENT.copy(expected);
      expect(await sys.peek(address, mapped)).toEqual(expected);
      expect(await sys.call("munmap", address, size)).toBe(0);
      const second = await sys.call("mmap64", 0, PAGE, PROT_READ, flags, fd, PAGE);
      expect(await sys.peek(second, PAGE)).toEqual(CONTENT.subarray(PAGE, 2 * PAGE));
      expect(await sys.call("munmap", second, PAGE)).toBe(0);
    });
  });

  test("mmap for writing needs a private copy", async () => {
    const sys = given();
    const both = PROT_READ | PROT_WRITE;
    await withFile(sys, "file", async (fd) => {
      expect(await sys.call("mmap64", 0, PAGE, both, MAP_SHARED, fd, 0)).toBe(-EACCES);
      const address = await sys.call("mmap64", 0, PAGE, both, MAP_PRIVATE, fd, 0);
      expect(await sys.peek(address, PAGE)).toEqual(CONTENT.subarray(0, PAGE));
      expect(await sys.call("munmap", address, PAGE)).toBe(0);
    });
  });

  test("sendfile passes the bytes on", async () => {
    const sys = given();
    const target = await sys.call("memfd_create", "target", 0);
    await withFile(sys, "file", async (fd) => {
      let sent = 0;
      while (sent < CONTENT.byteLength) {
        const count = await sys.call("sendfile64", target, fd, 0, CONTENT.byteLength);
        if (count <= 0) break;
        sent += count;
      }
      expect(sent).toBe(CONTENT.byteLength);
    });
    expect(await sys.pread(target, CONTENT.byteLength + 1, 0)).toEqual(CONTENT);
    await sys.close(target);
  });

  test("advice about reading is taken", async () => {
    const sys = given();
    await withFile(sys, "file", async (fd) => {
      for (let advice = 0; advice <= 5; advice++) {
        expect(await sys.call("posix_fadvise64", fd, 0, 0, advice)).toBe(0);
      }
      expect(await sys.pread(fd, 100, 4000)).toEqual(CONTENT.subarray(4000, 4100));
    });
  });
}
