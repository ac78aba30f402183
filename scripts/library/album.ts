/** The small library that the demonstration and the tests play with. Artists and titles are invented. */

export type AudioFormat = "flac" | "mp3" | "ogg" | "opus" | "m4a" | "wav";

export interface Album {
  readonly artist: string;
  readonly title: string;
  readonly year: number;
  readonly format: AudioFormat;
  readonly tracks: readonly string[];
}

/** Every format, with what names bring along: spaces, brackets, other scripts, composed and decomposed accents. */
export const ALBUMS: readonly Album[] = [
  {
    artist: "The Lantern Keepers",
    title: "North Light",
    year: 2019,
    format: "flac",
    tracks: ["Harbour at Six", "Glass & Salt", "What the Tide Said (Reprise)"],
  },
  {
    artist: "Anna Körner".normalize("NFC"),
    title: "Stille Räume".normalize("NFC"),
    year: 2008,
    format: "mp3",
    tracks: ["Flur", "Küche".normalize("NFC"), "Dachboden"],
  },
  {
    artist: "Émilie Aubé".normalize("NFD"),
    title: "Été indien".normalize("NFD"),
    year: 2014,
    format: "ogg",
    tracks: ["Le marché".normalize("NFD"), "Quai no. 7"],
  },
  {
    artist: "小川 葵",
    title: "夜の電車",
    year: 2021,
    format: "opus",
    tracks: ["発車", "雨の窓"],
  },
  {
    artist: "The Lantern Keepers",
    title: "Live at the Boathouse",
    year: 2022,
    format: "m4a",
    tracks: ["Glass & Salt (live)", "Slow Ferry"],
  },
  {
    artist: "Field Recordings",
    title: "Dawn, 4:30 - 5:00",
    year: 2016,
    format: "wav",
    tracks: ["#1 Reed Bed", "#2 100% Rain?"],
  },
];

/** Where an album lies in a library. */
export function albumDirectory(album: Album): string {
  return `${album.artist}/${album.year} - ${album.title}`;
}

/** Where a track lies in a library; `index` counts from 0. */
export function trackPath(album: Album, index: number): string {
  const number = String(index + 1).padStart(2, "0");
  return `${albumDirectory(album)}/${number} ${album.tracks[index]}.${album.format}`;
}
