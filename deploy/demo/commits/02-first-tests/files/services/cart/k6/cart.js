import http from "k6/http";
import { check, sleep } from "k6";

// Fills a cart and looks at it. The cart asks the catalogue for each line.
export const options = {
  vus: 6,
  duration: "30s",
  thresholds: {
    http_req_duration: ["p(95)<300", "p(99)<500"],
    http_req_failed: ["rate<0.01"],
  },
};

export default function () {
  const cart = `${__ENV.TARGET}/carts/${__VU}`;
  const added = http.post(`${cart}/lines`, JSON.stringify({ product: `p00${__ITER % 10}` }), {
    headers: { "Content-Type": "application/json" },
    tags: { name: "add a line" },
  });
  check(added, { "line added": (r) => r.status === 201 });
  check(http.get(cart, { tags: { name: "look at the cart" } }), { "cart shown": (r) => r.status === 200 });
  sleep(0.3);
}
