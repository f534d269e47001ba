import http from "k6/http";
import { check } from "k6";

// Rebuilds a slice of the index again and again.
export const options = {
  vus: 2,
  iterations: 60,
  thresholds: { http_req_duration: ["p(95)<400"] },
};

export default function () {
  check(http.post(`${__ENV.TARGET}/slices/${__ITER % 4}`, null, { tags: { name: "rebuild a slice" } }), { rebuilt: (r) => r.status === 200 });
}
