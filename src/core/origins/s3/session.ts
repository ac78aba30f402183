/**
 * The requests that S3 gets, over the AWS SDK: the four of an origin, and two of who publishes. The
 * SDK is loaded with the first of them; its retries are off, as those of the federation are the only
 * ones. Every request can be cancelled at any point and fails as the contract of `Origin` says.
 */

import type {
  DeleteObjectCommandInput,
  GetObjectCommandInput,
  GetObjectCommandOutput,
  HeadObjectCommandInput,
  HeadObjectCommandOutput,
  ListObjectsV2CommandInput,
  PutObjectCommandInput,
  S3Client,
  S3ClientConfig,
} from "@aws-sdk/client-s3";
import { type BytePath, displayPath, ROOT_PATH } from "../../bytes.ts";
import type { Clock } from "../../clock.ts";
import type { S3OriginSettings } from "../../config/config.ts";
import { OriginError } from "../../errors.ts";
import { CREDENTIALS_RETRY_MS, S3_CONCURRENCY } from "../../limits.ts";
import { cancelled, throwIfAborted, untilAborted } from "../abort.ts";
import type { CredentialsProvider } from "../credentials.ts";
import type { UsageMeter } from "../usage.ts";
import { S3Refusal, toOriginError } from "./errors.ts";
import { HttpTransport } from "./http.ts";
import { type ListingPage, parseListingPage } from "./listing_page.ts";
import { Pause } from "./pause.ts";

export interface SessionPorts {
  readonly clock: Clock;
  /** Undefined: the SDK's own chain (environment, profile, instance). */
  readonly credentials: CredentialsProvider | undefined;
  readonly meter: UsageMeter | undefined;
}

/** For whom a request is made. */
export interface Caller {
  readonly path: BytePath;
  readonly signal?: AbortSignal | undefined;
  /** What the credentials need for it, for who is denied it. Default: what an origin needs. */
  readonly rights?: string;
}

type Sdk = typeof import("@aws-sdk/client-s3");

interface Connected {
  readonly sdk: Sdk;
  readonly client: S3Client;
}

type Request<Output> = (
  connected: Connected,
  options: { readonly abortSignal?: AbortSignal },
) => Promise<Output>;

/** What requests are signed for where no region is known and the server has none. */
const NOMINAL_REGION = "us-east-1";

export class S3Session {
  readonly #settings: S3OriginSettings;
  readonly #ports: SessionPorts;
  readonly #transport: HttpTransport;
  readonly #pause: Pause;
  readonly #closing = new AbortController();
  #connected: Promise<Connected> | undefined;
  #connectedMs = Number.NEGATIVE_INFINITY;
  #region: string | undefined;

  constructor(settings: S3OriginSettings, ports: SessionPorts) {
    this.#settings = settings;
    this.#ports = ports;
    this.#pause = new Pause(ports.clock);
    this.#transport = new HttpTransport({
      maxIdleConnections: settings.maxConcurrency ?? S3_CONCURRENCY,
      meter: ports.meter,
    });
  }

  headBucket(caller: Caller): Promise<unknown> {
    const input = { Bucket: this.#settings.bucket };
    return this.#send(caller, ({ sdk, client }, options) =>
      client.send(new sdk.HeadBucketCommand(input), options),
    );
  }

  headObject(
    input: Omit<HeadObjectCommandInput, "Bucket">,
    caller: Caller,
  ): Promise<HeadObjectCommandOutput> {
    const whole = { ...input, Bucket: this.#settings.bucket };
    return this.#send(caller, ({ sdk, client }, options) =>
      client.send(new sdk.HeadObjectCommand(whole), options),
    );
  }

  /** A range; the caller drains or destroys the body. */
  getObject(
    input: Omit<GetObjectCommandInput, "Bucket"> & { readonly Range: string },
    caller: Caller,
  ): Promise<GetObjectCommandOutput> {
    const whole = { ...input, Bucket: this.#settings.bucket };
    return this.#send(caller, ({ sdk, client }, options) =>
      client.send(new sdk.GetObjectCommand(whole), options),
    );
  }

  /** An object as a whole, in place of one of its key. */
  putObject(
    input: Omit<PutObjectCommandInput, "Bucket" | "Body"> & { readonly Body: Uint8Array },
    caller: Caller,
  ): Promise<unknown> {
    const whole = { ...input, Bucket: this.#settings.bucket };
    return this.#send(caller, ({ sdk, client }, options) =>
      client.send(new sdk.PutObjectCommand(whole), options),
    );
  }

  /** Succeeds for an object that is not there. */
  deleteObject(input: Omit<DeleteObjectCommandInput, "Bucket">, caller: Caller): Promise<unknown> {
    const whole = { ...input, Bucket: this.#settings.bucket };
    return this.#send(caller, ({ sdk, client }, options) =>
      client.send(new sdk.DeleteObjectCommand(whole), options),
    );
  }

  /** A page; keys and prefixes in it are percent-encoded if the server can. */
  async listObjects(
    input: Omit<ListObjectsV2CommandInput, "Bucket">,
    caller: Caller,
  ): Promise<ListingPage> {
    const whole = { ...input, Bucket: this.#settings.bucket, EncodingType: "url" as const };
    const bodies: Uint8Array[] = [];
    await this.#send(caller, ({ sdk, client }, options) => {
      const taking = { ...options, takeBody: (body: Uint8Array) => void bodies.push(body) };
      return client.send(new sdk.ListObjectsV2Command(whole), taking);
    });
    try {
      return parseListingPage(bodies.at(-1) ?? new Uint8Array());
    } catch (error) {
      throw this.failure(error, caller);
    }
  }

  /** Any failure, of a body as well, as the error to throw; what it says of the origin is noted. */
  failure(error: unknown, caller: Caller): Error {
    if (this.#closing.signal.aborted) return this.#closed(caller);
    if (caller.signal?.aborted === true) return cancelled(caller.signal);
    const { bucket, endpoint, id } = this.#settings;
    const failure = toOriginError(error, {
      origin: id,
      path: caller.path,
      bucket,
      endpoint,
      region: this.#region,
      nowMs: this.#ports.clock.wallMs(),
      ...(caller.rights === undefined ? {} : { rights: caller.rights }),
    });
    if (failure.code === "credentials") this.#forgetCredentials();
    if (failure.code === "overloaded" && failure.cause instanceof S3Refusal) {
      this.#pause.begin(failure.cause.retryAfterMs);
    }
    return failure;
  }

  /** Drops idle connections and those under way; the next request connects anew. */
  dropConnections(): void {
    this.#transport.dropConnections();
  }

  close(): void {
    this.#closing.abort();
    this.#transport.close();
  }

  async #send<Output>(caller: Caller, request: Request<Output>): Promise<Output> {
    const { signal } = caller;
    const closing = this.#closing.signal;
    throwIfAborted(signal);
    if (closing.aborted) throw this.#closed(caller);
    const wait = <T>(promise: Promise<T>) => untilAborted(untilAborted(promise, closing), signal);
    try {
      if (!(await wait(this.#pause.over(signal)))) throw this.#pausing(caller);
      const connected = await wait(this.#connect());
      const options = signal === undefined ? {} : { abortSignal: signal };
      const send = () => wait(request(connected, options));
      return await send().catch((error: unknown) => {
        // The SDK has learned the server's time from the refusal: now it is told the right one.
        if (clockWasCorrected(error)) return send();
        throw error;
      });
    } catch (error) {
      throw this.failure(error, caller);
    }
  }

  #connect(): Promise<Connected> {
    if (this.#connected === undefined) {
      this.#connected = this.#open().catch((error: unknown) => {
        this.#connected = undefined;
        throw error;
      });
      this.#connectedMs = this.#ports.clock.monotonicMs();
    }
    return this.#connected;
  }

  async #open(): Promise<Connected> {
    const sdk = await import("@aws-sdk/client-s3");
    const { region, endpoint, forcePathStyle, profile } = this.#settings;
    const config: S3ClientConfig = {
      maxAttempts: 1,
      forcePathStyle,
      followRegionRedirects: false,
      // The transport sends a body with its request, and waits for no 100.
      expectContinueHeader: false,
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      requestHandler: this.#transport,
      logger: SILENT,
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(profile === undefined ? {} : { profile }),
      ...(await this.#identity()),
    };
    const client = new sdk.S3Client(config);
    this.#region = await client.config.region().catch(() => undefined);
    if (this.#region !== undefined || endpoint === undefined) return { sdk, client };
    this.#region = NOMINAL_REGION;
    return { sdk, client: new sdk.S3Client({ ...config, region: NOMINAL_REGION }) };
  }

  async #identity(): Promise<S3ClientConfig> {
    const { credentials } = this.#ports;
    if (credentials !== undefined) return { credentials: () => this.#accessKey(credentials) };
    const { defaultProvider } = await import("@aws-sdk/credential-provider-node");
    return {
      // Read again each time, so that a rotated key in ~/.aws needs no restart.
      credentialDefaultProvider: (init) => defaultProvider({ ...init, ignoreCache: true }),
    };
  }

  async #accessKey(credentials: CredentialsProvider) {
    const { accessKeyId, secretAccessKey, sessionToken, expiresAtMs } = await credentials.get();
    if (accessKeyId === undefined || secretAccessKey === undefined) {
      const message = "S3 needs ACCESS_KEY_ID and SECRET_ACCESS_KEY; its credentials have neither";
      throw new OriginError("credentials", this.#settings.id, displayPath(ROOT_PATH), message);
    }
    return {
      accessKeyId,
      secretAccessKey: secretAccessKey.reveal(),
      ...(sessionToken === undefined ? {} : { sessionToken: sessionToken.reveal() }),
      ...(expiresAtMs === undefined ? {} : { expiration: new Date(expiresAtMs) }),
    };
  }

  /** The next request asks for them again, but not more often than once a minute. */
  #forgetCredentials(): void {
    this.#ports.credentials?.refused();
    const ageMs = this.#ports.clock.monotonicMs() - this.#connectedMs;
    if (ageMs >= CREDENTIALS_RETRY_MS) this.#connected = undefined;
  }

  #closed({ path }: Caller): OriginError {
    return new OriginError(
      "connection",
      this.#settings.id,
      displayPath(path),
      "the origin was closed",
    );
  }

  #pausing({ path }: Caller): OriginError {
    const seconds = Math.ceil(this.#pause.leftMs / 1000);
    const message = `the server asks for fewer requests; none is sent for ${seconds} s`;
    return new OriginError("overloaded", this.#settings.id, displayPath(path), message);
  }
}

/** The SDK would write to the terminal by itself. */
const ignore = (): undefined => undefined;
const SILENT = { debug: ignore, info: ignore, warn: ignore, error: ignore };

function clockWasCorrected(error: unknown): boolean {
  const { $metadata } = Object(error);
  const { clockSkewCorrected, httpStatusCode } = Object($metadata);
  // Set for every failed request of a machine whose clock is wrong, whatever it failed for.
  return clockSkewCorrected === true && httpStatusCode === 403;
}
