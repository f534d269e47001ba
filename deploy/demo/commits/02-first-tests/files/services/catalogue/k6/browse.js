import http from "k6/http";
import { check, group, sleep } from "k6";
import { SharedArray } from "k6/data";
import { answered } from "./lib/checks.js";

// Reads pages of the catalogue as visitors do: a list, then two products of it.
const products = new SharedArray("products", () => JSON.parse(open("./data/products.json")));

export const options = {
  scenarios: {
    browse: {
      executor: "ramping-vus",
      startVUs: 1,
      stages: [
        { duration: "5s", target: 8 },
        { duration: "20s", target: 8 },
        { duration: "5s", target: 0 },
      ],
    },
  },
  thresholds: {
    http_req_duration: ["p(99)<400"],
    "http_req_duration{name:product}": ["p(95)<250"],
    http_req_failed: ["rate<0.01"],
    checks: ["rate>0.99"],
  },
};

export default function () {
  group("list", () => {
    answered(http.get(`${__ENV.TARGET}/products?page=${__ITER % 5}`, { tags: { name: "list" } }));
  });
  group("product", () => {
    for (let i = 0; i < 2; i += 1) {
      const product = products[(__VU * 7 + __ITER * 3 + i) % products.length];
      const answer = http.get(`${__ENV.TARGET}/products/${product.id}`, { tags: { name: "product" } });
      check(answer, { "is the product asked for": (r) => r.status === 200 && r.json("id") === product.id });
    }
  });
  sleep(0.2);
}
