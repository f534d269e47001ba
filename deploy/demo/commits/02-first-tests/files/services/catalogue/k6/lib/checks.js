import { check } from "k6";

/** Every page answers, and answers with JSON. */
export function answered(response) {
  return check(response, {
    "status is 200": (r) => r.status === 200,
    "answers with JSON": (r) => String(r.headers["Content-Type"]).startsWith("application/json"),
  });
}
