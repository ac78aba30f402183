import { BadAnswer } from "../../../src/core/origins/s3/http_answer.ts";
import { decodeListed } from "../../../src/core/origins/s3/keys.ts";
import { parseListingPage } from "../../../src/core/origins/s3/listing_page.ts";
import { listXml } from "../../support/s3_answers.ts";
import { type FuzzTarget, fuzzed, must, orElse } from "../target.ts";

/** A page of a listing is whole, or it is none: never a part that passes for the whole. */
export const s3Listing: FuzzTarget = {
  name: "s3_listing",
  seeds: [
    listXml({ keys: [{ key: "a" }, { key: "b+c" }], prefixes: ["d/"], encoding: "url" }),
    listXml({ keys: [{ key: "&amp;&#x1F3B5;&#9;" }], token: "more" }),
  ].map((text) => Buffer.from(text)),
  tokens: [
    ...["<Contents>", "</Contents>", "<Key>", "<IsTruncated>true</IsTruncated>", "/>", "<?xml?>"],
    ...["<!--", "-->", "<![CDATA[", "]]>", "&amp;", "&#0;", "&#x10ffff;", "\ufeff", "</"],
  ],
  smokeInputs: 15_000,
  start: () =>
    fuzzed((input) => {
      orElse(
        () => {
          const page = parseListingPage(input);
          const text = Buffer.from(input).toString();
          must(text.trimEnd().length > 0, "an empty answer is a listing");
          must(page.objects.length <= text.split("</Contents>").length, "objects from nowhere");
          for (const { key, sizeBytes } of page.objects) {
            decodeListed(key, page.encoding);
            must(sizeBytes === undefined || Number.isSafeInteger(sizeBytes), `${sizeBytes} bytes`);
          }
        },
        (error) => error instanceof BadAnswer,
      );
    }),
};
