// Multipart uploads, appends, symbolic links and object ACLs with ali-oss.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { bucket, client, ways } from "./clients.mjs";

const PART = 100 * 1024;
const folder = await mkdtemp(join(tmpdir(), "sdk-suite-"));
after(() => rm(folder, { recursive: true }));

for (const [way, options] of Object.entries(ways)) {
  const store = client(options);
  const own = (name) => `${way}/${name}`;

  test(`${way}: a file goes up in parts, several at once`, async () => {
    const [key, content, path] = [own("大 file+.bin"), randomBytes(5 * PART + 7), join(folder, way.replace(/\W/g, "-"))];
    await writeFile(path, content);
    const done = await store.multipartUpload(key, path, { partSize: PART, parallel: 3, meta: { by: "parts" } });
    assert.match(done.etag, /^"[0-9A-F]{32}-6"$/);
    const got = await store.get(key);
    assert.deepEqual(got.content, content);
    const head = await store.head(key);
    assert.equal(head.res.headers["x-oss-object-type"], "Multipart");
    assert.deepEqual(head.meta, { by: "parts" });
  });

  test(`${way}: an upload step by step: listed, resumed, completed, another aborted`, async () => {
    const key = own("steps");
    const pieces = [randomBytes(PART), randomBytes(10)];
    const { uploadId } = await store.initMultipartUpload(key);
    const parts = [];
    for (const [index, piece] of pieces.entries()) {
      const path = join(folder, "piece");
      await writeFile(path, piece);
      const { etag } = await store.uploadPart(key, uploadId, index + 1, path, 0, piece.length);
      parts.push({ number: index + 1, etag });
    }
    const listed = await store.listParts(key, uploadId);
    assert.deepEqual([].concat(listed.parts).map(({ ETag }) => ETag), parts.map(({ etag }) => etag));
    const { uploads } = await store.listUploads({ prefix: key });
    assert.deepEqual([].concat(uploads).map((upload) => upload.uploadId), [uploadId]);
    await assert.rejects(store.head(key), { status: 404 });
    await store.completeMultipartUpload(key, uploadId, parts);
    assert.deepEqual((await store.get(key)).content, Buffer.concat(pieces));

    const other = await store.initMultipartUpload(own("aborted"));
    await store.abortMultipartUpload(own("aborted"), other.uploadId);
    await assert.rejects(store.listParts(own("aborted"), other.uploadId), { status: 404, code: "NoSuchUpload" });
    await assert.rejects(store.completeMultipartUpload(own("aborted"), other.uploadId, parts), { code: "NoSuchUpload" });
  });

  test(`${way}: an object is copied part by part`, async () => {
    const content = randomBytes(2 * PART + 1);
    await store.put(own("to be copied"), content);
    const source = { sourceKey: own("to be copied"), sourceBucketName: bucket, startOffset: 0, endOffset: content.length };
    await store.multipartUploadCopy(own("copied"), source, { partSize: PART });
    assert.deepEqual((await store.get(own("copied"))).content, content);
  });

  test(`${way}: appends, each at the end of the last one`, async () => {
    const key = own("appended");
    const first = await store.append(key, Buffer.from("one "));
    assert.equal(first.nextAppendPosition, "4");
    const second = await store.append(key, Buffer.from("two"), { position: first.nextAppendPosition });
    assert.equal(second.nextAppendPosition, "7");
    await assert.rejects(store.append(key, Buffer.from("x"), { position: 3 }), {
      status: 409,
      code: "PositionNotEqualToLength",
    });
    const got = await store.get(key);
    assert.equal(got.content.toString(), "one two");
    assert.equal(got.res.headers["x-oss-object-type"], "Appendable");
  });

  test(`${way}: the ACL of an object`, async () => {
    const key = own("acl");
    await store.put(key, Buffer.from("x"));
    assert.equal((await store.getACL(key)).acl, "default");
    await store.putACL(key, "private");
    assert.equal((await store.getACL(key)).acl, "private");
  });

  test(`${way}: a symbolic link`, async () => {
    const target = own("linked 目标");
    await store.put(target, Buffer.from("behind the link"));
    await store.putSymlink(own("link"), target, {});
    assert.equal((await store.getSymlink(own("link"))).targetName, target);
    assert.equal((await store.get(own("link"))).content.toString(), "behind the link");
  });
}
