/** INIT, DESTROY, INTERRUPT. */

import { OwnError } from "../../errors.ts";
import { EINVAL, EPROTO } from "../../sys/errno.ts";
import { MAJOR } from "../abi.ts";
import { type Exchange, REQUEST_BODY } from "../exchange.ts";
import type { Result } from "../filesystem.ts";
import { INTERRUPT_IN } from "../layout.ts";
import { negotiate, putInit, readOffer } from "../negotiate.ts";
import { REPLY_BODY } from "../reply.ts";

/**
 * A kernel that is too old gets EPROTO, upon which it fails every operation of the mount, and
 * `onError` an `unsupported` that says so to people.
 */
export function init(x: Exchange): Result {
  if (x.negotiated !== undefined) return -EINVAL;
  const offer = readOffer(x.view, REQUEST_BODY, x.bodyBytes);
  if (offer.major > MAJOR) return putInit(x.reply.view, REPLY_BODY, undefined);
  const agreed = negotiate(offer, x.wishes);
  if (agreed instanceof OwnError) {
    x.onError(agreed, x.request);
    return -EPROTO;
  }
  x.negotiated = agreed;
  return putInit(x.reply.view, REPLY_BODY, agreed);
}

export function interrupt(x: Exchange): Result {
  const unique = x.u64(INTERRUPT_IN.at.unique);
  if (unique >= 0) x.fileSystem.interrupt(unique);
  return 0;
}
