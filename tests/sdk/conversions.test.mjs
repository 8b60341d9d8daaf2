// audio/convert from ali-oss, which has no method of its own for x-oss-async-process: by its general request.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { test } from "node:test";

import { client, oneSecondOfAudio, topic, ways } from "./clients.mjs";

const SECONDS = 60;
const encoded = (text) => Buffer.from(text).toString("base64url");

function submit(store, key, process) {
  return store.request({
    ...store._objectRequestParams("POST", key, { subres: "x-oss-async-process" }),
    content: `x-oss-async-process=${process}`,
    successStatuses: [200],
  });
}

for (const [way, options] of Object.entries(ways)) {
  const store = client(options);

  test(`${way}: a conversion is accepted and its rendition appears whole`, async () => {
    const [source, target] = [`${way}/源.wav`, `${way}/out/源.mp3`];
    await store.put(source, oneSecondOfAudio());
    const saveas = `sys/saveas,o_${encoded(target)}/notify,topic_${encoded(topic)}`;
    const answer = JSON.parse((await submit(store, source, `audio/convert,f_mp3,ab_64000|${saveas}`)).data);
    assert.match(answer.TaskId, /^MediaConvert-[0-9a-f-]{36}$/);
    assert.ok(answer.EventId && answer.RequestId);
    const deadline = Date.now() + SECONDS * 1000;
    let found;
    while (!found) {
      assert.ok(Date.now() < deadline, `no rendition after ${SECONDS} s`);
      found = await store.get(target).catch((error) => (error.code === "NoSuchKey" ? pause(50) : Promise.reject(error)));
    }
    assert.equal(found.res.headers["content-type"], "audio/mpeg");
    assert.ok(found.content.length > 7_000, `${found.content.length} bytes`);
    assert.ok(found.content.subarray(0, 3).equals(Buffer.from("ID3")) || found.content[0] === 0xff);
  });

  test(`${way}: what can't be converted is refused with IMM's words`, async () => {
    await store.put(`${way}/refused.wav`, oneSecondOfAudio());
    await assert.rejects(submit(store, `${way}/refused.wav`, "audio/convert,f_mp3,ar_1"), (error) => {
      assert.equal(error.code, "Imm Client");
      return error.status === 400;
    });
    await assert.rejects(submit(store, `${way}/none.wav`, "audio/convert,f_mp3"), { status: 404, code: "NoSuchKey" });
  });

  test(`${way}: processObjectSave, which is synchronous, does no audio/convert`, async () => {
    await store.put(`${way}/sync.wav`, oneSecondOfAudio());
    // It leaves the status to its caller.
    const { status } = await store.processObjectSave(`${way}/sync.wav`, `${way}/sync.mp3`, "audio/convert,f_mp3");
    assert.ok(status >= 400, `${status}`);
    await assert.rejects(store.head(`${way}/sync.mp3`), { status: 404 });
  });
}
