import { connect } from "node:net";
import { editOrigins } from "../../../src/core/config/edit.ts";
import { configOfText } from "../../../src/core/config/load.ts";
import { Controlled, FakeMount } from "../../core/control/controlled.ts";
import { type FuzzTarget, must } from "../target.ts";

const CONFIG = '[[origins]]\nid = "disk"\norigin_type = "local"\npath = "/srv/music"\n';
const PATIENCE_MS = 5000;
/** Of HTTP, which is the client's fault after all. */
const OTHER_VERSION = 505;
const STATUS = /^HTTP\/1\.1 (\d{3})/gm;
const REQUEST_LINE = / HTTP\/1\.\d\r?\n/g;

function request(line: string, body?: object): Uint8Array {
  const text = body === undefined ? "" : JSON.stringify(body);
  const typed = body === undefined ? [] : ["Content-Type: application/json"];
  const length = `Content-Length: ${Buffer.byteLength(text)}`;
  return Buffer.from([`${line} HTTP/1.1`, "Host: x", ...typed, length, "", text].join("\r\n"));
}

/** Requests of a client that may say anything: none is a bug of ours, and what is refused does nothing. */
export const controlRequests: FuzzTarget = {
  name: "control_requests",
  seeds: [
    request("GET /v1/status"),
    request("GET /v1/origins"),
    request("GET /v1/events?follow=false&type=failover&after=latest"),
    request("GET /metrics"),
    request("POST /v1/scan", { origins: ["disk"], allow_empty: true, wait: false }),
    request("POST /v1/origins", { settings: { id: "a", origin_type: "local", path: "/a" } }),
    request("PATCH /v1/origins/disk", { settings: { priority: 3 }, unset: ["prefix"] }),
    request("DELETE /v1/origins/disk"),
    request("POST /v1/origins/disk/check"),
    request("POST /v1/reload"),
  ],
  tokens: [
    ...["\r\n", "\r\n\r\n", "Transfer-Encoding: chunked\r\n", "Last-Event-ID: x\r\n", "HTTP/1.0"],
    ...["%00", "/../", "?follow=false", '"__proto__":{},', '{"a":', "null", "1e999", "[", "\u2028"],
  ],
  smokeInputs: 2000,
  async start() {
    const controlled = new Controlled();
    const mount = controlled.serve(new FakeMount(controlled.path("cache")));
    const { settings } = mount;
    let changes = 0;
    mount.changing = async (edit) => {
      const edited = await editOrigins(CONFIG, "config.toml", edit);
      changes++;
      mount.settings = [
        ...(await configOfText(edited, "config.toml", {}, controlled.around)).origins,
      ];
      return edited !== CONFIG;
    };
    const { client } = (await controlled.find())[0] ?? {};
    if (client === undefined) throw new Error("no mount was found");
    const path = client.directory.address(client.socket);
    return {
      async take(input) {
        mount.asked.length = 0;
        mount.settings = [...settings];
        changes = 0;
        const answer = await answered(path, input);
        const statuses = [...answer.matchAll(STATUS)].map(([, status]) => Number(status));
        must(
          statuses.every((status) => status < 500 || status === OTHER_VERSION),
          `answered ${statuses}`,
        );
        const good = statuses.filter((status) => status < 300).length;
        // Of requests in one go the later ones may be done, but not be answered: we have hung up.
        const requests = [...Buffer.from(input).toString("latin1").matchAll(REQUEST_LINE)].length;
        const unanswered = Math.max(0, requests - statuses.length);
        const others = mount.asked.filter(
          (asked) => !Array.isArray(asked) || asked[0] !== "change",
        );
        must(
          changes + others.length <= good + unanswered,
          `answered ${statuses}, and did ${JSON.stringify(mount.asked)}`,
        );
        must(controlled.faults.length === 0, controlled.faults.join());
      },
      [Symbol.asyncDispose]: () => controlled[Symbol.asyncDispose](),
    };
  },
};

/** All that is said to these bytes, until the server closes or has no more to say. */
function answered(path: string, input: Uint8Array): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let answer = "";
  const socket = connect(path);
  const timer = setTimeout(
    () => reject(new Error("the server leaves a client waiting")),
    PATIENCE_MS,
  );
  socket.on("data", (chunk) => {
    answer += chunk.toString("latin1");
  });
  // The server may be gone while we still write.
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    clearTimeout(timer);
    resolve(answer);
  });
  socket.end(input);
  return promise;
}
