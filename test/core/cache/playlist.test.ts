import { expect, test } from "bun:test";
import { isPlaylist, playlistEntries } from "../../../src/core/cache/playlist.ts";

test("playlistEntries() reads what programs write", () => {
  const text = [
    "\ufeff#EXTM3U",
    "#EXTINF:123,Artist - Title",
    "  sub/Tïtle.flac  ",
    "",
    "..\\Other Album\\02.mp3",
    "/mnt/music/a%20b.mp3",
    "file:///mnt/music/a%20b.mp3",
    "http://radio.example/stream",
    "C:\\Music\\x.mp3",
    "file:///%zz",
  ].join("\r\n");
  expect(playlistEntries(Buffer.from(text))).toEqual([
    "sub/Tïtle.flac",
    "../Other Album/02.mp3",
    "/mnt/music/a%20b.mp3",
    "/mnt/music/a b.mp3",
  ]);
});

test("playlistEntries() takes what is not UTF-8 for Latin-1", () => {
  expect(playlistEntries(Buffer.from("caf\xe9.mp3\rx.mp3\n", "latin1"))).toEqual([
    "café.mp3",
    "x.mp3",
  ]);
  expect(playlistEntries(new Uint8Array(0))).toEqual([]);
});

test("isPlaylist() goes by the name", () => {
  expect(["a.m3u", "B.M3U8", "m3u", "a.m3u.bak", "a.pls"].map(isPlaylist)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});
