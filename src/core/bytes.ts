/**
 * Names are bytes. A Linux file name is any bytes but `/` and NUL, not necessarily UTF-8. Off the
 * hot path names and paths are carried as *byte strings*: JavaScript strings whose char codes are
 * the bytes (0..255), which JavaScriptCore stores one byte a character. They hash, compare (in byte
 * order) and concatenate like any string and convert to bytes without loss. On the hot path and in
 * SQLite names are `Uint8Array`.
 */

declare const byteString: unique symbol;

/** One name: no `/`, no NUL, 1..255 bytes, not `.` or `..`. See {@link isValidName}. */
export type ByteName = string & { readonly [byteString]: "name" };

/** Names joined by `/`, without a leading or trailing slash; `""` is the root. */
export type BytePath = string & { readonly [byteString]: "path" };

export const ROOT_PATH = "" as BytePath;

const NAME_MAX_BYTES = 255;

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Byte strings that are their own text, as most are. */
const ASCII = /^[^\x80-\xff]*$/;

export function toBytes(value: ByteName | BytePath): Buffer {
  return Buffer.from(value, "latin1");
}

/** The bytes as a name; check it with {@link isValidName} unless it comes from the kernel. */
export function nameFromBytes(bytes: Uint8Array): ByteName {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(
    "latin1",
  ) as ByteName;
}

export function pathFromBytes(bytes: Uint8Array): BytePath {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(
    "latin1",
  ) as BytePath;
}

/** A name or path typed by a person or given by a protocol that speaks UTF-8. */
export function nameFromText(text: string): ByteName {
  return Buffer.from(text, "utf8").toString("latin1") as ByteName;
}

/** As {@link nameFromText}; leading, trailing and doubled slashes are dropped. */
export function pathFromText(text: string): BytePath {
  return nameFromText(text).split("/").filter(Boolean).join("/") as BytePath;
}

/** The text of a name or path that is valid UTF-8, else undefined. */
export function textOf(value: ByteName | BytePath): string | undefined {
  if (ASCII.test(value)) return value;
  try {
    return UTF8.decode(toBytes(value));
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** True for what may be a name in the tree; everything else is refused at the origin's door. */
export function isValidName(name: string): name is ByteName {
  return (
    name.length > 0 &&
    name.length <= NAME_MAX_BYTES &&
    name !== "." &&
    name !== ".." &&
    !name.includes("/") &&
    !name.includes("\0")
  );
}

/** True for the root and for names joined by single slashes. */
export function isValidPath(path: string): path is BytePath {
  return path === "" || path.split("/").every(isValidName);
}

export function joinPath(directory: BytePath, name: ByteName | BytePath): BytePath {
  if (directory === "") return name as string as BytePath;
  return (name === "" ? directory : `${directory}/${name}`) as BytePath;
}

export function parentPath(path: BytePath): BytePath {
  const slash = path.lastIndexOf("/");
  return (slash < 0 ? "" : path.slice(0, slash)) as BytePath;
}

export function baseName(path: BytePath): ByteName {
  return path.slice(path.lastIndexOf("/") + 1) as ByteName;
}

/**
 * For people: valid UTF-8 as it is, other bytes as `\xNN`, control characters and terminal escapes
 * (C0, DEL, C1, bidirectional overrides) escaped, so that no name can drive a terminal.
 */
export function displayPath(value: ByteName | BytePath): string {
  const text = textOf(value);
  const shown = text ?? value;
  let out = "";
  for (const char of shown) {
    const code = char.codePointAt(0) ?? 0;
    const unsafe =
      code < 0x20 ||
      (code >= 0x7f && code < 0xa0) ||
      (text === undefined && code >= 0x80) ||
      (code >= 0x202a && code <= 0x202e) ||
      (code >= 0x2066 && code <= 0x2069);
    if (!unsafe) out += char;
    else if (code <= 0xff) out += `\\x${code.toString(16).padStart(2, "0")}`;
    else out += `\\u{${code.toString(16)}}`;
  }
  return out;
}

/** As {@link displayPath}, for text that is no name: messages, values, paths as a person wrote them. */
export function displayText(text: string): string {
  return displayPath(nameFromText(text));
}
