import http from "k6/http";
import { check } from "k6";

// Books entries at a steady rate. The ledger has a small pool: it is the first to queue.
export const options = {
  scenarios: {
    post: { executor: "constant-arrival-rate", rate: 40, timeUnit: "1s", duration: "30s", preAllocatedVUs: 10, maxVUs: 20 },
  },
  thresholds: {
    http_req_duration: ["p(95)<200"],
    dropped_iterations: ["count<5"],
  },
};

export default function () {
  const booked = http.post(`${__ENV.TARGET}/entries`, JSON.stringify({ amount: 100 + (__ITER % 50) }), {
    headers: { "Content-Type": "application/json" },
    tags: { name: "book an entry" },
  });
  check(booked, { booked: (r) => r.status === 201 });
}
