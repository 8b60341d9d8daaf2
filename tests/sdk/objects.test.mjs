// Buckets, objects, listings, tags and metadata with ali-oss.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { test } from "node:test";

import { bucket, client, region, token, ways } from "./clients.mjs";

const KEY = "文件 夹/a+b &=%25?#'!()*~ö.bin";
const md5 = (content) => createHash("md5").update(content).digest("hex").toUpperCase();

for (const [way, options] of Object.entries(ways)) {
  const store = client(options);
  const own = (name) => `${way}/${name}`;

  test(`${way}: an object goes in and out, with metadata and content headers`, async () => {
    const [key, content] = [own(KEY), randomBytes(150_000)];
    const put = await store.put(key, content, {
      meta: { uid: 1, slogan: "test" },
      mime: "audio/x-test",
      headers: { "Cache-Control": "max-age=7", "Content-Disposition": "attachment" },
    });
    assert.equal(put.res.status, 200);
    assert.equal(put.res.headers.etag, `"${md5(content)}"`);
    assert.match(put.res.headers["x-oss-request-id"], /^[0-9A-F]{24}$/);

    const got = await store.get(key);
    assert.deepEqual(got.content, content);
    assert.equal(got.res.headers["x-oss-hash-crc64ecma"], put.res.headers["x-oss-hash-crc64ecma"]);

    const head = await store.head(key);
    assert.deepEqual(head.meta, { uid: "1", slogan: "test" });
    assert.equal(head.res.headers["content-type"], "audio/x-test");
    assert.equal(head.res.headers["cache-control"], "max-age=7");
    assert.equal(head.res.headers["content-length"], "150000");

    const meta = await store.getObjectMeta(key);
    assert.equal(meta.res.headers.etag, `"${md5(content)}"`);

    const part = await store.get(key, { headers: { Range: "bytes=10-19" } });
    assert.equal(part.res.status, 206);
    assert.deepEqual(part.content, content.subarray(10, 20));
  });

  test(`${way}: streams, in chunks and out`, async () => {
    const content = randomBytes(3_000_000);
    await store.putStream(own("streamed"), Readable.from([content.subarray(0, 999), content.subarray(999)]));
    const { stream } = await store.getStream(own("streamed"));
    const pieces = [];
    for await (const piece of stream) pieces.push(piece);
    assert.deepEqual(Buffer.concat(pieces), content);
  });

  test(`${way}: conditions, and no overwriting where it is forbidden`, async () => {
    const { res } = await store.put(own("once"), Buffer.from("1"));
    const { etag } = res.headers;
    await assert.rejects(store.put(own("once"), Buffer.from("2"), { headers: { "x-oss-forbid-overwrite": "true" } }), {
      status: 409,
      code: "FileAlreadyExists",
    });
    assert.equal((await store.head(own("once"), { headers: { "If-None-Match": etag } })).status, 304);
    await assert.rejects(store.get(own("once"), { headers: { "If-Match": '"0"' } }), {
      status: 412,
      code: "PreconditionFailed",
    });
  });

  test(`${way}: listings of both versions, page by page, folders folded`, async () => {
    const names = ["a/1", "a/2", "b", "c d+é", "e"].map((name) => own(`list/${name}`));
    for (const name of names) await store.put(name, Buffer.from(name));
    const prefix = own("list/");

    const found = [];
    let marker;
    do {
      const page = await store.list({ prefix, "max-keys": 2, ...(marker && { marker }) });
      found.push(...page.objects);
      marker = page.nextMarker;
    } while (marker);
    assert.deepEqual(found.map(({ name }) => name), names);
    assert.deepEqual(found.map(({ etag }) => etag), names.map((name) => `"${md5(name)}"`));

    const entries = [];
    let next;
    do {
      const page = await store.listV2({ prefix, delimiter: "/", "max-keys": 2, ...(next && { "continuation-token": next }) });
      entries.push(...(page.prefixes ?? []), ...(page.objects ?? []).map(({ name }) => name));
      next = page.nextContinuationToken;
    } while (next);
    assert.deepEqual(entries.sort(), [own("list/a/"), ...names.slice(2)].sort());

    const after = await store.listV2({ prefix, "start-after": names[1], "fetch-owner": "true" });
    assert.deepEqual(after.objects.map(({ name }) => name), names.slice(2));
  });

  test(`${way}: copies, keeps or replaces metadata, deletes one and many`, async () => {
    const [from, to] = [own("copy 源"), own("copy 目标")];
    await store.put(from, Buffer.from("copied"), { meta: { a: "1" } });
    const copied = await store.copy(to, from);
    assert.equal(copied.data.etag, `"${md5("copied")}"`);
    assert.deepEqual((await store.head(to)).meta, { a: "1" });
    await store.putMeta(to, { b: "2" });
    assert.deepEqual((await store.head(to)).meta, { b: "2" });
    assert.equal((await store.get(to)).content.toString(), "copied");

    await store.delete(from);
    await store.delete(from);
    await assert.rejects(store.get(from), { status: 404, code: "NoSuchKey" });
    await assert.rejects(store.head(from), { status: 404, code: "NoSuchKey" });
    const many = await store.deleteMulti([to, own("never there <&>")]);
    assert.equal(many.deleted.length, 2);
    await assert.rejects(store.copy(to, from), { status: 404, code: "NoSuchKey" });
    await store.deleteMulti([to], { quiet: true });
  });

  test(`${way}: tags`, async () => {
    const key = own("tagged");
    await store.put(key, Buffer.from("x"), { headers: { "x-oss-tagging": "first=1" } });
    assert.deepEqual((await store.getObjectTagging(key)).tag, { first: "1" });
    await store.putObjectTagging(key, { a: "1", b: "v +=." });
    assert.deepEqual((await store.getObjectTagging(key)).tag, { a: "1", b: "v +=." });
    await store.deleteObjectTagging(key);
    assert.deepEqual((await store.getObjectTagging(key)).tag, {});
  });

  test(`${way}: buckets`, async () => {
    const name = `made-${way.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`;
    await store.putBucket(name);
    const other = client({ ...options, bucket: name });
    assert.equal((await other.getBucketInfo(name)).bucket.Name, name);
    assert.equal((await other.getBucketLocation(name)).location, `oss-${region}`);
    assert.equal((await other.getBucketACL(name)).acl, "private");
    await other.put("o", Buffer.from("12345"));
    const { stat } = await other.getBucketStat(name);
    assert.deepEqual([stat.ObjectCount, stat.Storage], ["1", "5"]);
    await assert.rejects(other.deleteBucket(name), { status: 409, code: "BucketNotEmpty" });
    await other.delete("o");
    await other.deleteBucket(name);
    await assert.rejects(other.getBucketInfo(name), { status: 404, code: "NoSuchBucket" });
  });

  test(`${way}: an STS token signs too, another one doesn't`, async () => {
    const refreshed = { refreshSTSTokenInterval: 3_600_000 };
    const temporary = client({ ...options, ...refreshed, stsToken: token });
    await temporary.put(own("by token"), Buffer.from("x"));
    await assert.rejects(client({ ...options, ...refreshed, stsToken: "wrong" }).get(own("by token")), {
      status: 403,
      code: "InvalidSecurityToken",
    });
  });

  test(`${way}: wrong keys and wrong clocks are refused`, async () => {
    const denied = (code, changed) =>
      assert.rejects(client({ ...options, ...changed }).get("any"), { status: 403, code });
    await denied("SignatureDoesNotMatch", { accessKeySecret: "wrong" });
    await denied("InvalidAccessKeyId", { accessKeyId: "wrong" });
    await denied("RequestTimeTooSkewed", { amendTimeSkewed: 16 * 60_000 });
    await denied("RequestTimeTooSkewed", { amendTimeSkewed: -16 * 60_000 });
  });
}

test("the account's buckets are listed at the service itself", async () => {
  const { buckets } = await client({ authorizationV4: true }).listBuckets({ "max-keys": 100 });
  assert.ok(buckets.some(({ name }) => name === bucket));
});

test("another region's V4 signature is refused", async () => {
  await assert.rejects(client({ authorizationV4: true, region: "oss-cn-hangzhou" }).get("any"), {
    status: 400,
    code: "InvalidArgument",
  });
});
