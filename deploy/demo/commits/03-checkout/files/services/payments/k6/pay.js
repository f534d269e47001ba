import http from "k6/http";
import { check, sleep } from "k6";

// Pays directly. Payments asks the gateway, then books in the ledger.
export const options = {
  vus: 5,
  duration: "30s",
  thresholds: { http_req_duration: ["p(95)<300"], http_req_failed: ["rate<0.01"] },
};

export default function () {
  const paid = http.post(`${__ENV.TARGET}/payments`, JSON.stringify({ amount: 4200 }), {
    headers: { "Content-Type": "application/json" },
    tags: { name: "pay" },
  });
  check(paid, { paid: (r) => r.status === 201 });
  sleep(0.2);
}
