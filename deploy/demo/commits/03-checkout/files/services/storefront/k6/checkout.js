import http from "k6/http";
import { check, group, sleep } from "k6";

// The whole way: home page, a product, the cart, the till. Load here reaches every service behind it.
export const options = {
  scenarios: {
    checkout: {
      executor: "ramping-vus",
      startVUs: 1,
      stages: [
        { duration: "5s", target: 10 },
        { duration: "30s", target: 10 },
        { duration: "5s", target: 0 },
      ],
    },
  },
  thresholds: {
    http_req_duration: ["p(99)<500"],
    "http_req_duration{name:pay}": ["p(95)<450"],
    http_req_failed: ["rate<0.01"],
    checks: ["rate>0.98"],
  },
};

export default function () {
  group("look around", () => {
    check(http.get(`${__ENV.TARGET}/`, { tags: { name: "home" } }), { "home page": (r) => r.status === 200 });
    check(http.get(`${__ENV.TARGET}/products/p00${__ITER % 10}`, { tags: { name: "product" } }), { product: (r) => r.status === 200 });
  });
  group("buy", () => {
    const paid = http.post(`${__ENV.TARGET}/checkout`, JSON.stringify({ cart: __VU }), {
      headers: { "Content-Type": "application/json" },
      tags: { name: "pay" },
    });
    check(paid, { paid: (r) => r.status === 201 });
  });
  sleep(0.5);
}
