/** What a request asks for. Bun puts the Host header into the URL, and that may be anything. */

/** Path and query of the request's URL. */
export function targetOf({ url }: Request): Pick<URL, "pathname" | "searchParams"> {
  const target = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "");
  return new URL(`http://musicfs/${target.replace(/^\/+/, "")}`);
}
