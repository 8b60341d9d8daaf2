// The unmodified ali-oss, in each way it signs and addresses. Where the local cloud is comes from the runner's environment.

import { createRequire } from "node:module";

const environment = process.env;
export const OSS = createRequire(environment.SDK_MODULES + "/")("ali-oss");
export const { SDK_BUCKET: bucket, SDK_REGION: region, SDK_TOPIC: topic, SDK_TOKEN: token } = environment;

const url = new URL(environment.SDK_OSS);
// For an address ali-oss names the bucket in the Host header; with sldEnable it puts it into the path.
const virtualHost = { endpoint: url.href };
const pathStyle = { endpoint: `http://localhost:${url.port}`, sldEnable: true };

export function client(options = {}) {
  return new OSS({
    accessKeyId: environment.SDK_ACCESS_KEY_ID,
    accessKeySecret: environment.SDK_ACCESS_KEY_SECRET,
    region: `oss-${region}`,
    bucket,
    ...pathStyle,
    ...options,
  });
}

export const ways = {
  "V1, virtual host": { authorizationV4: false, ...virtualHost, sldEnable: false },
  "V1, path": { authorizationV4: false, ...pathStyle },
  "V4, virtual host": { authorizationV4: true, ...virtualHost, sldEnable: false },
  "V4, path": { authorizationV4: true, ...pathStyle },
};

export function oneSecondOfAudio() {
  const [rate, bytes] = [16000, 32000];
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + bytes, 4);
  head.write("WAVEfmt ", 8);
  [16, 1 | (1 << 16), rate, 2 * rate, 2 | (16 << 16)].forEach((value, i) => head.writeUInt32LE(value, 16 + 4 * i));
  head.write("data", 36);
  head.writeUInt32LE(bytes, 40);
  return Buffer.concat([head, Buffer.alloc(bytes)]);
}
