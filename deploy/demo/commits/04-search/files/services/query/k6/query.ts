import http from "k6/http";
import { check, sleep } from "k6";

// What people type, one letter more each time.
interface Word {
  text: string;
}
const words: Word[] = [{ text: "lamp" }, { text: "chair" }, { text: "table" }];

export const options = {
  scenarios: { type: { executor: "constant-vus", vus: 5, duration: "30s" } },
  thresholds: { http_req_duration: ["p(95)<250"], http_req_failed: ["rate<0.01"] },
};

export default function (): void {
  const word: Word = words[__ITER % words.length];
  for (let letters = 1; letters <= word.text.length; letters += 1) {
    const found = http.get(`${__ENV.TARGET}/search?q=${word.text.slice(0, letters)}`, { tags: { name: "search" } });
    check(found, { found: (r) => r.status === 200 });
  }
  sleep(0.3);
}
