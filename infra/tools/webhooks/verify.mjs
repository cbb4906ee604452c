// Verifies requests with Svix's library for Node. One JSON object a line: secret, headers, body and the time now; one
// line of answer each.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const { Webhook } = createRequire(process.argv[2] + "/")("svix");
const now = Date.now;

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body, now_ms } = JSON.parse(line);
  // The library compares the time of a request with the clock, which the test may have moved.
  Date.now = () => now_ms;
  let verdict = "valid";
  try {
    new Webhook(secret).verify(body, headers);
  } catch (error) {
    verdict = error.message;
  }
  Date.now = now;
  console.log(JSON.stringify(verdict));
}
