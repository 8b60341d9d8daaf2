// Presigned addresses that ali-oss makes, used by a client that knows nothing of OSS.

import assert from "node:assert/strict";
import { test } from "node:test";

import { client } from "./clients.mjs";

const key = "签名/presigned +.txt";

test("a V1 address reads, writes, and overrides response headers", async () => {
  const store = client();
  const type = "text/plain";
  const put = await fetch(store.signatureUrl(key, { method: "PUT", "Content-Type": type }), {
    method: "PUT",
    body: "by address",
    headers: { "Content-Type": type },
  });
  assert.equal(put.status, 200);
  const got = await fetch(store.signatureUrl(key, { response: { "content-type": "text/x-other" } }));
  assert.equal(await got.text(), "by address");
  assert.equal(got.headers.get("content-type"), "text/x-other");
  const written = await fetch(store.signatureUrl(key), { method: "PUT", body: "another method" });
  assert.equal(written.status, 403);
  assert.match(await written.text(), /<Code>SignatureDoesNotMatch<\/Code>/);
});

test("a V1 address made by asyncSignatureUrl", async () => {
  const store = client();
  await store.put(key, Buffer.from("async"));
  assert.equal(await (await fetch(await store.asyncSignatureUrl(key))).text(), "async");
});

test("a V4 address, with a signed header that must then be sent", async () => {
  const store = client({ authorizationV4: true });
  await store.put(key, Buffer.from("four"));
  assert.equal(await (await fetch(await store.signatureUrlV4("GET", 60, undefined, key))).text(), "four");
  const body = Buffer.from("five"); // fetch would add a Content-Type to a string, and that is always signed
  const request = { headers: { "x-oss-meta-a": "1" } };
  const url = await store.signatureUrlV4("PUT", 60, request, key, ["x-oss-meta-a"]);
  assert.equal((await fetch(url, { method: "PUT", body })).status, 403);
  assert.equal((await fetch(url, { method: "PUT", body, ...request })).status, 200);
  assert.deepEqual((await store.head(key)).meta, { a: "1" });
});

test("an address is good for its time only", async () => {
  const store = client({ authorizationV4: true });
  await store.put(key, Buffer.from("x"));
  const past = await fetch(client().signatureUrl(key, { expires: -1 }));
  assert.equal(past.status, 403);
  assert.match(await past.text(), /<Code>AccessDenied<\/Code><Message>Request has expired/);
  const never = await store.signatureUrlV4("GET", 604_801, undefined, key);
  assert.equal((await fetch(never)).status, 400);
});
