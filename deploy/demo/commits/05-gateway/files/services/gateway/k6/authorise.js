import http from "k6/http";
import { signed } from "./lib/signature.js";

// Not finished: the helper that signs requests is still to be written, so k6 cannot load this.
export const options = { vus: 2, duration: "20s" };

export default function () {
  http.post(`${__ENV.TARGET}/authorisations`, signed({ amount: 4200 }), { tags: { name: "authorise" } });
}
